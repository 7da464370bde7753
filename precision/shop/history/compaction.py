"""Keeping the lake small: the parts of a month are merged, and rows that do not count any more are dropped."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from precision.shop.history import files, lake, layout, manifest
from precision.shop.history.layout import TABLES, Table
from precision.shop.history.manifest import Changes, Manifest, Part
from precision.shop.history.writing import PART_ROWS, PartWriter

MAX_PARTS = 8  # of a month; one more and they are merged
MAX_CHANGES = 30  # lists of replaced keys, or this share of all rows below, and they are worked in
MAX_CHANGED_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Compacted:
    """What a compaction did."""

    merged: int
    """Parts that were read and written anew."""
    parts: int
    """Parts that there are now."""
    dropped: int
    """Rows that did not count any more."""
    swept: int
    """Files that a killed writer had left behind."""


@dataclass(frozen=True, slots=True)
class _Heap:
    """All files of one table and platform."""

    table: Table
    platform: int
    parts: tuple[Part, ...]
    changes: tuple[Changes, ...]


def compact(*, everything: bool = False) -> Compacted:
    """Merge months of many parts and work in long lists of changes, or all of them; what is read stays the same.

    Readers that have begun go on with the old files, which are deleted some days later. Reads no database; waits while
    another process writes the lake. Raises the errors of `export`.
    """
    root = layout.root()
    with files.writer(root):
        state = manifest.load(root)
        swept = files.sweep(root)
        if state is None:
            return Compacted(merged=0, parts=0, dropped=0, swept=len(swept))
        with files.writing(root):
            work = _Compaction(root, state, everything=everything)
            for heap in _heaps(state):
                work.take(heap)
            done = replace(work.result(), swept=len(swept))
    return done


def _heaps(state: Manifest) -> Iterator[_Heap]:
    for name, platform in sorted({(file.table, file.platform) for file in state.files()}):
        yield _Heap(
            TABLES[name],
            platform,
            tuple(part for part in state.parts if (part.table, part.platform) == (name, platform)),
            tuple(each for each in state.changes if (each.table, each.platform) == (name, platform)),
        )


class _Compaction:
    """One compaction in the making."""

    def __init__(self, root: Path, state: Manifest, *, everything: bool) -> None:
        self._root = root
        self._state = state
        self._everything = everything
        self._sequence = state.sequence + 1
        self._parts: list[Part] = []
        self._changes: list[Changes] = []
        self._merged: list[Part] = []
        self._written = 0

    def take(self, heap: _Heap) -> None:
        """Compact one heap."""
        files.verify(self._root, heap.changes)
        changed = lake.changed_keys(self._root, heap.table, heap.changes)
        works_in = bool(heap.changes) and self._is_worth(heap)
        months: dict[int, list[Part]] = {}
        for part in heap.parts:
            months.setdefault(part.month, []).append(part)
        with PartWriter(self._root, heap.table, sequence=self._sequence) as writer:
            for month, parts in sorted(months.items()):
                if self._are_many(parts) or (works_in and self._are_hit(heap.table, parts, changed)):
                    self._merge(writer, heap, month, parts, changed)
                else:
                    # None of its rows is among the changes, so it is as if written after them.
                    self._parts += (
                        [replace(part, sequence=self._sequence) for part in parts] if works_in else parts
                    )
            written = writer.close()
        self._parts += written
        self._written += sum(part.rows for part in written)
        if not works_in:
            self._changes += heap.changes

    def result(self) -> Compacted:
        """Make the new files the lake's, where there are any; return what was done."""
        changed = len(self._changes) != len(self._state.changes)
        if self._merged or changed:
            now = int(time.time())
            leaving = {part.path for part in self._merged}
            leaving |= {each.path for each in self._state.changes} - {each.path for each in self._changes}
            after = self._state.without(lambda file: file.path in leaving, now=now)
            files.publish(
                self._root,
                replace(
                    after, sequence=self._sequence, parts=tuple(self._parts), changes=tuple(self._changes)
                ),
                now=now,
            )
        return Compacted(
            merged=len(self._merged),
            parts=len(self._parts),
            dropped=sum(part.rows for part in self._merged) - self._written,
            swept=0,
        )

    def _is_worth(self, heap: _Heap) -> bool:
        """Return whether the changes are so many that readers would notice."""
        rows = sum(part.rows for part in heap.parts)
        changed = sum(each.rows for each in heap.changes)
        return self._everything or len(heap.changes) > MAX_CHANGES or changed > MAX_CHANGED_SHARE * rows

    def _are_many(self, parts: Sequence[Part]) -> bool:
        if self._everything:
            return len(parts) > 1
        return len(parts) > MAX_PARTS

    def _are_hit(self, table: Table, parts: Sequence[Part], changed: pl.DataFrame) -> bool:
        """Return whether any row of the parts is among the changes; reads the key column only."""
        files.verify(self._root, parts)
        counted = lake.rows(self._root, table, parts, changed).select(pl.len()).collect().item()
        return int(counted) != sum(part.rows for part in parts)

    def _merge(
        self, writer: PartWriter, heap: _Heap, month: int, parts: Sequence[Part], changed: pl.DataFrame
    ) -> None:
        """Write the rows of a month that count, sorted anew unless they are too many to be held at once."""
        files.verify(self._root, parts)
        self._merged += parts
        together = sum(part.rows for part in parts) <= PART_ROWS
        for group in [parts] if together else [[part] for part in parts]:
            rows = lake.rows(self._root, heap.table, group, changed).sort(heap.table.order).collect()
            writer.add(heap.platform, month, rows)
