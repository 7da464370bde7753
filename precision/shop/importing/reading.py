"""Files in: each becomes a frame of its columns, with the number of each data row.

Text files are read as text throughout, so that an id like 00123 stays what it is; values.py reads the
numbers.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from precision.shop.importing.decompressing import COMPRESSIONS, check_parquet, plain_utf8
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.nesting import exploded, flattened
from precision.shop.importing.rejects import REASON, Rejects
from precision.shop.mapping import DataFile
from precision.shop.records import Code

LINE = "__line"
ROW = "__row"  # UInt32, 1-based number of the data row within its file
FILE = "__file"  # UInt32, position of the file among those of the import
RESERVED = "__"

ENDINGS = {".parquet": "parquet", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def read_files(
    data: DataFile,
    paths: Sequence[Path],
    *,
    first: int,
    kind: str,
    rejects: Rejects,
    most: int | None = None,
) -> tuple[pl.DataFrame, dict[int, int]]:
    """Return the rows of the files of one data set, with ROW and FILE, and how many each file has by position.

    `first` is the position of the first file. Rows that are no rows (too many fields, no JSON) are counted, but go to
    `rejects` and count as `kind`. Raises ImportRefusedError for a file that cannot be read, or that lacks columns which
    the first file of the data set has. `most`: rows that are read of each file, for a preview.
    """
    frames: list[pl.DataFrame] = []
    rows: dict[int, int] = {}
    for position, path in enumerate(paths, start=first):
        frame, bad = _read_file(data, path, position=position, most=most)
        rows[position] = frame.height
        if bad is not None:
            rejects.add(bad.with_columns(file=pl.lit(position, pl.UInt32)), kind=kind)
            frame = frame.join(
                bad.select(pl.col("row").alias(ROW)), on=ROW, how="anti", maintain_order="left"
            )
        frame = flattened(frame)
        if data.explode is not None:
            lines = 0 if bad is None else bad.height
            frame = flattened(exploded(frame, data.explode, path=path)).rename({ROW: LINE})
            # Each element counts as a row; in the rejects file they have the number of their line.
            frame = frame.with_row_index(ROW, offset=rows[position] + 1)
            rejects.renumber(position, frame.select(row=ROW, line=LINE))
            rows[position] = frame.height + lines
            frame = frame.drop(LINE)
        missing = [name for name in frames[0].columns if name not in frame.columns] if frames else []
        if missing:
            raise ImportRefusedError(f"{path} lacks the column {missing[0]!r}, which {paths[0]} has.")
        frames.append(frame)
    if len(frames) == 1:
        return frames[0], rows
    try:
        return pl.concat(frames, how="diagonal_relaxed"), rows
    except pl.exceptions.PolarsError as error:
        raise ImportRefusedError(
            f"The files of the data set {data.name} do not fit together: a column of {paths[0]} has another type in a "
            f"later file ({str(error).strip().splitlines()[0]})."
        ) from error


def _read_file(
    data: DataFile, path: Path, *, position: int, most: int | None
) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the rows of one file, and the refusals of those that are broken."""
    if not path.is_file():
        raise ImportRefusedError(f"There is no file {path}.")
    plain = path.with_suffix("") if path.suffix in COMPRESSIONS else path
    form = data.format or ENDINGS.get(plain.suffix)
    if form is None:
        raise ImportRefusedError(
            f"{path} ends in {path.suffix or 'nothing'!r}; files must end in {', '.join(ENDINGS)} (the "
            "latter three also in .gz or .zst), or the mapping must name their format."
        )
    try:
        if form == "parquet":
            check_parquet(path)
            frame = pl.read_parquet(path, n_rows=most)
            bad = None
        else:
            with plain_utf8(path, encoding=data.encoding) as text:
                if form == "csv":
                    frame, bad = _read_csv(text, data.separator, most=most)
                else:
                    frame, bad = _read_jsonl(text, most=most)
    except (pl.exceptions.PolarsError, OSError, csv.Error) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ImportRefusedError(
            f"{path} cannot be read as {form}, it is damaged, truncated or of another format ({reason})."
        ) from error
    wrong = [name for name in frame.columns if name.startswith(RESERVED)]
    if wrong:
        raise ImportRefusedError(
            f"{path} has a column {wrong[0]!r}; names that begin with __ are ours, rename it."
        )
    if frame.width == 0:
        raise ImportRefusedError(f"{path} is empty: it has no columns.")
    if most is not None and frame.height > most:
        frame = frame.head(most)
        bad = None if bad is None else bad.filter(pl.col("row") <= most)
    return frame.with_row_index(ROW, offset=1).with_columns(pl.lit(position, pl.UInt32).alias(FILE)), bad


