"""Events, and what is kept as events, as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from precision.shop.api.records.listing import WindowParameters, window
from precision.shop.api.records.resources import Resource, names_of, of_customer
from precision.shop.api.records.values import given, moment
from precision.shop.intake.reading import digest
from precision.shop.models import Event, Platform, Product, Removal, Store
from precision.shop.models.positions import CurrentTransaction
from precision.shop.recording.happenings import EVENTS
from precision.shop.records import KINDS


class EventParameters(WindowParameters):
    """Parameters of the list of events."""

    event = serializers.CharField(max_length=100, default="", help_text="Only events of this name.")


class Events(Resource[Event]):
    """What people did."""

    name = "event"
    plural = "events"
    order = ("at", "id")
    parameters = EventParameters

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Event]:
        """Return the events."""
        rows = window(Event.objects.filter(platform=platform), dict(values), "at")
        if values["event"]:
            rows = rows.filter(name=values["event"])
        return of_customer(rows, platform, values["customer"])

    def find(self, platform: Platform, record_id: str) -> Event | None:
        """Return the event of an id, the one told last, or None."""
        rows = Event.objects.filter(platform=platform, message=digest(record_id))
        return rows.order_by("-received_at").first()

    def represent(self, rows: Sequence[Event], *, personal: bool) -> list[dict[str, Any]]:
        """Return the events; of an event id only a digest is kept, so that it is not among the fields."""
        names = names_of([row.identity_id for row in rows])
        products = _ids(Product, [row.product_id for row in rows])
        stores = _ids(Store, [row.store_id for row in rows])
        return [
            given(
                {
                    "event": row.name, **names.get(row.identity_id or 0, {}), "at": moment(row.at),
                    "channel": row.channel, "session_id": row.session, "duration_s": row.duration_s,
                    "store_id": stores.get(row.store_id), "query": row.query,
                    "product_id": products.get(row.product_id), "recommendation_id": row.recommendation,
                    "properties": row.properties,
                }
            )
            for row in rows
        ]  # fmt: skip

    def remove(self, platform: Platform, row: Event) -> None:
        """Delete the event, and note it for the history."""
        found = Event.objects.filter(platform=platform, received_at=row.received_at, pk=row.pk)
        if found.delete()[0]:
            Removal.objects.create(
                platform=platform, table="event", row=row.pk, position=CurrentTransaction()
            )


class Happenings(Resource[Event]):
    """Records about an order that are kept as events; each status of one is an event of its own."""

    order = ("at", "id")
    parameters = WindowParameters

    def __init__(self, name: str) -> None:
        """Take the kind of record."""
        self.name = name  # type: ignore[misc]
        self.plural = f"{name}s"  # type: ignore[misc]

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Event]:
        """Return the events of the kind."""
        rows = Event.objects.filter(platform=platform, name__in=EVENTS[self.name].values())
        return of_customer(window(rows, dict(values), "at"), platform, values["customer"])

    def represent(self, rows: Sequence[Event], *, personal: bool) -> list[dict[str, Any]]:
        """Return the records; those that came as events of the same name too, with what they tell."""
        statuses = {event: status for status, event in EVENTS[self.name].items()}
        own = {field.name for field in KINDS[self.name].fields}
        names = names_of([row.identity_id for row in rows])
        made = []
        for row in rows:
            known = {name: value for name, value in row.properties.items() if name in own}
            others = {name: value for name, value in row.properties.items() if name not in own}
            person = {
                name: value for name, value in names.get(row.identity_id or 0, {}).items() if name in own
            }
            made.append(
                given(
                    {
                        **person,
                        **known,
                        "status": statuses[row.name],
                        "at": moment(row.at),
                        "properties": others,
                    }
                )
            )
        return made


def _ids(model: type[Product] | type[Store], numbers: Sequence[int | None]) -> dict[int | None, str]:
    """Return by our number the id that the shop knows; what was taken away is absent."""
    wanted = {number for number in numbers if number is not None}
    return (
        dict(model._default_manager.filter(pk__in=wanted).values_list("pk", "external_id")) if wanted else {}
    )
