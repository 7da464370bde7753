"""The job `recommendation-quality`: every model side by side on days that none of them saw, several folds back in time.

It fits every source anew for each fold, which costs about as much as the lists of the night do; so it computes once a
week, on a sample of customers, and carries its rows over in the nights between. Asked twice on one day it computes
anew.

The learned ranker is not fitted here: it is learned from all days up to today, and so has seen those that judge. Its
rows are those of its own job, which judged what was learned from earlier days, on the latest fold alone. Learned on the
same day as the others were compared it stands on the same held-out days and the same customers; else its rows bear days
of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.models import Run
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import history
from precision.shop.models import Platform
from recommender.candidates import blend, personal
from recommender.candidates.facts import Facts
from recommender.candidates.personal import Sources
from recommender.evaluation import gate, groups, metrics, report, splits, weighted
from recommender.evaluation.report import Judged, Row
from recommender.evaluation.splits import Split, Truth
from recommender.jobs import catalogues, ranker
from recommender.models import LearnedRanker, RecommendationQuality

JOB = "recommendation-quality"
FOLDS = 2
HELD_OUT_DAYS = 30
K = 20
CANDIDATES = 100  # of each source, for the blend
MOST_JUDGED = 3_000  # customers of a fold
EVERY = timedelta(days=7)
SEED = 20_102
CHALLENGERS = ("blend",)
"""The models of `_lists` that may be shown, the simplest first; its others are baselines."""
RANKER, CHAMPION = "ranker", "champion"
"""The rows that the job of the ranker made."""
Lists = Mapping[str, NDArray[np.integer[Any]]]


def compute_quality(run: Run, engine: Engine) -> Outcome:
    """Write RecommendationQuality rows of the run's platform, or carry over those of the last days."""
    kept = runs.published(JOB, run.scope)
    learned = ranker.last(run.scope)
    if kept is not None and _is_fresh(kept, run.as_of):
        told = [each for each in kept.measures.get("gate", []) if each["model"] != RANKER]
        return Outcome(
            rows={"recommendation_quality": _carry_over(kept, run) + _of_ranker(run, learned)},
            measures={**kept.measures, "gate": told + _ranker_verdicts(learned)}, parameters=kept.parameters,
        )  # fmt: skip
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, timezone=platform.timezone)
    with history.snapshot():
        facts = catalogues.facts(platform, window)
        events = history.scan("events", window, platform=platform)
        classes = catalogues.price_classes(platform)
        verdicts: list[dict[str, Any]] = []
        made: list[RecommendationQuality] = []
        for fold, split in enumerate(
            splits.folds(facts.lines, as_of_day=epoch_day(run.as_of), days=HELD_OUT_DAYS, count=FOLDS)
        ):
            for rows, told in _fold(engine, facts, split, fold, events=events, classes=classes):
                made += [_stored(run, split, row) for row in rows]
                if fold == 0:
                    verdicts += told
    RecommendationQuality.objects.bulk_create(made, batch_size=1000)
    return Outcome(
        rows={"recommendation_quality": len(made) + _of_ranker(run, learned)},
        measures={"computed_as_of": run.as_of.isoformat(), "gate": verdicts + _ranker_verdicts(learned)},
        parameters={
            "held_out_days": HELD_OUT_DAYS, "k": K, "folds": FOLDS, "most_judged": MOST_JUDGED, "seed": SEED,
        },
    )  # fmt: skip


def _is_fresh(kept: Run, as_of: date) -> bool:
    """Return whether the rows of a run hold for a later night of the same week."""
    computed = date.fromisoformat(kept.measures.get("computed_as_of", "1970-01-01"))
    return timedelta(0) < as_of - computed < EVERY


def _carry_over(kept: Run, run: Run) -> int:
    """Copy the rows of the last run but those of the ranker; return their number."""
    rows = list(RecommendationQuality.objects.filter(run=kept).exclude(model__in=(RANKER, CHAMPION)))
    for row in rows:
        row.pk, row.run = None, run
    RecommendationQuality.objects.bulk_create(rows, batch_size=1000)
    return len(rows)


def _stored(run: Run, split: Split, row: Row) -> RecommendationQuality:
    return RecommendationQuality(run=run, cut_day=_date(split.cut_day), days=HELD_OUT_DAYS, **asdict(row))


def _date(day: int) -> date:
    return date(1970, 1, 1) + timedelta(days=day)


def _of_ranker(run: Run, learned: LearnedRanker | None) -> int:
    """Write the rows that the ranker in force, or the one that was refused, reached when it was judged."""
    beside = {} if learned is None else learned.report.get("beside", {})
    if not beside:
        return 0
    day, days = _date(beside["cut_day"]), beside["days"]
    rows = [RecommendationQuality(run=run, cut_day=day, days=days, **row) for row in beside["rows"]]
    return len(RecommendationQuality.objects.bulk_create(rows, batch_size=1000))


def _ranker_verdicts(learned: LearnedRanker | None) -> list[dict[str, Any]]:
    """Return what the gate said of the ranker, or why nothing was learned; nothing before its first run."""
    if learned is None:
        return []
    told = [
        {
            "which": which, "model": RANKER, "promoted": found["promoted"],
            "decidable": found.get("decidable", True), "reason": found["reason"],
        }
        for which in (report.ALL, report.NEW)
        if (found := learned.report.get(which))
    ]  # fmt: skip
    return told or [
        {"which": which, "model": RANKER, "promoted": False, "decidable": False, "reason": learned.reason}
        for which in (report.ALL, report.NEW)
    ]


def _fold(
    engine: Engine,
    facts: Facts,
    split: Split,
    fold: int,
    *,
    events: nw.LazyFrame[Any],
    classes: Mapping[str, NDArray[np.int64]],
) -> Iterator[tuple[list[Row], list[dict[str, Any]]]]:
    """Yield the rows of one fold, and the verdicts of the gate where there are any; nothing without a history."""
    rng = np.random.default_rng([SEED, fold])
    sources = facts.sources_then(engine, as_of_day=split.cut_day, rng=rng)
    if not len(sources.history):
        return
    truth = splits.truth(split, sources.history)
    sellable = report.sellable(facts.goods.sellable_ids, sources.history.products)
    judged_truth = splits.judges(truth, split, most=MOST_JUDGED)
    everyone = judged_truth.rows
    by = groups.groups(sources.history, everyone, classes)
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
        **{name: report.first(each.items, K) for name, each in found.items()},
    }


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
