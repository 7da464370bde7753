"""The labels of everybody as of a run: one Parquet file, CUSTOMER and one column a label, sorted by CUSTOMER."""

from collections.abc import Collection

import polars as pl

from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.models import Organisation, Platform
from precision.shop.scopes import OVERALL
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


def forget(scopes: Collection[str] | None, organisation: int, customers: Collection[int]) -> int:
    """Take people out of the kept files of these scopes (None: all of an organisation); return how many changed.

    A file is written anew as a whole: whoever reads the old one meanwhile goes on doing so.
    """
    wanted = Run.objects.filter(job=JOB)
    if scopes is not None:
        wanted = wanted.filter(scope__in=list(scopes))
    else:
        owner = Organisation.objects.get(pk=organisation)
        keys = list(Platform.objects.filter(organisation=owner).values_list("key", flat=True))
        wanted = wanted.filter(scope__in=[*keys, f"{OVERALL}{owner.key}"])
    changed = 0
    for run in wanted:
        frame = kept.scan(run.pk, KIND)
        about = pl.col(c.CUSTOMER).is_in(list(customers))
        if frame is not None and frame.filter(about).select(pl.len()).collect().item():
            kept.write(run, KIND, frame.filter(~about).collect())
            changed += 1
    return changed


def run_of(scope: str) -> int | None:
    """Return the number of the run whose labels are in force; None before the first. One query."""
    found = kept.published(JOB, scope, KIND)
    return None if found is None else found[0]
