"""What an import would do, without doing it: the same work in a transaction that is rolled back."""

from collections.abc import Mapping as Table
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl
from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable
from rich.console import Console

from precision.engine.progress import Steps
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.importer import Import, total_steps
from precision.shop.importing.summary import ImportSummary
from precision.shop.mapping import Mapping
from precision.shop.models import Platform

MOST_ROWS: Final = 20_000
"""Rows that are read of each file."""
MOST_REFUSALS: Final = 20
PATIENCE: Final = "5s"
"""How long a preview waits for another writer of the platform."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would become of the rows."""

    summary: ImportSummary
    samples: Table[str, pl.DataFrame]
    """The first records of each kind, personal values left out."""
    refusals: pl.DataFrame
    """The first refusals: file (its position), row, column, value, code, reason."""
    whole: bool
    """Whether all rows of all files were read."""


def preview(
    platform: Platform,
    mapping: Mapping,
    files: Table[str, Path | Sequence[Path]],
    *,
    most: int = MOST_ROWS,
) -> Preview:
    """Return what importing the files would do; nothing is written. Raises ImportRefusedError as the import would."""
    work = Import(platform, mapping, files, most=most)
    quiet = Console(quiet=True)
    try:
        with Steps(total_steps(mapping), console=quiet) as progress, transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            work.load(progress)
            transaction.set_rollback(True)
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise ImportRefusedError(
            f"Another import of {platform.key} is at work; look again when it has ended."
        ) from error
    summary = work.run.summary
    rows = sum(file["rows"] for file in summary.files)
    summary.rows.rejected = rows - summary.rows.accepted - summary.rows.updated - summary.rows.duplicate
    refusals = work.run.rejects.frame()
    summary.rejected_by.update(refusals.get_column("code").to_list())
    return Preview(
        summary=summary,
        samples=work.run.samples,
        refusals=work.run.rejects.in_lines(refusals).head(MOST_REFUSALS),
        whole=all(file["rows"] < most for file in summary.files),
    )
