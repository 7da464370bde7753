"""A ranker for one platform: learned on earlier weeks, searched over a few settings, judged on days it did not see.

A cut is a day: features as of it, answers from the DAYS days after it. Going back from today,

    cut 0   judges: the gate compares what was learned on the earlier cuts with the blend and with popularity here
    cut 1   chooses: settings, the lines that make scores chances, and the share of new items
    older   learn; one of them stands a year back, so that the same season is seen once before

What is promoted is then learned anew with all of them, so that it knows the last weeks too. What repeats and what is
new have boosters of their own.

The work is bounded in customers, pairs and settings, never in seconds: the same input gives the same ranker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.shop.columns import DAY
from recommender.candidates import blend, personal
from recommender.evaluation import gate, metrics, splits
from recommender.evaluation.gate import Verdict
from recommender.ranking import boosting, candidates, descriptions, features, serving
from recommender.ranking.boosting import BINARY, Boosted, Setting
from recommender.ranking.candidates import KINDS, NEW, REPEAT
from recommender.ranking.descriptions import Catalogue
from recommender.ranking.features import Table
from recommender.ranking.serving import Ranker

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

ALL: Final = "all"
SHARES: Final = tuple(float(step) for step in np.arange(-2.0, 2.01, 0.25))
"""Log odds that new items are lifted by against repeats; the share of the list that they get follows from it."""
SETTINGS: Final = (
    Setting(),
    Setting(objective=BINARY),
    Setting(leaves=15, learning_rate=0.08),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """How much is learned from."""

    days: int = 30
    cuts: tuple[float, ...] = (1, 2, 2.5, 3, 3.5)
    """How many times `days` before today each cut is; the first judges, the second chooses."""
    year: bool = True
    """Also the cut 364 days before the first."""
    most_customers: int = 1_500
    """Of a cut, drawn at random."""
    most_pairs: int = 400_000
    """Of a kind: of the pairs that were not bought as many are drawn as fit beside those that were."""
    least_positives: int = 100
    least_customers: int = gate.LEAST_CUSTOMERS
    settings: tuple[Setting, ...] = SETTINGS
    seed: int = 20_103
    k: int = 20


@dataclass(frozen=True, slots=True)
class Cut:
    """Customers as of a day, their candidates, and what they then bought."""

    day: int
    tables: dict[str, Table]  # kind → candidates
    bought: dict[str, NDArray[np.bool_]]  # kind → (pairs,)
    relevant: dict[str, csr_matrix]  # NEW, ALL → (customers, products)
    others: dict[str, dict[str, NDArray[np.float64]]]  # NEW, ALL → name → recall of what is simpler

    @property
    def positives(self) -> int:
        """Bought pairs of all kinds."""
        return sum(int(each.sum()) for each in self.bought.values())


@dataclass(frozen=True, slots=True)
class Learned:
    """What came out."""

    ranker: Ranker | None  # None: the blend serves
    reason: str
    report: dict[str, Any] = field(default_factory=dict)
    """JSON values: recalls on the judging cut, verdicts, trials, importance, share."""


def learn(
    engine: "Engine",
    lines: nw.LazyFrame[Any],
    catalogue: Catalogue,
    *,
    as_of_day: int,
    classes: Mapping[str, NDArray[np.int64]] | None = None,
    champion: Ranker | None = None,
    how: Learning | None = None,
) -> Learned:
    """A ranker that passed the gate, or none and why, from order lines before `as_of_day`."""
    how = how or Learning()
    cuts = []
    for number, day in enumerate(_days(as_of_day, how)):
        cut = _cut(engine, lines, catalogue, day=day, classes=classes, judged=number == 0, how=how)
        if cut is not None:
            cuts.append(cut)
        elif number < 2:
            return Learned(None, f"Nothing to learn from: nobody with a history bought in {how.days} days.")
    if len(cuts) < 3:
        return Learned(None, f"Too short a history: {len(cuts)} dates to learn from, at least 3 are wanted.")
    judge, choose, older = cuts[0], cuts[1], cuts[2:]
    positives = sum(cut.positives for cut in cuts[1:])
    customers = len(judge.relevant[ALL].indptr) - 1
    if positives < how.least_positives or customers < how.least_customers:
        return Learned(
            None,
            f"Too little to learn from: {positives:,} candidates were bought (at least {how.least_positives:,} "
            f"wanted), {customers:,} customers bought in the last {how.days} days (at least {how.least_customers:,}).",
        )
    chosen, trials = _searched(_apart(older, choose.day, how), choose, how)
    if chosen is None:
        return Learned(None, "Too few candidates were bought on the earlier dates.")
    earlier = _apart([choose, *older], judge.day, how)
    ranker = _fitted(earlier, chosen, how)
    before = None if champion is None else _champion(champion, ranker, earlier, how)
    verdicts, report = _judged(ranker, before, judge, how)
    report |= {"trials": trials, "share": chosen.share, "cuts": [cut.day for cut in cuts]}
    refused = [verdict for verdict in verdicts.values() if not verdict.promoted]
    if refused and before is not None:
        # The way of today may still beat what is simpler, where the new one does not beat it.
        verdicts, _ = _judged(before, None, judge, how)
        chosen, refused = before, [verdict for verdict in verdicts.values() if not verdict.promoted]
    if refused:
        return Learned(None, refused[0].reason, report)
    final = _fitted(cuts, chosen, how)
    report["importance"] = {kind: each.importance() for kind, each in final.boosters.items()}
    return Learned(final, verdicts[ALL].reason, report)


def _days(as_of_day: int, how: Learning) -> list[int]:
    days = [as_of_day - round(cut * how.days) for cut in how.cuts]
    return [*days, *([days[0] - 364] if how.year else [])]


def _cut(
    engine: "Engine",
    lines: nw.LazyFrame[Any],
    catalogue: Catalogue,
    *,
    day: int,
    classes: Mapping[str, NDArray[np.int64]] | None,
    judged: bool,
    how: Learning,
) -> Cut | None:
    """The customers of one cut; None where nobody with a history bought anything."""
    split = splits.by_time(
        lines.filter(nw.col(DAY) < day + how.days), as_of_day=day + how.days, days=how.days
    )
    rng = np.random.default_rng([how.seed, day])
    sources = personal.fit(engine, split.train, as_of_day=day, rng=rng, classes=classes)
    if not len(sources.history):
        return None
    truth = splits.truth(split, sources.history)
    if not len(truth.rows):
        return None
    truth = splits.sampled(truth, most=how.most_customers, rng=rng)
    known = features.prepare(sources, split.train, descriptions.describe(sources.history.products, catalogue))
    tables = candidates.tables(engine, known, truth.rows)
    relevant = {ALL: truth.relevant, NEW: truth.new_only(sources.bought)}
    return Cut(
        day=day,
        tables=tables,
        bought={kind: table.pairs.values(truth.relevant) > 0 for kind, table in tables.items()},
        relevant=relevant,
        others={
            which: _simpler(engine, sources, truth.rows, wanted, new_only=which == NEW, how=how)
            for which, wanted in relevant.items()
        }
        if judged
        else {},
    )


def _simpler(
    engine: "Engine",
    sources: personal.Sources,
    rows: NDArray[np.int64],
    wanted: csr_matrix,
    *,
    new_only: bool,
    how: Learning,
) -> dict[str, NDArray[np.float64]]:
    """The recall of the blend, of popularity, and of buying again."""
    found = personal.lists(engine, sources, rows=rows, k=candidates.OF_EACH, new_only=new_only)
    mixed = blend.blend(found, weights=blend.NEW_ITEMS if new_only else blend.ALL_ITEMS, n=how.k)
    names = [*personal.POPULAR.values(), *([] if new_only else [personal.BUY_AGAIN])]
    simple = {name: metrics.recall(found[name].items[:, : how.k], wanted) for name in names}
    return {"blend": metrics.recall(mixed.items, wanted), **simple}


def _apart(cuts: Sequence[Cut], day: int, how: Learning) -> list[Cut]:
    """The cuts whose answers were all known on the day."""
    return [cut for cut in cuts if cut.day + how.days <= day]


def _examples(cuts: Sequence[Cut], kind: str, how: Learning) -> boosting.Examples | None:
    """What a kind is learned from; None with too few bought pairs."""
    parts = [(cut.tables[kind], cut.bought[kind]) for cut in cuts]
    positives = sum(int(bought.sum()) for _, bought in parts)
    pairs = sum(len(bought) for _, bought in parts)
    if positives < how.least_positives or positives == pairs:
        return None
    share = min(1.0, max(how.most_pairs - positives, positives) / (pairs - positives))
    return boosting.examples(parts, share=share, rng=np.random.default_rng([how.seed, KINDS.index(kind)]))


def _searched(cuts: Sequence[Cut], choose: Cut, how: Learning) -> tuple[Ranker | None, list[dict[str, Any]]]:
    """The best setting of each kind on the choosing cut, with lines and share; and every trial."""
    boosters: dict[str, Boosted] = {}
    trials = []
    for kind in KINDS:
        known = _examples(cuts, kind, how)
        if known is None:
            continue
        table, bought = choose.tables[kind], choose.bought[kind]
        reached = []
        for setting in how.settings:
            tried = boosting.learn(known, names=table.names, setting=setting, seed=how.seed)
            value = _mean(_recall({kind: tried.scores(table)}, choose, kind, how))
            reached.append((value, tried))
            trials.append({
                "kind": kind, "objective": setting.objective, "trees": setting.trees, "leaves": setting.leaves,
                "learning_rate": setting.learning_rate, "recall": round(value, 5),
            })  # fmt: skip
        best = max(range(len(reached)), key=lambda at: reached[at][0])
        boosters[kind] = reached[best][1].calibrated(table, bought)
    if not boosters:
        return None, trials
    odds = {kind: each.log_odds(choose.tables[kind]) for kind, each in boosters.items()}
    values = [_mean(_recall(serving.lifted(odds, share), choose, ALL, how)) for share in SHARES]
    best = max(range(len(SHARES)), key=lambda at: (values[at], -abs(SHARES[at])))
    return Ranker(boosters=boosters, share=SHARES[best]), trials


def _fitted(cuts: Sequence[Cut], chosen: Ranker, how: Learning) -> Ranker:
    """The settings of a ranker learned from these cuts; its lines and share stay."""
    boosters = {}
    for kind, before in chosen.boosters.items():
        known = _examples(cuts, kind, how)
        boosters[kind] = before
        if known is not None:
            names = cuts[0].tables[kind].names
            made = boosting.learn(known, names=names, setting=before.setting, seed=how.seed)
            boosters[kind] = replace(before, booster=made.booster, names=names)
    return Ranker(boosters=boosters, share=chosen.share)


def _champion(champion: Ranker, challenger: Ranker, cuts: Sequence[Cut], how: Learning) -> Ranker | None:
    """The way of the ranker in force, learned from the same cuts as the challenger; None where it is the same way.

    The ranker in force itself has seen the days that are judged: it was learned with all days of its night.
    """
    ways = [
        ({kind: each.setting for kind, each in ranker.boosters.items()}, ranker.share)
        for ranker in (champion, challenger)
    ]
    return None if ways[0] == ways[1] else _fitted(cuts, champion, how)


def _recall(
    scores: Mapping[str, NDArray[np.float64]], cut: Cut, which: str, how: Learning
) -> NDArray[np.float64]:
    """The recall of each customer by scores of the pairs of each kind."""
    kinds = list(scores)
    merged = serving.merged(
        [cut.tables[kind].pairs for kind in kinds], [scores[kind] for kind in kinds], n=how.k
    )
    if which == REPEAT:
        repeated = csr_matrix(cut.relevant[ALL] - cut.relevant[NEW])
        repeated.eliminate_zeros()
        return metrics.recall(merged.items, repeated)
    return metrics.recall(merged.items, cut.relevant[which])


def _judged(
    ranker: Ranker, champion: Ranker | None, judge: Cut, how: Learning
) -> tuple[dict[str, Verdict], dict[str, Any]]:
    """The verdict on new items and on all, and the figures behind them."""
    verdicts: dict[str, Verdict] = {}
    report: dict[str, Any] = {}
    for number, which in enumerate((NEW, ALL)):
        if which == NEW and NEW not in ranker.boosters:
            continue
        ours = _recall(_of(ranker, judge, which), judge, which, how)
        todays = None if champion is None else _recall(_of(champion, judge, which), judge, which, how)
        verdict = gate.decide(
            ours, judge.others[which], todays, rng=np.random.default_rng([how.seed, judge.day, number])
        )
        verdicts[which] = verdict
        report[which] = {
            "ranker": _mean(ours), "champion": None if todays is None else _mean(todays),
            **{name: _mean(values) for name, values in judge.others[which].items()},
            "customers": int((~np.isnan(ours)).sum()), "promoted": verdict.promoted, "reason": verdict.reason,
        }  # fmt: skip
    return verdicts, report


def _of(ranker: Ranker, cut: Cut, which: str) -> dict[str, NDArray[np.float64]]:
    """The scores of a ranker for new items, or for all."""
    kinds = [NEW] if which == NEW else [kind for kind in KINDS if kind in ranker.boosters]
    return serving.lifted(
        {kind: ranker.boosters[kind].log_odds(cut.tables[kind]) for kind in kinds}, ranker.share
    )


def _mean(values: NDArray[np.float64]) -> float:
    return metrics.mean(values).value or 0.0
