"""What is known of the person an answer is for, read in one statement."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from django.db import connection

from precision.shop.models import Platform
from recommender.serving import state as states
from recommender.serving.state import State

MOST_LINES: Final = 3_000
CATEGORY_LINES: Final = 100
CATEGORIES: Final = 3
SESSION_EVENTS: Final = 40
SESSION_DAYS: Final = 7
"""What was seen longer ago is no session any more."""
LIVE_S: Final = 6 * 3_600
"""A session whose last event is younger goes before everything that was computed by night."""
LIST_ITEMS: Final = 200
ADDED: Final = "Product Added"
REMOVED: Final = "Product Removed"


@dataclass(frozen=True, slots=True)
class StoredList:
    """A list that a job made for a customer; the parts run in step."""

    items: list[int]
    sources: list[str]
    anchors: list[int | None]
    scores: list[float] = field(default_factory=list)


EMPTY = StoredList([], [], [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer or visitor, as far as the caller may know them; the default is a stranger."""

    customer: int | None = None
    identity: int | None = None
    """Under which identity of the platform they come: what is shown to them is kept under it."""
    letter: str = "U"
    stage: str | None = None
    segments: list[str] = field(default_factory=list)
    bought: list[int] = field(default_factory=list)
    """Products bought on this platform and not given back, the latest first, each once."""
    categories: list[int] = field(default_factory=list)
    """The categories bought from most often lately, at most CATEGORIES."""
    for_you: StoredList = EMPTY
    buy_again: StoredList = EMPTY
    seen: list[int] = field(default_factory=list)
    """Products looked at or put into the cart, the latest first, each once."""
    live: bool = False
    """Whether the last of these is less than LIVE_S ago."""


STRANGER = Person()


class Found(NamedTuple):
    """What a look at a platform and a person gave."""

    person: Person
    state: State
    customer_known: bool
    visitor_known: bool


# c: the customer, a: the visitor, p: the person whose own answers may be given. A visitor is one only where an active
# verified link joins them to a known identity of the same person (the rule of precision.shop.stitching.serving).
_STATEMENT: Final = """
WITH c AS MATERIALIZED (SELECT id, customer_id FROM precision_shop_identity WHERE platform_id = %(platform)s AND {who}),
a AS MATERIALIZED (
    SELECT id, customer_id FROM precision_shop_identity
    WHERE platform_id = %(platform)s AND kind = 'anonymous_id' AND value = %(anonymous)s),
p AS MATERIALIZED (
    SELECT customer_id FROM c
    UNION ALL
    SELECT customer_id FROM a WHERE %(trusted)s AND NOT EXISTS (SELECT FROM c) AND (
        EXISTS (
            SELECT FROM precision_shop_identitylink l JOIN precision_shop_identity o ON o.id = l.second_id
            WHERE l.first_id = a.id AND l.status = 'active' AND l.verified
                AND o.customer_id = a.customer_id AND o.kind <> 'anonymous_id')
        OR EXISTS (
            SELECT FROM precision_shop_identitylink l JOIN precision_shop_identity o ON o.id = l.first_id
            WHERE l.second_id = a.id AND l.status = 'active' AND l.verified
                AND o.customer_id = a.customer_id AND o.kind <> 'anonymous_id'))),
own AS MATERIALIZED (
    SELECT id FROM precision_shop_identity WHERE customer_id = (SELECT customer_id FROM p)
    UNION SELECT id FROM a)
SELECT
    (SELECT id FROM c), (SELECT id FROM a), (SELECT customer_id FROM p),
    (SELECT letter FROM precision_segments_customerclass
     WHERE run_id = %(classes)s AND customer_id = (SELECT customer_id FROM p)),
    (SELECT stage FROM precision_segments_stagenow
     WHERE run_id = %(stages)s AND customer_id = (SELECT customer_id FROM p)),
    (SELECT array_agg(s.key ORDER BY s.key)
     FROM precision_segments_segmentmember m JOIN precision_segments_segment s ON s.id = m.segment_id
     WHERE m.run_id = %(segments)s AND m.customer_id = (SELECT customer_id FROM p)),
    (SELECT array_agg(ARRAY[coalesce(pr.same_as_id, pr.id), pr.category_id] ORDER BY l.placed_at DESC, l.id)
     FROM (
        SELECT l.id, l.product_id, o.placed_at FROM precision_shop_order o
        JOIN precision_shop_orderline l ON l.order_id = o.id
        WHERE o.identity_id IN (SELECT id FROM own) AND o.platform_id = %(platform)s
            AND (o.confirmed OR o.identity_id = (SELECT id FROM a))
            AND o.status NOT IN ('cancelled', 'returned') AND l.quantity > 0
        ORDER BY o.placed_at DESC, l.id LIMIT {most_lines}) AS l
     JOIN precision_shop_product pr ON pr.id = l.product_id),
    (SELECT array_agg(ARRAY[coalesce(pr.same_as_id, pr.id)::text, e.name, e.seconds::text] ORDER BY e.at DESC)
     FROM (
        SELECT product_id, name, at, extract(epoch FROM at)::bigint AS seconds FROM precision_shop_event
        WHERE identity_id IN (SELECT id FROM c UNION ALL SELECT id FROM a) AND product_id IS NOT NULL
            AND received_at >= %(since)s AND at >= %(since)s
        ORDER BY at DESC LIMIT {session_events}) AS e
     JOIN precision_shop_product pr ON pr.id = e.product_id),
    f.items[1:{list_items}], f.sources[1:{list_items}], f.anchors[1:{list_items}], f.scores[1:{list_items}],
    b.items, b.sources, b.anchors, b.scores, {state}
FROM (SELECT 1) AS one
LEFT JOIN precision_recommender_customerlist f
    ON f.run_id = %(lists)s AND f.kind = 'for-you' AND f.customer_id = (SELECT customer_id FROM p)
LEFT JOIN precision_recommender_customerlist b
    ON b.run_id = %(lists)s AND b.kind = 'buy-again' AND b.customer_id = (SELECT customer_id FROM p)
"""
_BY_NAME: Final = "kind = 'customer_id' AND value = %(customer)s"
_BY_NUMBER: Final = "id = %(customer)s"


