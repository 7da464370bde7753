"""The job `recommendation-quality`: every model side by side on days that none of them saw, several folds back in time.

It fits every source anew for each fold, which costs about as much as the lists of the night do; so it computes once a
week, on a sample of customers, and carries its rows over in the nights between. Asked twice on one day it computes
anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.models import Run
from precision.engine.reading import read_frame
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop import history
from precision.shop.models import Platform
from recommender.candidates import blend, personal
from recommender.candidates.personal import Sources
from recommender.evaluation import gate, groups, metrics, report, splits, weighted
from recommender.evaluation.report import Judged, Row
from recommender.evaluation.splits import Split, Truth
from recommender.models import RecommendationQuality

JOB = "recommendation-quality"
FOLDS = 2
HELD_OUT_DAYS = 30
K = 20
CANDIDATES = 100  # of each source, for the blend
MOST_JUDGED = 3_000  # customers of a fold
EVERY = timedelta(days=7)
SEED = 20_102
CHALLENGERS = ("blend",)
"""The models that may be shown, the simplest first; all others are baselines. See `_lists`, which makes them."""
Lists = Mapping[str, NDArray[np.integer[Any]]]


def compute_quality(run: Run, engine: Engine) -> Outcome:
    """Write RecommendationQuality rows of the run's platform, or carry over those of the last days."""
    kept = runs.published(JOB, run.scope)
    if kept is not None and _is_fresh(kept, run.as_of):
        return Outcome(
            rows={"recommendation_quality": _carry_over(kept, run)}, measures=kept.measures,
            parameters=kept.parameters,
        )  # fmt: skip
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, timezone=platform.timezone)
    with history.snapshot():
        lines = history.scan("order_lines", window, platform=platform)
        events = history.scan("events", window, platform=platform)
        products = history.scan("products", window, platform=platform).collect("polars").to_native()
        classes = _classes(platform)
        verdicts: list[dict[str, Any]] = []
        made: list[RecommendationQuality] = []
        for fold, split in enumerate(
            splits.folds(lines, as_of_day=epoch_day(run.as_of), days=HELD_OUT_DAYS, count=FOLDS)
        ):
            for rows, told in _fold(engine, split, fold, events=events, products=products, classes=classes):
                made += [_stored(run, split, row) for row in rows]
                if fold == 0:
                    verdicts += told
    RecommendationQuality.objects.bulk_create(made, batch_size=1000)
    return Outcome(
        rows={"recommendation_quality": len(made)},
        measures={"computed_as_of": run.as_of.isoformat(), "gate": verdicts},
        parameters={
            "held_out_days": HELD_OUT_DAYS, "k": K, "folds": FOLDS, "most_judged": MOST_JUDGED, "seed": SEED,
        },
    )  # fmt: skip


def _is_fresh(kept: Run, as_of: date) -> bool:
    """Return whether the rows of a run hold for a later night of the same week."""
    computed = date.fromisoformat(kept.measures.get("computed_as_of", "1970-01-01"))
    return timedelta(0) < as_of - computed < EVERY


def _carry_over(kept: Run, run: Run) -> int:
    """Copy the rows of the last run; return their number."""
    rows = list(RecommendationQuality.objects.filter(run=kept))
    for row in rows:
        row.pk, row.run = None, run
    RecommendationQuality.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def _stored(run: Run, split: Split, row: Row) -> RecommendationQuality:
    day = date(1970, 1, 1) + timedelta(days=split.cut_day)
    return RecommendationQuality(run=run, cut_day=day, days=HELD_OUT_DAYS, **asdict(row))


