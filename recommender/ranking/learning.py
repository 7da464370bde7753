"""A ranker for one platform: learned on earlier weeks, searched over a few settings, judged on days it did not see.

A cut is a day: features as of it, answers from the DAYS days after it. Going back from today,

    cut 0   judges: the gate compares what was learned on the older cuts with the blend and with popularity here
    cut 1   chooses: settings, the lines that make scores chances, and the share of new items
    older   learn; one of them stands a year back, so that the same season is seen once before

What is promoted is then learned anew with all of them, so that it knows the last weeks too; what it reaches is told of
the judged one, which did not learn from the choosing cut either, so a little too low. What repeats and what is
new have boosters of their own.

The work is bounded in customers, pairs and settings, never in seconds: the same input gives the same ranker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from recommender.candidates.facts import Facts
from recommender.ranking import boosting, judging, serving
from recommender.ranking.boosting import Committee
from recommender.ranking.candidates import KINDS, NEW
from recommender.ranking.cuts import ALL, Cut, Learning, Shop, apart, days, make
from recommender.ranking.serving import Ranker

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

SHARES: Final = tuple(float(step) for step in np.arange(-2.0, 2.01, 0.25))
"""Log odds that new items are lifted by against repeats; the share of the list that they get follows from it."""
LEAST_CUTS: Final = 3


@dataclass(frozen=True, slots=True)
class Learned:
    """What came out."""

    ranker: Ranker | None  # None: the blend serves
    reason: str
    report: dict[str, Any] = field(default_factory=dict)
    """JSON values: recalls on the judging cut, verdicts, trials, importance, share; beside: rows of the comparison."""


def learn(
    engine: "Engine",
    facts: Facts,
    *,
    as_of_day: int,
    champion: Ranker | None = None,
    how: Learning | None = None,
    shop: Shop | None = None,
) -> Learned:
    """A ranker that passed the gate, or none and why, from what happened before `as_of_day`.

    `shop` is what only the rows of the comparison need: see `cuts.make`.
    """
    how = how or Learning()
    found = [
        make(engine, facts, day=day, judged=number == 0, how=how, shop=shop)
        for number, day in enumerate(days(as_of_day, how))
    ]
    judge, choose, older = found[0], found[1], [cut for cut in found[2:] if cut is not None]
    if judge is None:
        return Learned(None, f"Nobody with a history bought anything in the last {how.days} days.")
    blended = {which: values["blend"] for which, values in judge.others.items()}
    report: dict[str, Any] = {"quality": judging.quality(judge, blended, how)}
    before = [] if choose is None else apart(older, choose.day, how)
    if choose is None or not before:
        return Learned(None, "Too short a history: there are no earlier dates to learn from.", report)
    positives = sum(cut.positives for cut in before)
    customers = judge.relevant[ALL].shape[0]
    if positives < how.least_positives or customers < how.least_customers:
        return Learned(
            None,
            f"Too little to learn from: {positives:,} candidates were bought on earlier dates (at least "
            f"{how.least_positives:,} wanted), {customers:,} customers bought in the last {how.days} days (at least "
            f"{how.least_customers:,} wanted).",
            report,
        )
    chosen, trials = _searched(before, choose, how)
    report["trials"] = trials
    if chosen is None:
        return Learned(None, "Too few candidates of either kind were bought on earlier dates.", report)
    report["share"] = chosen.share
    return _decided(chosen, champion, judge, before, [choose, *older], report, how)


def _decided(
    chosen: Ranker,
    champion: Ranker | None,
    judge: Cut,
    before: Sequence[Cut],
    others: Sequence[Cut],
    report: dict[str, Any],
    how: Learning,
) -> Learned:
    """What the gate lets through, learned from all cuts."""
    ranker, todays = chosen, None if champion is None else _champion(champion, chosen, before, how)
    verdicts, figures = judging.judged(ranker, todays, judge, how)
    report |= figures
    compared = {"ranker": ranker, **({} if todays is None else {"champion": todays})}
    report["beside"] = {"cut_day": judge.day, "days": how.days, "rows": judging.rows(compared, judge, how)}
    refused = [verdict for verdict in verdicts.values() if not verdict.promoted]
    if refused and todays is not None:
        # The way of today may still beat what is simpler, where the new one does not beat it.
        verdicts, _ = judging.judged(todays, None, judge, how)
        ranker = todays
        refused = [verdict for verdict in verdicts.values() if not verdict.promoted]
    if refused:
        return Learned(None, refused[0].reason, report)
    final = _fitted([judge, *others], ranker, how)
    report["importance"] = {kind: each.importance() for kind, each in final.boosters.items()}
    reached = {
        which: judging.recall(judging.odds(ranker, judge, which), judge, which, how)
        for which in ((NEW, ALL) if NEW in ranker.boosters else (ALL,))
    }
    report["quality"] |= judging.quality(judge, reached, how)
    return Learned(final, verdicts[ALL].reason, report)


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
    """The best way of each kind on the choosing cut, with lines and share; and every trial."""
    boosters: dict[str, Committee] = {}
    odds: dict[str, NDArray[np.float64]] = {}
    trials: list[dict[str, Any]] = []
    for kind in KINDS:
        known = _examples(cuts, kind, how)
        if known is None:
            continue
        table, bought = choose.tables[kind], choose.bought[kind]
        tried = [
            each.calibrated(table, bought)
            for each in boosting.learn(known, names=table.names, settings=how.settings, seed=how.seed)
        ]
        committees = [(Committee((each,)), scores) for each, scores in tried]
        if len(tried) > 1:
            together = np.mean([scores for _, scores in tried], axis=0)
            committees.append((Committee(tuple(each for each, _ in tried)), together))
        values = [judging.mean(judging.recall({kind: scores}, choose, kind, how)) for _, scores in committees]
        trials += [
            {"kind": kind, **_told(each), "recall": round(value, 5)}
            for (each, _), value in zip(committees, values, strict=True)
        ]
        boosters[kind], odds[kind] = committees[max(range(len(values)), key=lambda at: values[at])]
    if not boosters:
        return None, trials
    return Ranker(boosters=boosters, share=_share(odds, choose, how)), trials


def _share(odds: Mapping[str, NDArray[np.float64]], choose: Cut, how: Learning) -> float:
    """The share nearest to none whose recall is less than one standard error below that of the best.

    (The one-standard-error rule of Breiman and others 1984.) The best itself follows the season of one month.
    """
    recalls = [judging.recall(serving.lifted(odds, share), choose, ALL, how) for share in SHARES]
    best = max(recalls, key=judging.mean)
    near = []
    for share, reached in zip(SHARES, recalls, strict=True):
        below = best - reached
        below = below[np.isfinite(below)]
        error = float(below.std(ddof=1)) / np.sqrt(len(below)) if len(below) > 1 else 0.0
        if not len(below) or below.mean() <= error:
            near.append(share)
    return min(near, key=lambda share: (abs(share), share))


def _told(committee: Committee) -> dict[str, Any]:
    """The settings of a committee in words."""
    settings = [each.setting for each in committee.members]
    return {
        "objective": " and ".join(each.objective for each in settings),
        "trees": sum(each.trees for each in settings),
        "leaves": max(each.leaves for each in settings),
        "learning_rate": min(each.learning_rate for each in settings),
    }


def _fitted(cuts: Sequence[Cut], chosen: Ranker, how: Learning) -> Ranker:
    """The settings of a ranker learned from these cuts; its lines and share stay."""
    boosters = dict(chosen.boosters)
    for kind, before in chosen.boosters.items():
        known = _examples(cuts, kind, how)
        if known is None:
            continue
        names = cuts[0].tables[kind].names
        settings = [each.setting for each in before.members]
        made = boosting.learn(known, names=names, settings=settings, seed=how.seed)
        boosters[kind] = Committee(
            tuple(
                replace(old, booster=new.booster, names=names)
                for old, new in zip(before.members, made, strict=True)
            )
        )
    return Ranker(boosters=boosters, share=chosen.share)


def _champion(champion: Ranker, challenger: Ranker, cuts: Sequence[Cut], how: Learning) -> Ranker | None:
    """The way of the ranker in force, learned from the same cuts as the challenger; None where it is the same way.

    The ranker in force itself has seen the days that are judged: it was learned with all days of its night.
    """
    ways = [
        (
            {kind: [each.setting for each in some.members] for kind, some in ranker.boosters.items()},
            ranker.share,
        )
        for ranker in (champion, challenger)
    ]
    return None if ways[0] == ways[1] else _fitted(cuts, champion, how)
