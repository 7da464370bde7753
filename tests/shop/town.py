"""Shops of one organisation, their identities by short names, and the people they make."""

from datetime import UTC, datetime, timedelta
from typing import Any

from precision.shop import identities, identity, platforms, stitching
from precision.shop.identity import Edge, Node
from precision.shop.models import Customer, Identity, IdentityLink, Platform
from precision.shop.stitching import Link

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Town:
    """Names are written `shop/kind/value`."""

    def __init__(self, *shops: str, organisation: str = "town") -> None:
        for key in shops:
            platforms.create_platform(key, name=key, organisation=organisation)
        self.shops = {key: Platform.objects.get(key=key) for key in shops}
        self.organisation = next(iter(self.shops.values())).organisation_id
        self.ids: dict[str, int] = {}
        self.clock = 0

    def one(self, name: str) -> int:
        """The number of an identity, made when new."""
        if name not in self.ids:
            shop, kind, value = name.split("/")
            found = identities.resolve(self.shops[shop], [(kind, value)], now=NOW)
            self.ids[name] = found[kind, value]
        return self.ids[name]

    def evidence(
        self,
        first: str,
        second: str,
        *,
        verified: bool = True,
        origin: str = "identify",
        at: int | None = None,
    ) -> Link:
        if at is None:
            self.clock += 1
            at = self.clock
        return Link(self.one(first), self.one(second), origin, verified, NOW + timedelta(seconds=at))

    def link(self, first: str, second: str, **given: Any) -> IdentityLink:
        told = self.evidence(first, second, **given)
        stitching.link(self.organisation, [told])
        low, high = sorted((told.first, told.second))
        return IdentityLink.objects.get(first=low, second=high, origin=told.origin)

    def customer(self, name: str) -> int:
        return Identity.objects.get(pk=self.one(name)).customer_id

    def together(self, *names: str) -> bool:
        return len({self.customer(name) for name in names}) == 1

    def state(self, first: str, second: str) -> tuple[str, str]:
        low, high = sorted((self.one(first), self.one(second)))
        found = IdentityLink.objects.get(first=low, second=high)
        return found.status, found.held


def rows() -> dict[str, list[Any]]:
    """Every identity, customer and link, less when and by whom something was decided."""
    left_out = {"position", "decided_at", "decided_by_id"}
    return {
        model.__name__: [
            {name: value for name, value in row.items() if name not in left_out}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in (Customer, Identity, IdentityLink)
    }


def check() -> None:
    """The tables say what the rules say of the links that remain, all at once."""
    found = list(Identity.objects.order_by("pk"))
    nodes = [Node(one.pk, one.platform_id, one.kind, one.home_id or one.customer_id) for one in found]
    links = list(IdentityLink.objects.filter(status__in=["active", "proposed"]))
    edges = [
        Edge(
            one.pk, one.first_id, one.second_id, one.origin, one.verified, one.decided_at is not None, one.at
        )
        for one in links
    ]
    answer = identity.people(nodes, edges)
    assert {one.pk: one.customer_id for one in found} == answer.customers
    assert all(one.home_id != one.customer_id for one in found)
    states = {one.pk: (one.status, one.held) for one in links}
    assert states == {
        edge.id: ("proposed", answer.held[edge.id].value) if edge.id in answer.held else ("active", "")
        for edge in edges
    }
