"""Answers of ours as they are given: exposures that nobody has told before, written by the batch."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import polars as pl
from django.db import connection, transaction

from precision.engine.copying import copy_table
from precision.shop import partitions
from precision.shop.intake import guard

PATIENCE: Final = "5s"
_ready: set[tuple[int, int]] = set()


class Shown(NamedTuple):
    """One answer; the last five run in step, one element an item. Longer texts than the columns take are refused."""

    platform: int
    organisation: int
    erasures: int
    """People erased in the organisation when the identity was looked up."""
    recommendation: str
    identity: int | None
    at: datetime
    page: str
    run: int | None
    slots: Sequence[str]
    ranks: Sequence[int]
    products: Sequence[int]
    sources: Sequence[str]
    propensities: Sequence[float]


SCHEMA: Final[dict[str, Any]] = {
    "platform_id": pl.Int64, "recommendation": pl.String, "identity_id": pl.Int64, "at": pl.Datetime("us", "UTC"),
    "page": pl.String, "run": pl.Int64, "slots": pl.List(pl.String), "ranks": pl.List(pl.Int64),
    "products": pl.List(pl.Int64), "sources": pl.List(pl.String), "propensities": pl.List(pl.Float64),
}  # fmt: skip


def write(answers: Collection[Shown]) -> None:
    """Write answers whose ids are new, in one transaction: a handful of statements, however many they are.

    When somebody of the organisation was erased since an answer was made, it is kept without its identity: it could be
    theirs.
    """
    if not answers:
        return
    with transaction.atomic():
        erased = guard.share({one.organisation for one in answers}, patience=PATIENCE)
        for day in {one.at.date().replace(day=1) for one in answers}:
            if (day.year, day.month) not in _ready:
                partitions.ensure_month(day, partitions.EXPOSURE)
        rows = [
            (
                one.platform, one.recommendation,
                one.identity if erased.get(one.organisation) == one.erasures else None,
                one.at, one.page, one.run, one.slots, one.ranks, one.products, one.sources, one.propensities,
            )
            for one in answers
            if one.organisation in erased
        ]  # fmt: skip
        copy_table(partitions.EXPOSURE, pl.DataFrame(rows, schema=SCHEMA, orient="row"))
        months = {(one.at.year, one.at.month) for one in answers}
        transaction.on_commit(lambda: _ready.update(months))


# The history takes a changed row anew where a note of removal stands beside it.
_EXTEND: Final = """
WITH changed AS (
    UPDATE precision_shop_exposure SET
        slots = slots || %(slots)s::varchar[], ranks = ranks || %(ranks)s::smallint[],
        products = products || %(products)s::bigint[], sources = sources || %(sources)s::varchar[],
        propensities = propensities || %(propensities)s::float8[],
        position = pg_current_xact_id()::text::bigint
    WHERE platform_id = %(platform)s AND recommendation = %(recommendation)s AND at >= %(since)s
        AND cardinality(products) = %(before)s
    RETURNING id, platform_id)
INSERT INTO precision_shop_removal (platform_id, "table", "row", position)
SELECT platform_id, 'exposure', id, pg_current_xact_id()::text::bigint FROM changed
"""


def extend(more: Shown, *, since: datetime, before: int) -> bool:
    """Add the items of `more` to an answer given after `since` that has shown `before` items; return whether it had."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _EXTEND,
            {
                "platform": more.platform, "recommendation": more.recommendation, "since": since, "before": before,
                "slots": list(more.slots), "ranks": list(more.ranks), "products": list(more.products),
                "sources": list(more.sources), "propensities": list(more.propensities),
            },
        )  # fmt: skip
        return bool(cursor.rowcount)


def forget_partitions() -> None:
    """Look for the partition again before the next write: it may be gone, like after a restore."""
    _ready.clear()
