"""Rows into parts: buffered by platform and month, written in row groups, forced to the disk."""

import os
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from precision.shop import columns as c
from precision.shop.history import files
from precision.shop.history.layout import Table, changes_folder, part_folder
from precision.shop.history.manifest import Changes, Part

ROW_GROUP = 131_072  # rows: small enough to stream and to skip by time, large enough to compress
PART_ROWS = 4_000_000  # a part is closed beyond it
BUFFERED_ROWS = 4_000_000  # in all buckets together, about 500 MiB
OPEN_PARTS = 200  # well below the usual limit of 1,024 open files
# Codes pay where few values repeat; runs of growing numbers are smaller as differences.
CODED = {
    c.STATUS, c.CHANNEL, c.CURRENCY, c.EVENT, c.PAGE, c.EXPERIMENT, c.ARM, c.SLOT, c.SOURCE, c.PROPENSITY,
    c.DAY, c.HOUR, c.WEEKDAY, c.QUANTITY_E3, c.STORE, c.RUN, c.RANK,
}  # fmt: skip
ARROW = {pl.Int64: pa.int64(), pl.Float64: pa.float64(), pl.String: pa.string(), pl.Boolean: pa.bool_()}


class _OpenPart:
    """A part being written."""

    def __init__(self, root: Path, folder: str, *, sequence: int, columns: Mapping[str, Any]) -> None:
        files.make_folder(root / folder)
        self.path = f"{folder}/part-{sequence:08d}-{secrets.token_hex(6)}.parquet"
        self.file = root / self.path
        self.rows = 0
        self._columns = columns
        self._handle: BinaryIO = self.file.open("xb")
        self._parquet = pq.ParquetWriter(
            self._handle,
            _arrow_schema(columns),
            compression="zstd",
            compression_level=1,
            use_dictionary=[name for name in columns if name in CODED],
            column_encoding={
                name: "DELTA_BINARY_PACKED"
                for name, kind in columns.items()
                if name not in CODED and kind == pl.Int64
            },
            store_schema=False,
        )

    def write(self, frame: pl.DataFrame) -> None:
        table = frame.select(*self._columns).to_arrow(compat_level=pl.CompatLevel.oldest())
        self._parquet.write_table(table.cast(_arrow_schema(self._columns)), row_group_size=ROW_GROUP)
        self.rows += frame.height

    def close(self) -> tuple[int, str]:
        """Force the part to the disk; return its size and digest."""
        self._parquet.close()
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()
        files.sync_folder(self.file.parent)
        return self.file.stat().st_size, files.digest(self.file)

    def abandon(self) -> None:
        """Delete the part; what it could not write any more is of no interest."""
        with suppress(OSError, ValueError, pa.ArrowException):
            self._parquet.close()
        with suppress(OSError):
            self._handle.close()
        files.remove([self.file])


class PartWriter:
    """Takes rows of one table in any order of platforms and months; `close` gives the parts.

    Used as a context: parts are deleted when the block ends by an exception.
    """

    def __init__(self, root: Path, table: Table, *, sequence: int) -> None:
        self._root = root
        self._table = table
        self._sequence = sequence
        self._buckets: dict[tuple[int, int], list[pl.DataFrame]] = {}
        self._rows: dict[tuple[int, int], int] = {}
        self._open: OrderedDict[tuple[int, int], tuple[_OpenPart, list[int]]] = OrderedDict()
        self.parts: list[Part] = []

    def __enter__(self) -> "PartWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            for part, _ in self._open.values():
                part.abandon()
            files.remove(self._root / part.path for part in self.parts)

    def add(self, platform: int, month: int, frame: pl.DataFrame) -> None:
        """Take rows of one platform and month (year × 100 + month, UTC of SECONDS)."""
        if not frame.height:
            return
        bucket = (platform, month)
        waiting = self._buckets.setdefault(bucket, [])
        waiting.append(frame)
        self._rows[bucket] = self._rows.get(bucket, 0) + frame.height
        if self._rows[bucket] >= ROW_GROUP:
            self._flush(bucket)
        else:
            # A slice would keep the whole piece alive that it was cut from.
            waiting[-1] = frame[np.arange(frame.height)]
        if sum(self._rows.values()) > BUFFERED_ROWS:
            self._relieve()

    def close(self) -> list[Part]:
        """Write what is buffered, force all parts to the disk and return them."""
        for bucket in list(self._buckets):
            self._flush(bucket)
        for bucket in list(self._open):
            self._finish(bucket)
        return self.parts

    def _relieve(self) -> None:
        """Write the fullest buckets until half of the room is free."""
        for bucket in sorted(self._rows, key=self._rows.__getitem__, reverse=True):
            if sum(self._rows.values()) <= BUFFERED_ROWS // 2:
                return
            self._flush(bucket)

    def _flush(self, bucket: tuple[int, int]) -> None:
        frame = pl.concat(self._buckets.pop(bucket))
        if not frame.get_column(c.SECONDS).is_sorted():
            frame = frame.sort(self._table.order)
        del self._rows[bucket]
        part, span = self._part(bucket)
        part.write(frame)
        seconds = frame.get_column(c.SECONDS)
        span += [int(seconds[0]), int(seconds[-1])]
        if part.rows >= PART_ROWS:
            self._finish(bucket)

    def _part(self, bucket: tuple[int, int]) -> tuple[_OpenPart, list[int]]:
        if bucket not in self._open:
            if len(self._open) >= OPEN_PARTS:
                self._finish(next(iter(self._open)))
            folder = part_folder(self._table.name, *bucket)
            opened = _OpenPart(self._root, folder, sequence=self._sequence, columns=self._table.columns)
            self._open[bucket] = (opened, [])
        self._open.move_to_end(bucket)
        return self._open[bucket]

    def _finish(self, bucket: tuple[int, int]) -> None:
        part, span = self._open[bucket]
        size, digest = part.close()
        del self._open[bucket]
        platform, month = bucket
        self.parts.append(
            Part(
                path=part.path, table=self._table.name, platform=platform, month=month, sequence=self._sequence,
                rows=part.rows, bytes=size, sha256=digest, first=min(span), last=max(span),
            )
        )  # fmt: skip


def write_changes(root: Path, table: Table, platform: int, keys: pl.Series, *, sequence: int) -> Changes:
    """Write the keys (Int64, distinct) that are not to be read from earlier parts."""
    columns = {table.key: pl.Int64}
    part = _OpenPart(root, changes_folder(table.name, platform), sequence=sequence, columns=columns)
    try:
        part.write(keys.sort().alias(table.key).to_frame())
        size, digest = part.close()
    except BaseException:
        part.abandon()
        raise
    return Changes(
        path=part.path, table=table.name, platform=platform, sequence=sequence,
        rows=part.rows, bytes=size, sha256=digest,
    )  # fmt: skip


def _arrow_schema(columns: Mapping[str, Any]) -> pa.Schema:
    return pa.schema([(name, ARROW[kind]) for name, kind in columns.items()])
