"""What a join would do, before anybody does it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection

from precision.shop.methods.people import Edge, Held, people
from precision.shop.stitching import closure
from precision.shop.stitching.deciding import DecisionError

MOST_EVENTS = 10_000
"""Events of one identity that are counted; beyond it the count says “at least”."""
_SOON = datetime(9999, 1, 1, tzinfo=UTC)
_COUNTS = """
SELECT one.id,
    (SELECT count(*) FROM precision_shop_order o WHERE o.identity_id = one.id),
    (SELECT count(*) FROM (
        SELECT FROM precision_shop_event e WHERE e.identity_id = one.id LIMIT %(most)s) AS counted)
FROM unnest(%(ids)s::bigint[]) AS one(id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An identity of the person that would be."""

    identity: int
    platform: int
    kind: str
    customer: int
    """Its customer now."""
    orders: int
    events: int
    """At most MOST_EVENTS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """Who would be one person."""

    customer: int
    """The customer that the person would bear."""
    customers: list[int]
    """The customers that would become one, of identities that are apart now."""
    parts: list[Part]
    blocked_by: str
    """The rule by which the same evidence from the shop's server would not join; empty: it would."""

    @property
    def orders(self) -> int:
        """Orders that would stand together."""
        return sum(part.orders for part in self.parts)

    @property
    def events(self) -> int:
        """Events that would stand together, at most MOST_EVENTS of each identity."""
        return sum(part.events for part in self.parts)


def preview(first: int, second: int) -> Preview:
    """Return what a merge of two identities, by their numbers, would make; writes nothing.

    Raises DecisionError when one does not exist.
    """
    around = closure.around({first, second})
    by_id = {node.id: node for node in around.nodes}
    for number in (first, second):
        if number not in by_id:
            raise DecisionError(f"There is no identity {number}.")
    told = Edge(0, min(first, second), max(first, second), "", True, False, _SOON)
    decided = people(around.nodes, [*around.edges, told._replace(decided=True)], shared=around.shared)
    person = decided.customers[first]
    ids = [node.id for node in around.nodes if decided.customers[node.id] == person]
    counts = _counts(ids)
    held = people(around.nodes, [*around.edges, told], shared=around.shared).held.get(0)
    return Preview(
        customer=person,
        customers=sorted({around.customers[one] for one in ids}),
        parts=[
            Part(
                identity=one, platform=by_id[one].platform, kind=by_id[one].kind, customer=around.customers[one],
                orders=counts[one][0], events=counts[one][1],
            )
            for one in sorted(ids)
        ],
        blocked_by=held.value if isinstance(held, Held) else "",
    )  # fmt: skip


def _counts(ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """Return the orders and events of each identity; by the indexes that begin with the identity."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"ids": list(ids), "most": MOST_EVENTS})
        return {one: (orders, events) for one, orders, events in cursor.fetchall()}
