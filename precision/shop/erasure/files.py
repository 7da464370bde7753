"""Files under VAR that may repeat what a person sent: lists of refused rows, and files that wait to be imported."""

import csv
import io
import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import polars as pl
from django.conf import settings

from precision.shop.erasure.matching import Values

logger = logging.getLogger(__name__)

REJECTS: Final = "rejects"
CELL: Final = "value"
"""The column of a rejects file that repeats what was sent."""
WITHOUT_PEOPLE: Final = frozenset(
    {"postgres", "postgres.partial", "valkey", "run", "locks", "log", "history", "secret_key", "pii_keys"}
)
"""What lies under VAR and holds no person's values: the servers' files, keys, the lake with its bare numbers."""

COMPRESSED: Final = frozenset({".gz", ".zst"})


def root() -> Path:
    """Return the folder of what this installation writes."""
    return Path(getattr(settings, "VAR", "var"))


def scrub(folder: Path, values: Iterable[str]) -> int:
    """Take the values out of the files under `folder`; return how many files were changed or deleted.

    In lists of refused rows the value becomes a placeholder. Any other file that names the person is a copy of what the
    shop sent, and is deleted as a whole.
    """
    found = Values(values)
    changed = 0
    for path in _files(folder):
        try:
            if path.parent.name == REJECTS and path.suffix == ".csv":
                changed += _take_out(path, found)
            elif any(found.are_in(text) for text in _texts(path)):
                path.unlink()
                logger.warning("%s named a person who was erased, and was deleted.", path.name)
                changed += 1
        except FileNotFoundError:
            continue  # its import has ended meanwhile
    return changed


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below the folder that may name somebody; links are not followed."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name not in WITHOUT_PEOPLE and not path.is_symlink():
            yield from (
                inner for inner in sorted(path.rglob("*")) if inner.is_file() and not inner.is_symlink()
            )
            if path.is_file():
                yield path


def _take_out(path: Path, values: Values) -> bool:
    """Write a rejects file anew without the values; return whether it named any."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    place = rows[0].index(CELL) if rows and CELL in rows[0] else -1
    changed = False
    for row in rows[1:] if place >= 0 else ():
        if len(row) > place and (after := values.taken_out(row[place])) != row[place]:
            row[place], changed = after, True
    if changed:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        descriptor, draft = tempfile.mkstemp(
            dir=path.parent
        )  # readable by the owner only, like the file it replaces
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
            file.write(text.getvalue())
        Path(draft).replace(path)
    return changed


def _texts(path: Path) -> Iterator[str]:
    """Yield the text of a file piece by piece: its lines, or the texts of its columns."""
    if path.suffix == ".parquet":
        frame = pl.scan_parquet(path)
        names = [name for name, kind in frame.collect_schema().items() if kind == pl.String]
        for name in names:
            yield from frame.select(pl.col(name).drop_nulls().unique()).collect().to_series()
        return
    if path.suffix in COMPRESSED:
        yield from pl.read_csv(
            path,
            has_header=False,
            separator="\x01",
            quote_char=None,
            infer_schema=False,
            truncate_ragged_lines=True,
        ).to_series()
        return
    with path.open("rb") as file:
        for line in file:
            yield line.decode("utf-8", "replace")
