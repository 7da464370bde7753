"""Rows that cannot be used: collected with the reason, counted, and written to a file for the shop."""

import os
from pathlib import Path

import polars as pl

from precision.shop.records import REASONS

REASON = {code.value: text for code, text in REASONS.items()}
COLUMNS = {
    "file": pl.UInt32,
    "row": pl.UInt32,
    "column": pl.String,
    "value": pl.String,
    "code": pl.String,
    "reason": pl.String,
}
LONGEST_VALUE = 200  # characters of a refused value that are repeated
FORMULA = r"^[=+\-@\t\r]"
"""A spreadsheet takes a cell that begins like this for a formula."""


class Rejects:
    """The refused rows of one import; `kind` says as what a refused row counts."""

    def __init__(self) -> None:
        self._frames: list[pl.DataFrame] = []
        self._lines: dict[int, pl.DataFrame] = {}

    def renumber(self, file: int, lines: pl.DataFrame) -> None:
        """Note the line in the file (`line`) of each row (`row`), where several rows stand in one line."""
        self._lines[file] = lines

    def add(self, frame: pl.DataFrame, *, kind: str) -> None:
        """Take refusals, with the columns of COLUMNS."""
        if frame.height:
            columns = (pl.col(name).cast(kind) for name, kind in COLUMNS.items())
            self._frames.append(frame.select(*columns, kind=pl.lit(kind)))

    def count(self, kind: str) -> int:
        """Return how many rows were refused as that kind."""
        if not self._frames:
            return 0
        return pl.concat(self._frames).filter(kind=kind).select("file", "row").n_unique()

    def frame(self) -> pl.DataFrame:
        """Return all refusals, by file and row; what was refused twice for the same reason stands there
        once.
        """
        if not self._frames:
            return pl.DataFrame(schema=COLUMNS)
        return (
            pl.concat(self._frames)
            .select(*COLUMNS)
            .unique(["file", "row", "column", "code"], maintain_order=True)
            .sort("file", "row", maintain_order=True)
        )

    def reasons(self) -> dict[tuple[str, str], int]:
        """Return how many rows were refused, by kind and code."""
        if not self._frames:
            return {}
        rows = pl.concat(self._frames).unique(["kind", "file", "row", "code"])
        return {(kind, code): count for kind, code, count in rows.group_by("kind", "code").len().iter_rows()}

    def in_lines(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the refusals with the numbers of their lines."""
        for file, lines in self._lines.items():
            numbered = frame.filter(file=file).join(lines, on="row", how="left", maintain_order="left")
            numbered = numbered.with_columns(row=pl.coalesce("line", "row")).drop("line")
            frame = pl.concat([frame.filter(pl.col("file") != file), numbered])
        return frame.sort("file", "row", maintain_order=True)

    def write(self, path: Path, files: list[str]) -> int:
        """Write the refusals as CSV, readable by the owner only; return how many, without a file when none.

        Cells that a spreadsheet would take for a formula get an apostrophe in front.
        """
        frame = self.frame()
        if not frame.height:
            return 0
        frame = self.in_lines(frame)
        text = {
            name: pl.col(name).str.replace_all("\x00", "\\0", literal=True)
            for name in COLUMNS
            if name != "row"
        }
        frame = frame.with_columns(
            pl.col("file").replace_strict(dict(enumerate(files)), return_dtype=pl.String)
        ).with_columns(
            pl.when(one.str.contains(FORMULA))
            .then(pl.concat_str(pl.lit("'"), one))
            .otherwise(one)
            .alias(name)
            for name, one in text.items()
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as target:
            frame.write_csv(target)
        return frame.height
