"""Taking old events and exposures out of PostgreSQL once the lake has them; the lake keeps them."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from django.db import transaction
from psycopg import sql

from precision.engine.reading import consistent
from precision.shop import bulk, partitions
from precision.shop.history import extraction, files, layout, manifest, planning
from precision.shop.history.errors import HistoryError
from precision.shop.history.exporting import export
from precision.shop.history.layout import EVENTS, EXPOSURES
from precision.shop.history.manifest import Manifest
from precision.shop.history.shaping import PLATFORM
from precision.shop.models import Platform

WAIT_MS = 5_000  # for the lock that dropping needs; writers of facts would queue behind it
SOURCES = {EVENTS.name: (partitions.EVENT, "received_at"), EXPOSURES.name: (partitions.EXPOSURE, "at")}
"""Table of the lake → table of PostgreSQL and the column that it is partitioned by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """What was taken out of PostgreSQL."""

    partitions: list[str] = field(default_factory=list)
    """Whole months, of all platforms."""
    rows: int = 0
    """Single rows of one platform."""


def exported_until() -> int | None:
    """Return the position below which every fact of every platform is in the lake; None without a lake."""
    state = manifest.load(layout.root())
    return None if state is None else min((each.horizon for each in state.platforms.values()), default=None)


def drop_exported(table: str, before: date, *, platform: Platform | None = None) -> Dropped:
    """Take events or exposures of the months before `before` (UTC) out of PostgreSQL, the lake having them.

    Whole partitions are dropped; with `platform`, its rows received (exposures: shown) before the day are deleted
    instead. Exports first, checks every file of the table, and notes in the manifest that the lake is the only
    source from now on, so that no later export loses them. Call it outside of a transaction.
    Raises KeyError for a table that PostgreSQL keeps whole, HistoryError when rows are not in the lake yet (try again
    later), and the errors of `export`.
    """
    source, column = SOURCES[table]
    export()
    root = layout.root()
    with files.writer(root):
        state = _current(root)
        files.verify(root, [file for file in state.files() if file.table == table])
        if platform is not None:
            return Dropped(rows=_delete(root, state, table, source, column, before, platform))
        gone = []
        for name in partitions.months(source):
            end = _end(name)
            if end > before:
                break
            state = _drop(root, state, table, source, name, end)
            gone.append(name)
        return Dropped(partitions=gone)


def _current(root: Path) -> Manifest:
    """Return the manifest, if it is that of this database."""
    state = manifest.load(root)
    with consistent() as reader:
        log = extraction.read_log(reader)
        known = set(extraction.platforms(reader)[PLATFORM])
    if state is None or planning.distrust(state, log) or not known <= set(state.platforms):
        raise HistoryError(
            f"The history in {root} is not that of this database as it stands; nothing was dropped. Run "
            "export_history, then try again."
        )
    return state


def _drop(root: Path, state: Manifest, table: str, source: str, name: str, end: date) -> Manifest:
    """Drop one partition; return the manifest that knows of it."""
    after = _noted(state, table, end, platforms=state.platforms)
    with transaction.atomic():
        bulk.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(WAIT_MS)))
        bulk.execute(
            sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(sql.Identifier(source), sql.Identifier(name))
        )
        _refuse_new(name, min(each.horizon for each in state.platforms.values()), sql.SQL("TRUE"))
        # First the note, then the drop: in between the rows are in both places, and no export reads them twice.
        files.publish(root, after, now=int(time.time()))
        bulk.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
    return after


def _delete(
    root: Path, state: Manifest, table: str, source: str, column: str, before: date, platform: Platform
) -> int:
    """Delete a platform's rows; return how many."""
    midnight = datetime(before.year, before.month, before.day, tzinfo=UTC)
    old = sql.SQL("platform_id = {} AND {} < {}").format(
        sql.Literal(platform.pk), sql.Identifier(column), sql.Literal(midnight)
    )
    with transaction.atomic():
        _refuse_new(source, state.platforms[platform.pk].horizon, old)
        files.publish(root, _noted(state, table, before, platforms=[platform.pk]), now=int(time.time()))
        return bulk.execute(sql.SQL("DELETE FROM {} WHERE {}").format(sql.Identifier(source), old))


def _refuse_new(table: str, horizon: int, condition: sql.Composable) -> None:
    """Raise HistoryError when the table has rows that the lake has not."""
    newer = sql.SQL("SELECT 1::bigint FROM {} WHERE position >= {} AND {} LIMIT 1").format(
        sql.Identifier(table), sql.Literal(horizon), condition
    )
    if bulk.fetch(newer, {"found": pl.Int64}).height:
        raise HistoryError(
            f"{table} has rows that were written since the last export; nothing of it was dropped. A long "
            "transaction holds the export back: try again when it has ended."
        )


def _noted(state: Manifest, table: str, end: date, *, platforms: Iterable[int]) -> Manifest:
    """Return the manifest in which the lake is the source of what came before the day."""
    bound = int(datetime(end.year, end.month, end.day, tzinfo=UTC).timestamp())
    noted = {
        number: replace(
            state.platforms[number],
            dropped={
                **state.platforms[number].dropped,
                table: max(bound, state.platforms[number].dropped.get(table, bound)),
            },
        )
        for number in platforms
    }
    return replace(state, platforms={**state.platforms, **noted})


def _end(name: str) -> date:
    """Return the first day after the month of a partition (`…_2026_07`)."""
    year, month = (int(text) for text in name.rsplit("_", 2)[-2:])
    return partitions.month_of(date(year, month, 1))[1]
