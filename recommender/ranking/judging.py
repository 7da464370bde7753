"""How well a ranker does on a cut that it did not learn from, beside the blend, popularity and the champion."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import TopItems
from recommender.candidates import personal
from recommender.evaluation import gate, metrics, report
from recommender.evaluation.compare import paired_bootstrap
from recommender.evaluation.gate import Verdict
from recommender.ranking import serving
from recommender.ranking.candidates import KINDS, NEW, REPEAT
from recommender.ranking.cuts import ALL, Cut, Learning
from recommender.ranking.serving import Ranker


def recall(
    scores: Mapping[str, NDArray[np.float64]], cut: Cut, which: str, how: Learning
) -> NDArray[np.float64]:
    """The recall of each customer by scores of the pairs of each kind."""
    items = merged(scores, cut, how).items
    if which == REPEAT:
        repeated = csr_matrix(cut.relevant[ALL] - cut.relevant[NEW])
        repeated.eliminate_zeros()
        return metrics.recall(items, repeated)
    return metrics.recall(items, cut.relevant[which])


def merged(scores: Mapping[str, NDArray[np.float64]], cut: Cut, how: Learning) -> TopItems:
    """One list for each customer by scores of the pairs of each kind."""
    kinds = list(scores)
    return serving.merged(
        [cut.tables[kind].pairs for kind in kinds], [scores[kind] for kind in kinds], n=how.k
    )


def rows(rankers: Mapping[str, Ranker], judge: Cut, how: Learning) -> list[dict[str, Any]]:
    """Rows of the comparison (`evaluation.report.Row` as JSON values) of some rankers, by name.

    They stand beside the same lists as in the job that compares the models, on the customers of the cut.
    """
    made: list[dict[str, Any]] = []
    for number, (which, beside) in enumerate(judge.rivals.items()):
        ours = {
            name: report.first(merged(odds(ranker, judge, which), judge, how).items, how.k)
            for name, ranker in rankers.items()
            if which == ALL or NEW in ranker.boosters
        }
        made += [
            asdict(row)
            for row in report.rows(
                {**ours, **beside.lists}, beside.judged, only=ours,
                baselines=[name for name in beside.lists if name != "blend"],
                rng=np.random.default_rng([how.seed, judge.day, 2, number]),
            )
        ]  # fmt: skip
    return made


def judged(
    ranker: Ranker, champion: Ranker | None, judge: Cut, how: Learning
) -> tuple[dict[str, Verdict], dict[str, Any]]:
    """The verdict on new items and on all, and the figures behind them: it must win on all, and lose on neither."""
    verdicts: dict[str, Verdict] = {}
    figures: dict[str, Any] = {}
    for number, which in enumerate((NEW, ALL)):
        if which == NEW and NEW not in ranker.boosters:
            continue
        ours = recall(odds(ranker, judge, which), judge, which, how)
        todays = None
        if champion is not None and set(champion.boosters) == set(ranker.boosters):
            todays = recall(odds(champion, judge, which), judge, which, how)
        verdict = gate.decide(
            ours, judge.others[which], todays, rng=np.random.default_rng([how.seed, judge.day, number]),
            must_win=which == ALL,
        )  # fmt: skip
        verdicts[which] = verdict
        figures[which] = {
            "ranker": mean(ours), "champion": None if todays is None else mean(todays),
            **{name: mean(values) for name, values in judge.others[which].items()},
            "customers": int((~np.isnan(ours)).sum()), "promoted": verdict.promoted, "decidable": verdict.decidable,
            "reason": verdict.reason,
        }  # fmt: skip
    return verdicts, figures


def odds(ranker: Ranker, cut: Cut, which: str) -> dict[str, NDArray[np.float64]]:
    """The scores of a ranker for new items, or for all."""
    kinds = [NEW] if which == NEW else [kind for kind in KINDS if kind in ranker.boosters]
    return serving.lifted(
        {kind: ranker.boosters[kind].screened(cut.tables[kind], n=serving.SCREENED[kind]) for kind in kinds},
        ranker.share,
    )


def quality(cut: Cut, ours: Mapping[str, NDArray[np.float64]], how: Learning) -> dict[str, Any]:
    """What is shown of `ours` (NEW, ALL → recall of each customer) against popularity, as JSON values.

    Popularity is the best of its windows, chosen with hindsight: the hardest to beat.
    """
    told: dict[str, Any] = {"metric": "recall", "k": how.k, "days": how.days}
    for which, values in ours.items():
        popular = {name: cut.others[which][name] for name in personal.POPULAR.values()}
        strongest = max(popular, key=lambda name: mean(popular[name]))
        rng = np.random.default_rng([how.seed, cut.day])
        found = paired_bootstrap(values, popular[strongest], rng=rng)
        told[which] = {
            "ours": found.mean_a, "popularity": found.mean_b, "popularity_window": strongest,
            "difference": found.difference, "low": found.low, "high": found.high, "customers": found.customers,
        }  # fmt: skip
        if found.difference is None:
            told[which]["reason"] = (
                f"Too few customers ({found.customers}) with a history bought something in the held-out days."
            )
    return told


def mean(values: NDArray[np.float64]) -> float:
    """The mean of the defined values, 0 where there is none."""
    return metrics.mean(values).value or 0.0
