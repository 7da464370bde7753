"""Bringing the lake up to date: what the log of facts has since the last horizon becomes new parts."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import polars as pl
import psycopg
from psycopg import sql

from precision.engine.reading import Reader, ahead, conninfo, consistent
from precision.shop import columns as c
from precision.shop import pii
from precision.shop.history import extraction, files, lake, layout, manifest, planning, shaping
from precision.shop.history.errors import LakeDamagedError
from precision.shop.history.extraction import Log
from precision.shop.history.layout import EVENTS, EXPOSURES, ORDER_LINES, TABLES, Table
from precision.shop.history.manifest import Changes, Manifest, Part
from precision.shop.history.planning import Task
from precision.shop.history.shaping import PLATFORM
from precision.shop.history.writing import PartWriter, write_changes
from precision.shop.models import Platform

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=manifest.File)


@dataclass(slots=True, kw_only=True)
class Exported:
    """What an export did."""

    rows: dict[str, int] = field(default_factory=dict)
    """Table → rows written to new parts."""
    changed: dict[str, int] = field(default_factory=dict)
    """Table → keys whose rows in earlier parts do not count any more."""
    anew: dict[str, str] = field(default_factory=dict)
    """Key of a platform → why all of it was written anew; its first export is not told here."""
    lost: int = 0
    """Rows of damaged parts that PostgreSQL has no more; only a rebuild goes on without them."""


def export(platform: Platform | None = None, *, rebuild: bool = False) -> Exported:
    """Write what is new in PostgreSQL, of one platform or of all, to the lake; return what was done.

    Reads one state of the database, in pieces. Cheap when nothing is new; waits while another process writes the
    lake. A platform is written anew, with a message in the log, when its time zone changed, when the database is
    another one than that the lake was filled from, or when `rebuild` asks for it.
    Raises LakeUnwritableError (the lake is as before), LakeDamagedError and LakeVersionError.
    """
    root = layout.root()
    with files.writer(root):
        before = _readable(root) if rebuild else manifest.load(root)
        with _trusted(before) as (reader, log):
            export = _Export(root, reader, log, rebuild=rebuild)
            with files.writing(root):
                export.run(before, None if platform is None else platform.pk)
    return export.done


class _Export:
    """One export in the making."""

    def __init__(self, root: Path, reader: Reader, log: Log, *, rebuild: bool) -> None:
        self.done = Exported()
        self._root = root
        self._reader = reader
        self._log = log
        self._rebuild = rebuild
        self._sequence = 0
        self._keys: dict[int, bytes] = {}
        self._parts: list[Part] = []
        self._changes: list[Changes] = []
        self._removed = pl.DataFrame()
        self._organisations: dict[int, int] = {}

    def run(self, before: Manifest | None, only: int | None) -> None:
        """Export, and replace the manifest when there is anything new."""
        now = int(time.time())
        known = extraction.platforms(self._reader)
        timezones = dict(known.select(PLATFORM, "timezone").iter_rows())
        names = dict(known.select(PLATFORM, "key").iter_rows())
        self._organisations = dict(known.select(PLATFORM, "organisation").iter_rows())
        plan = planning.plan(before, self._log, timezones, only=only, rebuild=self._rebuild, now=now)
        self._sequence = plan.base.sequence + 1
        for number, reason in plan.reasons.items():
            self.done.anew[names[number]] = reason
            logger.warning("The history of %s is written anew: %s.", names[number], reason)
        states = dict(plan.base.platforms)
        for task in plan.tasks:
            highest = self._orders(task)
            self._removals(task)
            self._others(task, EVENTS, before)
            self._others(task, EXPOSURES, before)
            states |= {
                number: replace(state, highest_order=max(state.highest_order, highest.get(number, 0)))
                for number, state in task.states.items()
            }
        after = replace(
            plan.base,
            sequence=self._sequence,
            platforms=states,
            parts=(*plan.base.parts, *self._parts),
            changes=(*plan.base.changes, *self._changes),
        )
        if before is None or _differ(before, after):
            files.publish(self._root, after, now=now)

    def _orders(self, task: Task) -> dict[int, int]:
        """Write the lines of new and changed orders; return the highest order of each platform."""
        known = {number: state.highest_order for number, state in task.states.items()}
        highest: dict[int, int] = {}
        changed: dict[int, list[pl.Series]] = {}
        with PartWriter(self._root, ORDER_LINES, sequence=self._sequence) as writer:
            for orders, lines in ahead(extraction.orders(self._reader, task.span)):
                for (number,), own in (
                    orders.select(PLATFORM, c.ORDER).partition_by(PLATFORM, as_dict=True).items()
                ):
                    keys = own.get_column(c.ORDER)
                    highest[number] = max(highest.get(number, 0), int(keys.max()))  # type: ignore[arg-type]
                    # Above it no order was ever exported, so that nothing of it can stand in an earlier part.
                    seen_before = keys.filter(keys <= known[number])
                    if len(seen_before):
                        changed.setdefault(number, []).append(seen_before)
                self._add(writer, ORDER_LINES, shaping.order_lines(orders, lines, timezones=task.timezones))
            self._keep(ORDER_LINES, writer)
        for number, series in changed.items():
            self._change(ORDER_LINES, number, pl.concat(series))
        return highest

    def _removals(self, task: Task) -> None:
        """Note the facts that were taken away; of what is written anew only carried-over rows may have them."""
        self._removed = extraction.removals(self._reader, task.span)
        if task.anew:
            return
        for (name, number), own in self._removed.partition_by("table", PLATFORM, as_dict=True).items():
            self._change(TABLES[name], number, own.get_column("key").unique())

    def _others(self, task: Task, table: Table, before: Manifest | None) -> None:
        """Write new events, or new exposures; what only the lake has is carried over when all is written anew."""
        query, shape = {
            EVENTS.name: (extraction.events, shaping.events),
            EXPOSURES.name: (extraction.exposures, shaping.exposures),
        }[table.name]
        kept = task.kept(table.name)
        with PartWriter(self._root, table, sequence=self._sequence) as writer:
            for frame in ahead(query(self._reader, task.span, kept=kept)):
                self._add(writer, table, shape(frame, timezones=task.timezones, digest=self._digest))
            for number, bound in kept.items():
                assert before is not None  # bounds come from it
                self._carry_over(writer, table, before, number, bound, timezone=task.timezones[number])
            self._keep(table, writer)

    def _carry_over(
        self, writer: PartWriter, table: Table, before: Manifest, number: int, bound: int, *, timezone: str
    ) -> None:
        """Write the rows received before `bound` from the parts there were, local times computed anew."""
        changes = [each for each in before.changes if (each.table, each.platform) == (table.name, number)]
        parts = [each for each in before.parts if (each.table, each.platform) == (table.name, number)]
        changed = lake.changed_keys(self._root, table, list(self._sound(changes)))
        removed = self._removed.filter((pl.col("table") == table.name) & (pl.col(PLATFORM) == number))
        for part in self._sound(parts):
            frame = (
                lake.rows(self._root, table, [part], changed)
                .filter(pl.col(table.receipt or "") < bound)
                .join(removed.lazy(), left_on=table.key, right_on="key", how="anti")
                .collect()
            )
            writer.add(number, part.month, shaping.local_columns(frame, timezone=timezone))

    def _sound(self, found: Sequence[F]) -> Iterator[F]:
        """Yield the files that hold what was written; of the others a rebuild counts the rows as lost."""
        for file in found:
            try:
                files.verify(self._root, [file])
            except LakeDamagedError as error:
                if not self._rebuild:
                    raise
                self.done.lost += file.rows
                logger.error("%s Its %d rows are left out.", error, file.rows)
            else:
                yield file

    def _add(self, writer: PartWriter, table: Table, frame: pl.DataFrame) -> None:
        for number, month, rows in shaping.by_month(frame, table):
            writer.add(number, month, rows)

    def _keep(self, table: Table, writer: PartWriter) -> None:
        """Take the finished parts into the lake to be."""
        parts = writer.close()
        self._parts += parts
        self.done.rows[table.name] = self.done.rows.get(table.name, 0) + sum(part.rows for part in parts)

    def _change(self, table: Table, number: int, keys: pl.Series) -> None:
        self._changes.append(write_changes(self._root, table, number, keys, sequence=self._sequence))
        self.done.changed[table.name] = self.done.changed.get(table.name, 0) + len(keys)

    def _digest(self, number: int, column: str, text: str) -> int:
        """Return what stands for a text of a platform: the same within its organisation."""
        if number not in self._keys:
            self._keys[number] = pii.match_key(self._organisations[number])
        return shaping.keyed_digest(self._keys[number], column, text)


def _readable(root: Path) -> Manifest | None:
    """Return the manifest; when it cannot be read, set the lake aside and return None, for a rebuild needs none."""
    try:
        return manifest.load(root)
    except LakeDamagedError as error:
        logger.error("%s What was there is in %s now.", error, files.set_aside(root))
        return None


@contextmanager
def _trusted(before: Manifest | None) -> Iterator[tuple[Reader, Log]]:
    """Give a reader of one state of the database, and where its log stands.

    Rows that were restored from another cluster carry its transaction numbers, which this one will use again; they are
    set to 0 first, or a later export would take them for new.
    """
    with consistent() as reader:
        log = extraction.read_log(reader)
        stranger = before is None or planning.distrust(before, log) is not None
        restored = stranger and extraction.ahead_of(reader, log.ceiling)
        if not restored:
            yield reader, log
            return
    logger.warning("Rows of another cluster are given positions in this one's log of facts.")
    renumber(log.ceiling)
    with consistent() as reader:
        yield reader, extraction.read_log(reader)


def renumber(ceiling: int) -> int:
    """Set the positions from `ceiling` on, which no transaction of this cluster has written, to 0; how many rows."""
    statement = sql.SQL(
        "UPDATE {} SET position = 0 WHERE position >= {} "
        "AND position >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    )
    with psycopg.connect(conninfo()) as link, link.cursor() as cursor:
        count = 0
        for table in extraction.positioned():
            cursor.execute(statement.format(sql.Identifier(table), sql.Literal(ceiling)))
            count += cursor.rowcount
    return count


def _differ(before: Manifest, after: Manifest) -> bool:
    """Return whether the new manifest says more than that time has passed."""

    def told(state: Manifest) -> tuple[object, ...]:
        platforms = {number: replace(each, horizon=0) for number, each in state.platforms.items()}
        return state.database, platforms, state.parts, state.changes, state.retired

    return told(before) != told(after)
