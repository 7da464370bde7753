"""What is in force on a platform, at most a second old: runs, decisions of staff, settings, changed products.

All of it is one column, which whoever queries anyway reads along (`COLUMN`), so that looking costs no round trip of
its own. Apps above add what they need (`read_along`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from django.db import connection

from precision.shop.api import freshness
from precision.shop.models import Platform
from recommender.serving import catalogue, controls
from recommender.serving.controls import Choice

SECONDS: Final = 1.0
MOST_CHANGES: Final = 5_000
"""When more products have changed since the last look, all are read again."""
LARGE: Final = 200
"""Products for sale from which on a shop is large enough to try other ones out."""
DEFAULT_EXPLORATION: Final = 0.02
"""Of a platform without a rule of its own (models.ServingRule)."""
_PARTS: dict[str, str] = {
    "runs": "SELECT jsonb_object_agg(job, run_id) FROM precision_engine_publication WHERE scope = %(scope)s",
    "lists": """
        SELECT jsonb_build_object('as_of', r.as_of, 'ranked', r.measures -> 'ranker' -> 'kinds')
        FROM precision_engine_publication p JOIN precision_engine_run r ON r.id = p.run_id
        WHERE p.scope = %(scope)s AND p.job = 'recommendations'""",
    "rule": "SELECT to_jsonb(r) FROM precision_recommender_servingrule r WHERE r.platform_id = %(platform)s",
    "controls": """
        SELECT jsonb_agg(to_jsonb(c)) FROM precision_recommender_control c
        WHERE c.platform_id = %(platform)s AND c.active AND (c.ends_at IS NULL OR c.ends_at > now())""",
    "erasures": "SELECT erasures FROM precision_shop_organisation WHERE id = %(organisation)s",
    "horizon": "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
    "changed": f"""
        SELECT jsonb_agg(id) FROM (
            SELECT id FROM precision_shop_product
            WHERE platform_id = %(platform)s AND position >= %(horizon)s LIMIT {MOST_CHANGES + 1}) AS p""",
    "large": f"""
        SELECT count(*) = {LARGE} FROM (
            SELECT FROM precision_shop_product WHERE platform_id = %(platform)s AND active AND listed AND in_stock
                AND same_as_id IS NULL AND NOT %(known_large)s LIMIT {LARGE}) AS p""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is in force on a platform."""

    run_ids: Mapping[str, int] = field(default_factory=dict)
    """The run in force of each job."""
    listed_until: float | None = None
    """Until when, in epoch seconds, the lists of customers know what was bought; None: there are no lists."""
    comparable: bool = False
    """Whether the scores of what is new to a customer and of what they had can be compared: one ranker gave both."""
    controls: tuple[Choice, ...] = ()
    most_per_category: int | None = None
    """Products of one category that an answer has while there are others; None: any number."""
    exploration: float = 0.0
    """Share of the lists in which one product makes room for one that ranks lower."""
    erasures: int = 0
    """People erased in the organisation so far."""
    large: bool = False
    horizon: int = 0
    """Transactions below this one are known."""
    parts: Mapping[str, Any] = field(default_factory=dict)
    """What apps above read along."""


_kept: dict[int, tuple[float, State]] = {}
freshness.register(_kept.clear)
_column = ""


def read_along(name: str, query: str) -> None:
    """Let every look bring the one value (JSON) of a query; `%(platform)s` in it is the platform."""
    global _column  # noqa: PLW0603 put together once
    _PARTS[name] = query
    _column = ""


def column() -> str:
    """Return the SQL expression that `take` reads; it wants `parameters`."""
    global _column  # noqa: PLW0603 put together once
    if not _column:
        parts = ", ".join(f"'{name}', ({query})" for name, query in _PARTS.items())
        _column = f"jsonb_build_object({parts})::text"
    return _column


def parameters(platform: Platform) -> dict[str, Any]:
    """Return what `column` wants to know."""
    kept = _kept.get(platform.pk)
    return {
        "scope": platform.key,
        "platform": platform.pk,
        "organisation": platform.organisation_id,
        "horizon": kept[1].horizon if kept else None,
        "known_large": bool(kept and kept[1].large),
    }


def fresh(platform: Platform) -> State | None:
    """Return the state if it is known and fresh enough."""
    kept = _kept.get(platform.pk)
    return kept[1] if kept is not None and time.monotonic() < kept[0] else None


def last(platform: Platform) -> State | None:
    """Return the state as it was known last, however long ago."""
    kept = _kept.get(platform.pk)
    return kept[1] if kept else None


def of(platform: Platform) -> State:
    """Return the state. At most one query."""
    known = fresh(platform)
    if known is not None:
        return known
    asked = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column()}", parameters(platform))
        (text,) = cursor.fetchone()
    return take(platform, text, asked=asked)


def take(platform: Platform, text: str, *, asked: float) -> State:
    """Keep and return what the column gave; let the products that have changed be read again.

    `asked`: time.monotonic() before the query.
    """
    told = orjson.loads(text)
    before = last(platform)
    changed = told["changed"]
    if before is None or (changed and len(changed) > MOST_CHANGES):
        catalogue.forget(platform.pk, None)
    elif changed:
        catalogue.forget(platform.pk, changed)
    rule = told["rule"] or {}
    lists = told["lists"] or {}
    state = State(
        run_ids=told["runs"] or {},
        listed_until=_midnight(lists["as_of"], platform.timezone) if lists else None,
        comparable=len(lists.get("ranked") or ()) > 1,
        controls=controls.read(told["controls"] or ()),
        most_per_category=rule.get("most_per_category"),
        exploration=rule.get("exploration", DEFAULT_EXPLORATION),
        erasures=told["erasures"] or 0,
        large=told["large"] or bool(before and before.large),
        horizon=told["horizon"],
        parts=told,
    )
    _kept[platform.pk] = (asked + freshness.lifetime(SECONDS), state)
    return state


def _midnight(day: str, timezone: str) -> float:
    """Return when a local day begins, in epoch seconds."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), ZoneInfo(timezone)).timestamp()
