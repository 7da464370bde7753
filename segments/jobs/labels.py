"""The label library, every night: all labels of everybody as a file, and a wide row for each active customer."""

from typing import Any, Final

import polars as pl
from django.conf import settings
from django.db import transaction

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop import history, scopes
from precision.shop.models import Organisation
from precision.shop.scopes import Scope
from segments import overrides, snapshots
from segments.labels import library, registry, wide
from segments.labels.from_activity import ACTIVE_DAYS, LAST_SEEN_DAYS
from segments.models import LabelRow

READS: Final = (
    "clusters", "interests", "lifecycle", "price-classes", "rfm", "scores", "screening", "value",
)  # fmt: skip
"""Jobs whose results sources of labels read."""


READINGS: Final = 3


class ErasedMeanwhileError(RuntimeError):
    """People were erased each time that labels were being computed."""


def compute_labels(run: Run, engine: Engine) -> Outcome:
    """Write the labels of everybody as the run's file, and LabelRow rows of those seen lately.

    Nothing is written of somebody who was erased after their facts were read: then they are read once more.
    """
    scope = scopes.read(run.scope)
    library.ensure_builtin()
    for _ in range(READINGS):
        erasures = _erasures(scope)
        frame, outcome = _computed(run, scope)
        with transaction.atomic():
            # Whoever erases has to wait for this row; whoever adds facts does not.
            owner = Organisation.objects.select_for_update(no_key=True).get(pk=scope.organisation)
            if owner.erasures == erasures:
                snapshots.write(run, frame)
                rows = copy_rows(LabelRow, label_rows(run, frame, days=active_days()))
                outcome.rows = {"label_row": rows}
                outcome.measures["active"] = rows
                return outcome
    raise ErasedMeanwhileError(
        f"People were erased during each of {READINGS} readings of {run.scope}; start the job again."
    )


def _computed(run: Run, scope: Scope) -> tuple[pl.DataFrame, Outcome]:
    """Return the labels of everybody, and what there is to say of them."""
    seconds: dict[str, float] = {}
    with history.snapshot():
        frame = wide.computed(
            scope, run.as_of, told=lambda source, took: seconds.update({source: round(took, 2)})
        )
    frame, refused = completed(scope, frame)
    return frame, Outcome(
        measures={
            "customers": frame.height,
            "labels": coverage(scope, frame),
            "seconds": seconds,
            "refused": refused,
        },
        parameters={"active_days": active_days()},
    )


def _erasures(scope: Scope) -> int:
    """Return how many people of the organisation were erased so far. One query."""
    return Organisation.objects.values_list("erasures", flat=True).get(pk=scope.organisation)


def completed(scope: Scope, frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return the computed labels with those of staff, pins in their places, and why rules were left out, by key.

    Rules read pinned values; a pin on a rule's own label counts too.
    """
    pinned = overrides.applied(scope, library.with_manual(scope, frame))
    ruled, refused = library.with_rules(scope, pinned)
    if ruled.width > pinned.width:
        ruled = overrides.applied(scope, ruled)
    return ruled, refused


def active_days() -> int:
    """Return within how many days somebody must have been seen to get a row (PRECISION_ACTIVE_DAYS)."""
    return int(getattr(settings, "PRECISION_ACTIVE_DAYS", ACTIVE_DAYS))


def label_rows(run: Run, frame: pl.DataFrame, *, days: int) -> pl.DataFrame:
    """Return rows of LabelRow of the customers seen in the last `days`; what is not known is left out of `values`."""
    active = frame.filter(pl.col(LAST_SEEN_DAYS) <= days)
    # Each entry is made as an object of its own, without the braces, so that text is escaped as JSON wants it.
    entries = [
        pl.when(pl.col(name).is_not_null()).then(
            pl.struct(name).struct.json_encode().str.strip_prefix("{").str.strip_suffix("}")
        )
        for name in frame.columns
        if name != c.CUSTOMER
    ]
    return active.select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.CUSTOMER).alias("customer_id"),
        pl.concat_str(
            pl.lit("{"), pl.concat_str(entries, separator=",", ignore_nulls=True), pl.lit("}")
        ).alias("values"),
    )


def coverage(scope: Scope, frame: pl.DataFrame) -> dict[str, Any]:
    """Return of each label how many customers have a value, their share of all with any label, and its version."""
    versions = {key: each.version for key, each in registry.definitions().items()}
    if scope.platform is not None:
        versions |= {label.key: label.version for label in library.of_staff(scope.platform)}
    known = frame.select(pl.all().exclude(c.CUSTOMER).count()).row(0, named=True)
    return {
        key: {
            "known": count,
            "coverage": round(count / frame.height, 6) if frame.height else None,
            "version": versions[key],
        }
        for key, count in known.items()
    }


register(
    Job(name=snapshots.JOB, title="labels of customers", compute=compute_labels, after=READS, overall=True)
)
