"""Writing what the rules say: identities to their customers, links to their state, and a line in the ledger."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection

from precision.shop.methods.people import RULE_VERSION, Answer, people
from precision.shop.models import IdentityLink, Join
from precision.shop.stitching import closure
from precision.shop.stitching.closure import Closure

_MOVE = """
UPDATE precision_shop_identity AS i
SET customer_id = m.customer, home_id = nullif(m.home, m.customer)
FROM unnest(%(ids)s::bigint[], %(customers)s::bigint[], %(homes)s::bigint[]) AS m(id, customer, home)
WHERE i.id = m.id
"""
_MARK = """
UPDATE precision_shop_identitylink AS l
SET status = m.status, held = m.held, position = pg_current_xact_id()::text::bigint
FROM unnest(%(ids)s::bigint[], %(states)s::text[], %(helds)s::text[]) AS m(id, status, held)
WHERE l.id = m.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What the ledger tells of a change: the links that brought it about, who asked, and why."""

    links: Collection[tuple[int, int, int]] = ()
    """Number, first and second identity of each."""
    by: int | None = None
    """Number of the user; None: the rules."""
    reason: str = ""


def recompute(organisation_id: int, touched: Collection[int], cause: Cause) -> int:
    """Make people what the remaining links say, around the `touched` identities; return how many identities moved.

    The caller holds `locking.alone`. Writes only what differs.
    """
    around = closure.around(touched)
    answer = people(around.nodes, around.edges, shared=around.shared)
    _mark(around, answer)
    moves = {
        one: (before, answer.customers[one])
        for one, before in around.customers.items()
        if answer.customers[one] != before
    }
    if moves:
        homes = {node.id: node.home for node in around.nodes}
        with connection.cursor() as cursor:
            cursor.execute(
                _MOVE,
                {
                    "ids": list(moves),
                    "customers": [after for _, after in moves.values()],
                    "homes": [homes[one] for one in moves],
                },
            )
        Join.objects.bulk_create(_ledger(organisation_id, around, answer, moves, cause))
    return len(moves)


def _mark(around: Closure, answer: Answer) -> None:
    """Write the state of each link that has another one now."""
    wanted = {edge.id: _state(answer, edge.id) for edge in around.edges}
    changed = {link: state for link, state in wanted.items() if state != around.standing[link]}
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(
                _MARK,
                {
                    "ids": list(changed),
                    "states": [status for status, _ in changed.values()],
                    "helds": [held for _, held in changed.values()],
                },
            )


def _state(answer: Answer, link: int) -> tuple[str, str]:
    held = answer.held.get(link)
    if held is None:
        return IdentityLink.Status.ACTIVE.value, ""
    return IdentityLink.Status.PROPOSED.value, held.value


def _ledger(
    organisation_id: int, around: Closure, answer: Answer, moves: dict[int, tuple[int, int]], cause: Cause
) -> Iterable[Join]:
    """Yield one line for each person that gained or lost identities: a split where all of them were one before."""
    before: dict[int, set[int]] = {}
    for one, after in answer.customers.items():
        before.setdefault(after, set()).add(around.customers[one])
    groups: dict[int, list[list[int]]] = {}
    for one, (old, new) in sorted(moves.items()):
        groups.setdefault(new, []).append([one, old, new])
    evidence: dict[int, int] = {}
    for link, *ends in cause.links:
        for end in ends:
            if end in answer.customers:
                evidence.setdefault(answer.customers[end], link)
    for customer, moved in groups.items():
        yield Join(
            organisation_id=organisation_id,
            action=Join.Action.JOIN if len(before[customer]) > 1 else Join.Action.SPLIT,
            link_id=evidence.get(customer), moves=moved, reason=cause.reason, rule_version=RULE_VERSION, by_id=cause.by,
        )  # fmt: skip