def _fold(
    engine: Engine,
    split: Split,
    fold: int,
    *,
    events: nw.LazyFrame[Any],
    products: pl.DataFrame,
    classes: Mapping[str, NDArray[np.int64]],
) -> Iterator[tuple[list[Row], list[dict[str, Any]]]]:
    """Yield the rows of one fold, and the verdicts of the gate where there are any; nothing without a history."""
    rng = np.random.default_rng([SEED, fold])
    sources = personal.fit(engine, split.train, as_of_day=split.cut_day, rng=rng)
    if not len(sources.history):
        return
    truth = splits.truth(split, sources.history)
    sellable = _sellable(products, sources.history.products)
    judged_truth = splits.sampled(truth, most=MOST_JUDGED, rng=rng)
    everyone = judged_truth.rows
    by = {
        **groups.by_class(sources.history.customers[everyone], classes),
        **groups.by_history(groups.purchase_day_counts(sources.history)[everyone]),
    }
    for which, relevant in _relevant(judged_truth, sources.bought).items():
        lists = _lists(engine, sources, everyone, new_only=which == report.NEW)
        judged = Judged(
            fold=fold, which=which, relevant=relevant, rows=everyone, bought=sources.bought, sellable=sellable,
            groups=by,
        )  # fmt: skip
        baselines = [name for name in lists if name not in CHALLENGERS]
        yield (
            report.rows(lists, judged, baselines=baselines, rng=rng),
            _verdicts(which, lists, relevant, rng),
        )
    done = weighted.behaviour(events, split, sources.history, truth)
    rows = done.rows
    if len(rows) > MOST_JUDGED:
        rows = np.sort(rng.choice(rows, size=MOST_JUDGED, replace=False))
    wanted = {
        kind: csr_matrix(matrix[np.searchsorted(done.rows, rows)]) for kind, matrix in done.relevant.items()
    }
    if any(wanted[kind].nnz for kind in weighted.EVENTS):
        yield report.weighted_rows(_lists(engine, sources, rows, new_only=False), wanted, fold=fold), []


def _relevant(truth: Truth, bought: csr_matrix) -> dict[str, csr_matrix]:
    return {report.ALL: truth.relevant, report.NEW: truth.new_only(bought)}


def _lists(engine: Engine, sources: Sources, rows: NDArray[np.int64], *, new_only: bool) -> Lists:
    """Return the K products of each model for the customers at `rows`."""
    found = personal.lists(engine, sources, rows=rows, k=CANDIDATES, new_only=new_only)
    weights = blend.NEW_ITEMS if new_only else blend.ALL_ITEMS
    return {
        "blend": blend.blend(found, weights=weights, n=K).items,
        **{name: _padded(each.items) for name, each in found.items()},
    }


def _padded(items: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the first K columns, -1 where there are fewer."""
    return np.pad(items[:, :K], ((0, 0), (0, max(0, K - items.shape[1]))), constant_values=-1)


def _verdicts(
    which: str, lists: Lists, relevant: csr_matrix, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Return what the gate says of each challenger: against the baselines, and the challenger before it as champion."""
    recalls = {name: metrics.recall(items, relevant) for name, items in lists.items()}
    baselines = {name: values for name, values in recalls.items() if name not in CHALLENGERS}
    champions = [None, *(recalls[name] for name in CHALLENGERS)]
    found = [
        gate.decide(recalls[name], baselines, champion, rng=rng)
        for name, champion in zip(CHALLENGERS, champions, strict=False)
    ]
    return [
        {
            "which": which, "model": name, "promoted": each.promoted, "decidable": each.decidable,
            "reason": each.reason,
        }
        for name, each in zip(CHALLENGERS, found, strict=True)
    ]  # fmt: skip


def _sellable(products: pl.DataFrame, known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which of the known products can be sold, and after them True for each that was never sold so far."""
    sellable = products.filter(pl.col(c.ACTIVE) & pl.col(c.IN_STOCK))[c.PRODUCT].to_numpy()
    never_sold = len(np.setdiff1d(sellable, known))
    return np.concatenate([np.isin(known, sellable), np.ones(never_sold, dtype=np.bool_)])


def _classes(platform: Platform) -> dict[str, NDArray[np.int64]]:
    """Return the customers of each price class, ascending: as it is known today, for every fold."""
    published = runs.published_ids(platform.key).get("price-classes", 0)
    frame = read_frame(
        'SELECT customer_id AS "customer", letter AS "letter" FROM precision_segments_customerclass '
        f"WHERE run_id = {published:d} ORDER BY customer_id"
    )
    return {
        str(letter): frame.filter(pl.col("letter") == letter)["customer"].to_numpy()
        for letter in frame["letter"].unique().sort().to_list()
    }
