"""Answers of ours as they are given: exposures that nobody has told before, written by the batch."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

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


COLUMNS: Final = (
    "platform_id", "recommendation", "identity_id", "at", "page", "run", "slots", "ranks", "products", "sources",
    "propensities",
)  # fmt: skip
_COPY: Final = f"COPY {partitions.EXPOSURE} ({', '.join(COLUMNS)}) FROM STDIN"


def _line(row: tuple[Any, ...]) -> str:
    """Return a row as COPY's text format takes it.

    By hand, because batches are small and come all the time: a frame of them takes several times longer to make than
    this, and psycopg twice as long.
    """
    return "\t".join(map(_field, row)) + "\n"


def _field(value: Any) -> str:
    """Return a value of a row: None, text, a number, a time, or a sequence of texts or numbers."""
    if value is None:
        return "\\N"
    if isinstance(value, str):
        return _escaped(value)
    if isinstance(value, list | tuple):
        return "{" + ",".join([_quoted(each) if isinstance(each, str) else str(each) for each in value]) + "}"
    return str(value)


def _escaped(text: str) -> str:
    """Return a text with what ends a field or a row in COPY's text format escaped."""
    for sign, written in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(sign, written)
    return text


@lru_cache(4096)
def _quoted(text: str) -> str:
    """Return a text as an element of an array, escaped for COPY."""
    return _escaped('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"')


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
        with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(_COPY) as copy:
            copy.write("".join(map(_line, rows)))
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