def look(
    platform: Platform,
    *,
    customer: str | int | None = None,
    anonymous: str | None = None,
    trusted: bool = True,
) -> Found:
    """Return who is behind a customer id (or our id of an identity) and a visitor's id, and the platform's state.

    One query, which brings the state along where the last is too old; another one where a run was published meanwhile.
    The person is a visitor's own self unless a customer is named, or the caller is trusted and a verified link says who
    the visitor is. Purchases are those of this platform only: a key sees nothing of the organisation's other shops.
    """
    known = states.fresh(platform)
    last = known or states.last(platform) or states.of(platform)
    row, asked = _read(platform, customer, anonymous, trusted=trusted, state=last, along=known is None)
    if row[-1] is not None:
        known = states.take(platform, row[-1], asked=asked)
        if known.run_ids != last.run_ids:
            row, _ = _read(platform, customer, anonymous, trusted=trusted, state=known, along=False)
    return Found(
        _person(row), known or last, customer_known=row[0] is not None, visitor_known=row[1] is not None
    )


def _read(
    platform: Platform,
    customer: str | int | None,
    anonymous: str | None,
    *,
    trusted: bool,
    state: State,
    along: bool,
) -> tuple[tuple[Any, ...], float]:
    """Return the one row of the statement, and when it was asked for."""
    asked = time.monotonic()
    runs = state.run_ids
    given = {
        "platform": platform.pk,
        "customer": customer,
        "anonymous": anonymous,
        "trusted": trusted,
        "classes": runs.get("price-classes"),
        "stages": runs.get("lifecycle"),
        "segments": runs.get("segments"),
        "lists": runs.get("recommendations"),
        "since": time.time() - SESSION_DAYS * 86_400,
    }
    if along:
        given |= states.parameters(platform)
    with connection.cursor() as cursor:
        cursor.execute(_statement(by_number=isinstance(customer, int), along=along), given)
        row: tuple[Any, ...] = cursor.fetchone()
    return row, asked


_statements: dict[tuple[bool, str], str] = {}


def _statement(*, by_number: bool, along: bool) -> str:
    """Return the text of the statement, put together once."""
    column = states.column() if along else "NULL"
    key = (by_number, column)
    if key not in _statements:
        _statements[key] = (
            _STATEMENT.replace("{who}", _BY_NUMBER if by_number else _BY_NAME)
            .replace("{state}", column)
            .replace("{most_lines}", str(MOST_LINES))
            .replace("{session_events}", str(SESSION_EVENTS))
            .replace("{list_items}", str(LIST_ITEMS))
            .replace("%(since)s", "to_timestamp(%(since)s)")
        )
    return _statements[key]


def _person(row: tuple[Any, ...]) -> Person:
    """Return the row as a person."""
    known, visitor, customer, letter, stage, segments, bought, seen, *lists, _ = row
    lines = bought or []
    latest, live = _session(seen or [])
    return Person(
        customer=customer,
        identity=known if known is not None else visitor,
        letter=letter or "U",
        stage=stage,
        segments=segments or [],
        bought=list(dict.fromkeys(product for product, _ in lines)),
        categories=favourite([category for _, category in lines[:CATEGORY_LINES]]),
        for_you=_list(lists[:4]),
        buy_again=_list(lists[4:]),
        seen=latest,
        live=live,
    )


def _list(columns: list[Any]) -> StoredList:
    items, sources, anchors, scores = columns
    return EMPTY if items is None else StoredList(items, sources, anchors, scores)


def _session(events: list[list[str]]) -> tuple[list[int], bool]:
    """Return the products of the events, the latest first, and whether the last is recent.

    What was taken out of the cart last is left out.
    """
    if not events:
        return [], False
    latest: dict[int, str] = {}
    for product, name, _ in events:
        latest.setdefault(int(product), name)
    live = time.time() - float(events[0][2]) < LIVE_S
    return [product for product, name in latest.items() if name != REMOVED], live


def favourite(categories: list[int | None]) -> list[int]:
    """Return the most frequent categories of a list, most frequent first, the earlier one on a tie."""
    counted = Counter(category for category in categories if category is not None)
    return [category for category, _ in counted.most_common(CATEGORIES)]
