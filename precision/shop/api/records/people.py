"""Customers as the API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from precision.shop import pii
from precision.shop.api.records.resources import Resource
from precision.shop.api.records.values import given, moment
from precision.shop.erasure.facts import MADE
from precision.shop.importing.customers import TEXTS
from precision.shop.models import Identity, Platform, Profile, Referral


class Customers(Resource[Identity]):
    """The customer ids of a platform, with what the shop told about each."""

    name = "customer"
    plural = "customers"
    order = ("value",)

    def rows(self, platform: Platform, values: Mapping[str, Any]) -> QuerySet[Identity]:
        """Return the customer ids, those known from orders only too; nobody who was erased."""
        rows = Identity.objects.filter(platform=platform, kind=Identity.Kind.CUSTOMER_ID)
        rows = rows.exclude(value__regex=MADE)
        return rows.filter(value__in=values["ids"]) if values["ids"] else rows

    def find(self, platform: Platform, record_id: str) -> Identity | None:
        """Return the customer id, or None."""
        return self.rows(platform, {"ids": [record_id]}).first()

    def represent(self, rows: Sequence[Identity], *, personal: bool) -> list[dict[str, Any]]:
        """Return the customers; the history of consents and what joins them have answers of their own."""
        profiles = {one.identity_id: one for one in Profile.objects.filter(identity__in=rows)}
        referrals = Referral.objects.filter(referred__in=rows, referrer__kind=Identity.Kind.CUSTOMER_ID)
        brought_by = dict(referrals.values_list("referred_id", "referrer__value"))
        made = []
        for row in rows:
            profile = profiles.get(row.pk) or Profile()
            told = pii.decrypt(profile.personal) if personal and profile.personal else {}
            made.append(
                given(
                    {
                        "customer_id": row.value,
                        **told,
                        "registered_at": moment(profile.registered_at),
                        "birth_date": moment(profile.birth_date),
                        **{name: getattr(profile, name) for name in TEXTS},
                        "referred_by": brought_by.get(row.pk),
                        "traits": profile.traits,
                    }
                )
            )
        return made
