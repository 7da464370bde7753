"""Who would move if the rule of the price classes were another: from the published features, without a job."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from precision.engine import runs
from precision.engine.models import Run
from precision.engine.reading import read_frame
from precision.shop import columns as c
from segments import class_rules
from segments.methods import agreement, price_classes
from segments.methods.agreement import Agreement
from segments.methods.price_classes import CLASSES, PRICE_CLASS, REASON, PriceClassRule

UNSEEN = ("window_days", "shrink_lines", "least_trials", "tests_confidence")
"""Numbers that shape the features or the tests themselves: a preview cannot show what they change."""
JOB = "price-classes"
SAMPLE = 20
SEED = 7
COLUMNS = ("orders", "positioned_lines", "price_position", "buyer_position", "discount_share")


class NoPreviewError(Exception):
    """There is nothing to preview from; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One customer who would get another class."""

    customer: int
    before: str
    after: str
    reason: str
    price_position: float | None
    discount_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a rule would change."""

    run: Run
    moves: Agreement
    """Rows: the classes in force; columns: those of the rule."""
    moved: int
    sample: tuple[Move, ...]
    """Some who would move, drawn evenly."""
    unseen: tuple[str, ...]
    """Numbers that the rule changes but the preview cannot show: they shape the features, which the next run makes."""


def preview(scope: str, rule: PriceClassRule, *, sample: int = SAMPLE) -> Preview:
    """Return who would move between classes under `rule`, by the features of the scope's run in force.

    Reads all customers of the run once. Who has a class by their answers to tests keeps it. Raises NoPreviewError
    before the first run, and for one that was made by an older form of the method.
    """
    run = runs.published(JOB, scope)
    found = None if run is None else class_rules.of_run(run)
    if run is None or found is None:
        raise NoPreviewError(
            f"The price classes of {scope} have not been computed by this rule yet; run the job."
        )
    used, _ = found
    rows = read_frame(f"""
        SELECT customer_id AS {c.CUSTOMER}, letter, reason, {", ".join(COLUMNS)}
        FROM precision_segments_customerclass WHERE run_id = {run.pk:d}
    """)
    features = nw.from_native(rows.filter(pl.col("orders") > 0), eager_only=True)
    noise = run.parameters.get("noise") or {}
    # The features were made with the numbers of then.
    shaped = class_rules.changed(rule, {"shrink_lines": used.shrink_lines, "window_days": used.window_days})
    thresholds = price_classes.fit_thresholds(features, shaped, noise)
    after = price_classes.classify(features, shaped, thresholds).to_native()
    both = rows.join(after.select(c.CUSTOMER, PRICE_CLASS, REASON), on=c.CUSTOMER, how="left").with_columns(
        pl.when((pl.col("reason") == "tests") | pl.col(PRICE_CLASS).is_null())
        .then("letter")
        .otherwise(PRICE_CLASS)
        .alias(PRICE_CLASS)
    )
    moved = both.filter(pl.col("letter") != pl.col(PRICE_CLASS))
    drawn = moved.sample(min(sample, moved.height), seed=SEED, shuffle=True)
    return Preview(
        run=run,
        moves=agreement.compare(_letters(both, "letter"), _letters(both, PRICE_CLASS), classes=CLASSES),
        moved=moved.height,
        sample=tuple(_move(row) for row in drawn.iter_rows(named=True)),
        unseen=tuple(name for name in UNSEEN if getattr(rule, name) != getattr(used, name)),
    )


def _letters(frame: pl.DataFrame, name: str) -> np.ndarray[Any, Any]:
    return frame[name].to_numpy().astype("<U1")


def _move(row: dict[str, Any]) -> Move:
    return Move(
        customer=row[c.CUSTOMER],
        before=row["letter"],
        after=row[PRICE_CLASS],
        reason=row[REASON],
        price_position=row["price_position"],
        discount_share=row["discount_share"],
    )