def _read_csv(path: Path, separator: str, *, most: int | None) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the rows of a text table, all as text, and which of them are broken."""
    if path.stat().st_size == 0:
        return pl.DataFrame(), None
    try:
        return pl.read_csv(path, separator=separator, infer_schema=False, n_rows=most), None
    except pl.exceptions.ComputeError:
        return _read_csv_slowly(path, separator)


def _read_csv_slowly(path: Path, separator: str) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Read row by row what the fast reader refused as a whole, to tell which rows are at fault.

    Raises csv.Error when the quoting is broken: from there on no row can be told from the next.
    """
    with path.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.reader(source, delimiter=separator, strict=True)
        header = next(reader)
        if len(set(header)) < len(header):
            raise csv.Error("two columns have the same name")
        rows: list[list[str | None]] = []
        broken: list[int] = []
        for number, cells in enumerate(reader, start=1):
            if any(cells[len(header) :]):
                broken.append(number)
            kept = [cell or None for cell in cells[: len(header)]]
            rows.append(kept + [None] * (len(header) - len(kept)))
    frame = pl.DataFrame(rows, schema=dict.fromkeys(header, pl.String), orient="row")
    return frame, _broken(broken, Code.TOO_MANY_FIELDS)


def _read_jsonl(path: Path, *, most: int | None) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Return the rows of a file with one JSON object a line, and which of them are broken."""
    if path.stat().st_size == 0:
        return pl.DataFrame(), None
    try:
        return pl.read_ndjson(path, infer_schema_length=None, n_rows=most), None
    except pl.exceptions.PolarsError:
        return _read_jsonl_slowly(path)


def _read_jsonl_slowly(path: Path) -> tuple[pl.DataFrame, pl.DataFrame | None]:
    """Read line by line what the fast reader refused as a whole; values of mixed types become text."""
    rows: list[dict[str, Any]] = []
    broken: list[int] = []
    with path.open(encoding="utf-8") as source:
        for number, line in enumerate(source, start=1):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                broken.append(number)
                row = {}
            rows.append(row)
    if len(broken) == len(rows):
        raise OSError("no line of it is a JSON object")
    names = list(dict.fromkeys(name for row in rows for name in row))
    series = [_json_series(name, [row.get(name) for row in rows]) for name in names]
    return pl.DataFrame(series), _broken(broken, Code.BAD_LINE)


def _json_series(name: str, values: list[Any]) -> pl.Series:
    """Return one column; text where its values do not agree on a type."""
    if len({type(value) for value in values if value is not None}) > 1:
        values = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    try:
        return pl.Series(name, values)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if value is None else json.dumps(value) for value in values])


def _broken(numbers: list[int], code: Code) -> pl.DataFrame | None:
    """Return the refusals of whole rows, as Rejects takes them."""
    if not numbers:
        return None
    return pl.DataFrame({"row": pl.Series(numbers, dtype=pl.UInt32)}).with_columns(
        column=pl.lit(""), value=pl.lit(""), code=pl.lit(code.value), reason=pl.lit(REASON[code])
    )
