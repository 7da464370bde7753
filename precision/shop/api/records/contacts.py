"""Assignments, exposures, sends and responses as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from precision.shop.api.records.listing import ListParameters, WindowParameters, window
from precision.shop.api.records.resources import Resource, names_of, of_customer
from precision.shop.api.records.values import given, moment
from precision.shop.models import Assignment, Exposure, Platform, Product, Response, Send


class CampaignParameters(ListParameters):
    """Parameters of a list by campaign."""

    campaign = serializers.CharField(max_length=100, default="", help_text="Only this campaign.")


class Assignments(Resource[Assignment]):
    """Who was put into which arm."""

    name = "assignment"
    plural = "assignments"
    order = ("campaign", "identity_id")
    parameters = CampaignParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Assignment]:
        """Return the assignments."""
        rows = Assignment.objects.filter(platform=platform)
        return rows.filter(campaign=values["campaign"]) if values["campaign"] else rows

    def represent(self, rows: Sequence[Assignment], *, personal: bool) -> list[dict[str, Any]]:
        """Return the assignments."""
        names = names_of([row.identity_id for row in rows])
        return [
            given(
                {
                    "campaign_id": row.campaign, **names.get(row.identity_id, {}), "arm": row.arm,
                    "at": moment(row.at),
                }
            )
            for row in rows
        ]  # fmt: skip


class Sends(Resource[Send]):
    """What was sent to whom."""

    name = "send"
    plural = "sends"
    order = ("campaign", "step", "identity_id")
    parameters = CampaignParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Send]:
        """Return the sends."""
        rows = Send.objects.filter(platform=platform)
        return rows.filter(campaign=values["campaign"]) if values["campaign"] else rows

    def represent(self, rows: Sequence[Send], *, personal: bool) -> list[dict[str, Any]]:
        """Return the sends."""
        names = names_of([row.identity_id for row in rows])
        return [
            given(
                {
                    "campaign_id": row.campaign, "step": row.step, **names.get(row.identity_id, {}),
                    "channel": row.channel, "at": moment(row.at), "status": row.status,
                    "properties": row.properties,
                }
            )
            for row in rows
        ]  # fmt: skip


class Responses(Resource[Response]):
    """What came of what was shown or sent."""

    name = "response"
    plural = "responses"
    order = ("campaign", "at", "id")
    parameters = CampaignParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Response]:
        """Return the responses."""
        rows = Response.objects.filter(platform=platform).select_related("product")
        return rows.filter(campaign=values["campaign"]) if values["campaign"] else rows

    def represent(self, rows: Sequence[Response], *, personal: bool) -> list[dict[str, Any]]:
        """Return the responses; of a response id only a digest is kept, so that it is not among the fields."""
        names = names_of([row.identity_id for row in rows])
        return [
            given(
                {
                    "response": row.kind, **names.get(row.identity_id or 0, {}), "campaign_id": row.campaign,
                    "recommendation_id": row.recommendation, "slot": row.slot, "rank": row.rank,
                    "product_id": row.product.external_id if row.product else None, "at": moment(row.at),
                    "properties": row.properties,
                }
            )
            for row in rows
        ]  # fmt: skip


class Exposures(Resource[Exposure]):
    """What was shown to whom."""

    name = "exposure"
    plural = "exposures"
    order = ("at", "id")
    parameters = WindowParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Exposure]:
        """Return the exposures."""
        rows = window(Exposure.objects.filter(platform=platform), dict(values), "at")
        return of_customer(rows, platform, values["customer"])

    def find(self, platform: Platform, record_id: str) -> Exposure | None:
        """Return the exposure of a recommendation id, or None."""
        return Exposure.objects.filter(platform=platform, recommendation=record_id).first()

    def represent(self, rows: Sequence[Exposure], *, personal: bool) -> list[dict[str, Any]]:
        """Return the exposures with their items."""
        names = names_of([row.identity_id for row in rows])
        numbers = {number for row in rows for number in row.products}
        ids = dict(Product.objects.filter(pk__in=numbers).values_list("pk", "external_id"))
        return [
            given(
                {
                    "recommendation_id": row.recommendation, **names.get(row.identity_id or 0, {}),
                    "at": moment(row.at), "page": row.page, "experiment": row.experiment, "arm": row.arm,
                    "items": _items(row, ids),
                }
            )
            for row in rows
        ]  # fmt: skip

    def remove(self, platform: Platform, row: Exposure) -> None:
        """Delete the exposure."""
        Exposure.objects.filter(platform=platform, at=row.at, pk=row.pk).delete()


def _items(row: Exposure, ids: Mapping[int, str]) -> list[dict[str, Any]]:
    columns = (row.slots, row.ranks, row.products, row.sources, row.propensities)
    return [
        given(
            {
                "slot": slot, "rank": rank, "product_id": ids.get(product), "source": source,
                "propensity": propensity,
            }
        )
        for slot, rank, product, source, propensity in zip(*columns, strict=True)
    ]  # fmt: skip
