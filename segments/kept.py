"""Large results of a run that nothing looks up by row: one Parquet file a run and kind, written once, never changed.

They hold our numbers of people and products, no name and no text of anybody: an erased person's number leads nowhere.
"""

import os
from pathlib import Path

import polars as pl
from django.conf import settings

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.history import layout


def folder(kind: str) -> Path:
    """Return where files of a kind lie: under the setting PRECISION_RESULTS, else beside the lake."""
    chosen = getattr(settings, "PRECISION_RESULTS", None)
    return (Path(chosen) if chosen else layout.root().parent / "results") / kind


def write(run: Run, kind: str, frame: pl.DataFrame) -> Path:
    """Write the frame as the run's file of a kind; files of runs that are gone are deleted. OSError when it cannot be.

    The file is there as a whole or not at all, also after a crash.
    """
    place = folder(kind)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{run.pk}.parquet"
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    frame.write_parquet(unfinished, compression="zstd", row_group_size=131_072)
    with unfinished.open("rb") as written:
        os.fsync(written.fileno())
    unfinished.replace(path)
    _sweep(place, kept={run.pk})
    return path


def scan(run: int | None, kind: str) -> pl.LazyFrame | None:
    """Return the frame that a run wrote, or None without a run or where the file is gone."""
    path = folder(kind) / f"{run}.parquet"
    return pl.scan_parquet(path) if run is not None and path.exists() else None


def published(job: str, scope: str, kind: str) -> tuple[int, pl.LazyFrame] | None:
    """Return the run of a job in force for a scope and what it wrote; None before it. One query."""
    run = runs.published_ids(scope).get(job)
    frame = scan(run, kind)
    return None if run is None or frame is None else (run, frame)


def _sweep(place: Path, *, kept: set[int]) -> None:
    """Delete the files of runs that are no longer there. One query."""
    files = {int(path.stem): path for path in place.glob("*.parquet") if path.stem.isdigit()}
    known = set(Run.objects.filter(pk__in=files).values_list("pk", flat=True)) | kept
    for number, path in files.items():
        if number not in known:
            path.unlink(missing_ok=True)
