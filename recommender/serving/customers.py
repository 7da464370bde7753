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
    bought_at: dict[int, int] = field(default_factory=dict)
    """When each of them was bought last, in epoch seconds."""
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


# The function stands in migrations: 0004_look_at_a_person, 0007_look_tells_when_bought.
_LOOK: Final = """
SELECT known, visitor, person, letter, stage, segments, bought, seen_products, seen_events, seen_last,
    list_items, list_sources, list_anchors, list_scores, again_items, again_sources, again_anchors, again_scores,
    {state}
FROM precision_recommender_look_2(
    %(platform)s, %(identity)s, %(customer)s, %(anonymous)s, %(trusted)s, to_timestamp(%(since)s), %(classes)s,
    %(stages)s, %(segments)s, %(lists)s, %(lines)s, %(events)s, %(items)s)
"""


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
        "identity": customer if isinstance(customer, int) else None,
        "customer": None if isinstance(customer, int) else customer,
        "anonymous": anonymous,
        "trusted": trusted,
        "since": int(time.time()) - SESSION_DAYS * 86_400,
        "classes": runs.get("price-classes"),
        "stages": runs.get("lifecycle"),
        "segments": runs.get("segments"),
        "lists": runs.get("recommendations"),
        "lines": MOST_LINES,
        "events": SESSION_EVENTS,
        "items": LIST_ITEMS,
    }
    if along:
        given |= states.parameters(platform)
    column = states.column() if along else "NULL"
    with connection.cursor() as cursor:
        cursor.execute(_LOOK.replace("{state}", column), given)
        row: tuple[Any, ...] = cursor.fetchone()
    return row, asked


def _person(row: tuple[Any, ...]) -> Person:
    """Return the row as a person."""
    known, visitor, customer, letter, stage, segments, bought, products, events, last, *lists, _ = row
    lines = bought or []
    bought_at: dict[int, int] = {}
    for product, _, at in lines:
        bought_at.setdefault(product, at)
    return Person(
        customer=customer,
        identity=known if known is not None else visitor,
        letter=letter or "U",
        stage=stage,
        segments=segments or [],
        bought=list(bought_at),
        bought_at=bought_at,
        categories=favourite([category for _, category, _ in lines[:CATEGORY_LINES]]) if lines else [],
        for_you=_list(lists[:4]),
        buy_again=_list(lists[4:]),
        seen=_session(products, events) if products else [],
        live=last is not None and time.time() - last < LIVE_S,
    )


def _list(columns: list[Any]) -> StoredList:
    items, sources, anchors, scores = columns
    return EMPTY if items is None else StoredList(items, sources, anchors, scores)


def _session(products: list[int], events: list[str]) -> list[int]:
    """Return the products of events, the latest first; what was taken out of the cart last is left out."""
    latest: dict[int, str] = {}
    for product, name in zip(products, events, strict=True):
        latest.setdefault(product, name)
    return [product for product, name in latest.items() if name != REMOVED]


def favourite(categories: list[int | None]) -> list[int]:
    """Return the most frequent categories of a list, most frequent first, the earlier one on a tie."""
    counted = Counter(category for category in categories if category is not None)
    return [category for category, _ in counted.most_common(CATEGORIES)]
