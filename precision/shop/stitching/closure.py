"""Everything that a change of some links can change: the identities they hang together with, and their links."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from precision.shop.methods.people import ACCOUNT, CLAIMED, INERT, SHAREABLE, SHARED, Edge, Held, Node

REMAINING = "l.status IN ('active', 'proposed')"


def quoted(values: Iterable[str]) -> str:
    """Return constants of ours as a list for SQL."""
    return ", ".join(f"'{value}'" for value in sorted(values))


# What is held because a name is shared joins nobody until that name itself is touched: no way leads over it.
_WAY = f"{REMAINING} AND l.held NOT IN ({quoted([*INERT, Held.SHARED])})"
# Both directions by their own index: precision_link_once begins with `first`, the other is that of the foreign key.
_REACH = f"""
WITH RECURSIVE reach (id) AS (
    SELECT unnest(%(ids)s::bigint[])
    UNION SELECT l.second_id FROM precision_shop_identitylink l
    WHERE l.first_id = ANY(%(opened)s) AND {REMAINING} AND l.held = '{Held.SHARED}'
    UNION SELECT l.first_id FROM precision_shop_identitylink l
    WHERE l.second_id = ANY(%(opened)s) AND {REMAINING} AND l.held = '{Held.SHARED}'
    UNION
    SELECT n.id FROM reach, LATERAL (
        SELECT l.second_id AS id FROM precision_shop_identitylink l WHERE l.first_id = reach.id AND {_WAY}
        UNION ALL
        SELECT l.first_id FROM precision_shop_identitylink l WHERE l.second_id = reach.id AND {_WAY}
    ) AS n
)
SELECT i.id, i.platform_id, i.kind, i.customer_id, i.home_id
FROM reach JOIN precision_shop_identity i ON i.id = reach.id
"""
_BETWEEN = f"""
SELECT l.id, l.first_id, l.second_id, l.origin, l.verified, l.decided_at IS NOT NULL, l.at, l.status, l.held
FROM precision_shop_identitylink l
WHERE l.first_id = ANY(%(ids)s) AND l.second_id = ANY(%(ids)s) AND {REMAINING}
"""
_SHARED = f"""
SELECT DISTINCT name.id
FROM precision_shop_identity name, LATERAL (
    SELECT l.second_id AS id, l.verified FROM precision_shop_identitylink l
    WHERE l.first_id = name.id AND {REMAINING} AND l.decided_at IS NULL
    UNION ALL
    SELECT l.first_id, l.verified FROM precision_shop_identitylink l
    WHERE l.second_id = name.id AND {REMAINING} AND l.decided_at IS NULL
) AS other
JOIN precision_shop_identity account ON account.id = other.id AND account.kind = '{ACCOUNT}'
WHERE name.id = ANY(%(ids)s) AND name.kind IN ({quoted(SHAREABLE)})
  AND (other.verified OR name.kind NOT IN ({quoted(CLAIMED)}))
GROUP BY name.id, account.platform_id HAVING count(DISTINCT account.id) >= {SHARED:d}
"""


@dataclass(frozen=True, slots=True)
class Closure:
    """Identities with the customer they have now, and the links between them that remain."""

    nodes: list[Node]
    customers: dict[int, int]
    """Identity → its customer now."""
    edges: list[Edge]
    standing: dict[int, tuple[str, str]]
    """Link → its status and why it is held, now."""
    shared: set[int]
    """Names of too many accounts, counted over all of their links, of which not all need be here."""


def around(touched: Collection[int]) -> Closure:
    """Return what the rules must look at again when links of the `touched` identities came or went. Four queries.

    The people who share a name are not looked at unless it is `touched` and shared no longer.
    """
    shared = shared_among(touched)
    rows = _rows(_REACH, ids=list(touched), opened=[one for one in touched if one not in shared])
    nodes = [Node(id, platform, kind, home or customer) for id, platform, kind, customer, home in rows]
    ids = [node.id for node in nodes]
    links = _rows(_BETWEEN, ids=ids)
    return Closure(
        nodes=nodes,
        customers={row[0]: row[3] for row in rows},
        edges=[Edge(*row[:7]) for row in links],
        standing={row[0]: (row[7], row[8]) for row in links},
        shared=shared_among(ids),
    )


def shared_among(ids: Collection[int]) -> set[int]:
    """Return those of the identities that too many accounts of one platform go by (rule 3). One query."""
    return {row[0] for row in _rows(_SHARED, ids=list(ids))} if ids else set()


def _rows(query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
