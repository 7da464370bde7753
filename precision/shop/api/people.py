"""One person across devices and shops, for the shop's own server: who they are, why, and what might join them."""

from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import identities
from precision.shop.api.authentication import Principal
from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from precision.shop.models import Identity, IdentityLink, Join
from precision.shop.platforms import ORGANISATION

MOST = 1_000
"""Identities of a person, and links between them, that an answer shows."""
MOST_ENTRIES = 100
"""Lines of the ledger that the answer about a person shows."""
CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)


class NameSerializer(serializers.Serializer[Any]):
    """A name under which a platform knows somebody."""

    platform = serializers.CharField(help_text="Key of the platform.")
    kind = serializers.CharField()
    value = serializers.CharField(help_text="Personal values are masked, like `a***@shop.de`.")


class IdentitySerializer(NameSerializer):
    """An identity of a person."""

    joined = serializers.BooleanField(help_text="It came from another customer.")


class LinkSerializer(serializers.Serializer[Any]):
    """Evidence that two names are one person."""

    id = serializers.IntegerField()
    first = NameSerializer()
    second = NameSerializer()
    origin = serializers.CharField(help_text="What told us: identify, order, profile, same-value, staff …")
    verified = serializers.BooleanField(help_text="Told by the shop's server, or with a valid user_hash.")
    status = serializers.ChoiceField(choices=IdentityLink.Status.choices)
    held = serializers.CharField(
        help_text="Why a proposal joins nobody by itself: unverified, shared, limit, both-known or proposes."
    )
    at = serializers.DateTimeField()


class EntrySerializer(serializers.Serializer[Any]):
    """A line of the ledger."""

    id = serializers.IntegerField()
    action = serializers.ChoiceField(choices=Join.Action.choices)
    at = serializers.DateTimeField()
    reason = serializers.CharField()
    rule_version = serializers.IntegerField()
    by_staff = serializers.BooleanField()
    moved = NameSerializer(many=True, help_text="The names that went from one customer to another.")
    link = LinkSerializer(allow_null=True, help_text="The evidence it followed from.")


class PersonSerializer(serializers.Serializer[Any]):
    """A person, as far as the key sees them."""

    customer_id = serializers.CharField()
    identities = IdentitySerializer(many=True)
    links = LinkSerializer(many=True)
    ledger = EntrySerializer(many=True, help_text=f"The latest {MOST_ENTRIES}, newest first.")


class Sight:
    """What a key sees of the people of its organisation: its own platform's names, or all with ORGANISATION."""

    def __init__(self, principal: Principal) -> None:
        self.platform = principal.platform
        self.whole = ORGANISATION in principal.key.scopes and principal.is_trusted

    def identities(self) -> QuerySet[Identity]:
        """Return the identities that the key sees."""
        rows = Identity.objects.select_related("platform")
        if self.whole:
            return rows.filter(platform__organisation_id=self.platform.organisation_id)
        return rows.filter(platform=self.platform)

    def links(self) -> QuerySet[IdentityLink]:
        """Return the links of which the key sees both ends."""
        rows = IdentityLink.objects.filter(organisation_id=self.platform.organisation_id)
        rows = rows.select_related("first__platform", "second__platform")
        return (
            rows if self.whole else rows.filter(first__platform=self.platform, second__platform=self.platform)
        )

    def entries(self) -> QuerySet[Join]:
        """Return the lines of the ledger whose evidence the key sees."""
        rows = Join.objects.filter(organisation_id=self.platform.organisation_id)
        rows = rows.select_related("link__first__platform", "link__second__platform")
        if self.whole:
            return rows
        return rows.filter(link__first__platform=self.platform, link__second__platform=self.platform)

    def shown_entries(self, rows: list[Join]) -> list[dict[str, Any]]:
        """Return lines of the ledger as the key sees them. One query for all names in them."""
        numbers = {move[0] for row in rows for move in row.moves[:MOST]}
        names = self.identities().in_bulk(numbers)
        return [
            {
                "id": row.pk,
                "action": row.action,
                "at": row.at,
                "reason": row.reason,
                "rule_version": row.rule_version,
                "by_staff": row.by_id is not None,
                "moved": [shown_name(names[move[0]]) for move in row.moves[:MOST] if move[0] in names],
                "link": shown_link(row.link) if row.link else None,
            }
            for row in rows
        ]


def shown_name(name: Identity) -> dict[str, Any]:
    """Return an identity as people may see it."""
    return {"platform": name.platform.key, "kind": name.kind, "value": identities.shown(name)}


def shown_link(link: IdentityLink) -> dict[str, Any]:
    """Return a link as people may see it."""
    return {
        "id": link.pk,
        "first": shown_name(link.first),
        "second": shown_name(link.second),
        "origin": link.origin,
        "verified": link.verified,
        "status": link.status,
        "held": link.held,
        "at": link.at,
    }


class PersonView(PlatformView):
    """One person."""

    scopes: ClassVar = {"GET": frozenset({"read"})}

    @describe(
        operation_id="people_read",
        tags=["people"],
        summary="Who a customer is: names, the links between them, and the ledger of joins",
        description=(
            "A key sees the names of its own platform; one with the scope `organisation` the joined person across "
            "all platforms."
        ),
        parameters=[CUSTOMER],
        responses=PersonSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with the person behind a customer id of this platform."""
        self.read_parameters()
        sight = Sight(self.principal)
        named = self.find_customer(customer_id)
        names = list(sight.identities().filter(customer_id=named.customer_id).order_by("id")[:MOST])
        numbers = [name.pk for name in names]
        links = list(sight.links().filter(Q(first__in=numbers) | Q(second__in=numbers)).order_by("id")[:MOST])
        entries = sight.entries().filter(link__in=[link.pk for link in links]).order_by("-id")[:MOST_ENTRIES]
        return Response(
            {
                "customer_id": customer_id,
                "identities": [{**shown_name(name), "joined": name.home_id is not None} for name in names],
                "links": [shown_link(link) for link in links],
                "ledger": sight.shown_entries(list(entries)),
            }
        )


def find_name(sight: Sight, given: dict[str, Any]) -> Identity:
    """Return the identity of a platform, kind and value as told; raise NotFound."""
    shop = sight.platform
    if given.get("platform") and given["platform"] != shop.key:
        others = shop.organisation.platforms.filter(key=given["platform"]) if sight.whole else None
        found_shop = others.first() if others is not None else None
        if found_shop is None:
            raise NotFound(f"This key sees no platform {given['platform']!r}; leave it out for its own.")
        shop = found_shop
    named = (given["kind"], given["value"])
    number = identities.find(shop, [named]).get(named)
    found = sight.identities().filter(pk=number).first() if number is not None else None
    if found is None:
        raise NotFound(f"There is no such {given['kind']} on platform {shop.key!r}.")
    return found
