"""The labels of everybody as of a run: one Parquet file, CUSTOMER and one column a label, sorted by CUSTOMER."""

import polars as pl

from precision.engine.models import Run
from precision.shop import columns as c
from segments import kept

JOB = "labels"
KIND = "labels"


def write(run: Run, frame: pl.DataFrame) -> None:
    """Keep the labels that a run computed; readers see them once the run is published."""
    kept.write(run, KIND, frame.sort(c.CUSTOMER))


def scan(scope: str) -> pl.LazyFrame | None:
    """Return the labels of the published run of a scope, lazily; None before the first. One query."""
    found = kept.published(JOB, scope, KIND)
    return None if found is None else found[1]


def run_of(scope: str) -> int | None:
    """Return the number of the run whose labels are in force; None before the first. One query."""
    found = kept.published(JOB, scope, KIND)
    return None if found is None else found[0]
