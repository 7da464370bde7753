"""Cuts through time: customers as of a day, what could be proposed to them, and what they bought in the days after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.shop.columns import DAY
from recommender.candidates import blend, personal
from recommender.candidates.facts import Facts
from recommender.candidates.popularity import YEAR_DAYS
from recommender.evaluation import gate, groups, metrics, report, splits
from recommender.evaluation.report import Judged
from recommender.ranking import candidates, descriptions, features
from recommender.ranking.boosting import BINARY, Setting
from recommender.ranking.candidates import NEW
from recommender.ranking.features import Table

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

ALL: Final = "all"
SETTINGS: Final = (Setting(), Setting(objective=BINARY))
"""What is tried, each alone and all together; more of them found nothing better on two real shops."""


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
    most_judged: int = 3_000
    """The same of the cut that judges: more of them, so that less is left to chance."""
    most_pairs: int = 200_000
    """Of a kind: of the pairs that were not bought as many are drawn as fit beside those that were."""
    least_positives: int = 100
    least_customers: int = gate.LEAST_CUSTOMERS
    settings: tuple[Setting, ...] = SETTINGS
    seed: int = 20_103
    k: int = 20


@dataclass(frozen=True, slots=True)
class Shop:
    """What the rows of the comparison need beside order lines."""

    sellable: NDArray[np.int64]  # ids of the products for sale
    classes: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)  # price class → ids, ascending


@dataclass(frozen=True, slots=True)
class Rivals:
    """What stands beside the ranker on the cut that judges, for one way of counting."""

    lists: dict[str, NDArray[np.int32]]  # name → (customers, k): the blend and every source
    judged: Judged


@dataclass(frozen=True, slots=True)
class Cut:
    """Customers as of a day, their candidates, and what they then bought."""

    day: int
    tables: dict[str, Table]  # kind → candidates
    bought: dict[str, NDArray[np.bool_]]  # kind → (pairs,)
    relevant: dict[str, csr_matrix]  # NEW, ALL → (customers, products)
    others: dict[str, dict[str, NDArray[np.float64]]]  # NEW, ALL → name → recall of what is simpler
    rivals: dict[str, Rivals] = field(
        default_factory=dict
    )  # NEW, ALL → what stands beside; only where it judges

    @property
    def positives(self) -> int:
        """Bought pairs of all kinds."""
        return sum(int(each.sum()) for each in self.bought.values())


def days(as_of_day: int, how: Learning) -> list[int]:
    """The days of the cuts, the latest first; the one a year back comes last."""
    recent = [as_of_day - round(cut * how.days) for cut in how.cuts]
    return [*recent, *([recent[0] - YEAR_DAYS] if how.year else [])]


def make(
    engine: "Engine",
    facts: Facts,
    *,
    day: int,
    judged: bool,
    how: Learning,
    shop: Shop | None = None,
) -> Cut | None:
    """The customers of one cut; None where nobody with a history bought anything.

    Only where it judges there are others and rivals; without a shop all products count as sellable, and there are no
    groups by price class.
    """
    split = splits.by_time(
        facts.lines.filter(nw.col(DAY) < day + how.days), as_of_day=day + how.days, days=how.days
    )
    rng = np.random.default_rng([how.seed, day])
    sources = facts.sources_then(engine, as_of_day=day, rng=rng)
    if not len(sources.history):
        return None
    truth = splits.truth(split, sources.history)
    if not len(truth.rows):
        return None
    if judged:
        truth = splits.judges(truth, split, most=how.most_judged)
    else:
        truth = splits.sampled(truth, most=how.most_customers, rng=rng)
    described = descriptions.describe(sources.history.products, facts.goods.catalogue)
    known = features.prepare(sources, split.train, described)
    tables = candidates.tables(engine, known, truth.rows)
    relevant = {ALL: truth.relevant, NEW: truth.new_only(sources.bought)}
    rivals = (
        {
            which: Rivals(
                _rivals(engine, sources, truth.rows, new_only=which == NEW, how=how),
                _judged(sources, truth, which, wanted, shop),
            )
            for which, wanted in relevant.items()
        }
        if judged
        else {}
    )
    return Cut(
        day=day,
        tables=tables,
        bought={kind: table.pairs.values(truth.relevant) > 0 for kind, table in tables.items()},
        relevant=relevant,
        others={
            which: {
                name: metrics.recall(each.lists[name], relevant[which])
                for name in ("blend", *personal.POPULAR.values(), personal.BUY_AGAIN)
                if name in each.lists
            }
            for which, each in rivals.items()
        },
        rivals=rivals,
    )


def _rivals(
    engine: "Engine", sources: personal.Sources, rows: NDArray[np.int64], *, new_only: bool, how: Learning
) -> dict[str, NDArray[np.int32]]:
    """The lists of the blend and of every source: buying again only where purchases may be repeated."""
    found = personal.lists(engine, sources, rows=rows, k=candidates.OF_EACH, new_only=new_only)
    mixed = blend.blend(found, weights=blend.NEW_ITEMS if new_only else blend.ALL_ITEMS, n=how.k)
    return {"blend": mixed.items, **{name: report.first(each.items, how.k) for name, each in found.items()}}


def _judged(
    sources: personal.Sources, truth: splits.Truth, which: str, wanted: csr_matrix, shop: Shop | None
) -> Judged:
    """The customers of the cut that judges, and what they bought."""
    known = sources.history.products
    return Judged(
        fold=0, which=which, relevant=wanted, rows=truth.rows, bought=sources.bought,
        sellable=np.ones(len(known), dtype=np.bool_) if shop is None else report.sellable(shop.sellable, known),
        groups=groups.groups(sources.history, truth.rows, {} if shop is None else shop.classes),
    )  # fmt: skip


def apart(cuts: Sequence[Cut], day: int, how: Learning) -> list[Cut]:
    """The cuts whose answers were all known on the day."""
    return [cut for cut in cuts if cut.day + how.days <= day]
