"""The stages of the nightly lists as pieces of work, and the bare libraries on the same matrices."""

import time
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from precision.engine.backends.local import LocalEngine
from precision.engine.results import NOBODY, TopItems
from recommender.candidates import factors, item_item, personal
from recommender.candidates.factors import Factorisation
from recommender.candidates.personal import Sources, Tuning
from recommender.ranking import boosting, candidates, cuts, descriptions, features, serving
from recommender.ranking.boosting import Committee
from recommender.ranking.cuts import Learning
from recommender.ranking.descriptions import Catalogue
from recommender.ranking.features import Table
from recommender.ranking.serving import Listed, Ranker

SEED = 20_101
LENGTH = candidates.OF_EACH


class Stage(StrEnum):
    """What is timed."""

    IMPLICIT = "implicit alone: fit and recommend"
    ALS = "ALS stage: fit and lists"
    LIGHTGBM = "LightGBM alone: all trees, all pairs"
    RANKING = "ranking: chances and best lists"
    JOB = "the whole job"


@dataclass(frozen=True, slots=True)
class Timed:
    """The fastest round."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that is not timed: data, a learned ranker, the tables that it ranks."""

    engine: LocalEngine
    lines: nw.LazyFrame[Any]
    as_of_day: int
    catalogue: Catalogue
    sources: Sources
    reduced: csr_matrix
    """What ALS solves: decayed, damped, of products with enough buyers."""
    ranker: Ranker
    tables: list[dict[str, Table]]

    @classmethod
    def prepare(cls, lines: nw.LazyFrame[Any], titles: pl.DataFrame, *, as_of_day: int) -> "Work":
        """Fit the sources, learn a ranker of the default settings from one earlier cut, and make all tables."""
        engine = LocalEngine(threads=1)
        catalogue = descriptions.of_frame(titles)
        sources = personal.fit(engine, lines, as_of_day=as_of_day, rng=np.random.default_rng(SEED))
        known = features.prepare(sources, lines, descriptions.describe(sources.history.products, catalogue))
        rows = np.arange(len(sources.history.customers))
        steps = range(0, len(rows), serving.BLOCK_ROWS)
        return cls(
            engine=engine, lines=lines, as_of_day=as_of_day, catalogue=catalogue, sources=sources,
            reduced=_reduced(sources), ranker=_learned(engine, lines, catalogue, as_of_day=as_of_day),
            tables=[candidates.tables(engine, known, rows[at : at + serving.BLOCK_ROWS]) for at in steps],
        )  # fmt: skip

    @property
    def customers(self) -> int:
        """Customers with a history."""
        return len(self.sources.history.customers)

    @property
    def products(self) -> int:
        """Products that somebody bought."""
        return len(self.sources.history.products)

    @property
    def pairs(self) -> int:
        """Candidates of all customers."""
        return sum(len(table.pairs) for each in self.tables for table in each.values())

    @property
    def trees(self) -> dict[str, int]:
        """Trees of each kind."""
        return {
            kind: sum(each.booster.num_trees() for each in some.members)
            for kind, some in self.ranker.boosters.items()
        }

    def do(self, stage: Stage) -> object:
        """Do the work of a stage."""
        return {
            Stage.IMPLICIT: self._implicit, Stage.ALS: self._als, Stage.LIGHTGBM: self._lightgbm,
            Stage.RANKING: self._ranking, Stage.JOB: self._job,
        }[stage]()  # fmt: skip

    def _implicit(self) -> object:
        how = Factorisation()
        model = AlternatingLeastSquares(
            factors=how.factors, regularization=how.regularization, alpha=how.alpha, iterations=how.iterations,
            num_threads=1, random_state=SEED,
        )  # fmt: skip
        model.fit(self.reduced, show_progress=False)
        users = np.arange(self.reduced.shape[0])
        return model.recommend(users, self.reduced, N=LENGTH, filter_already_liked_items=True)

    def _als(self) -> TopItems:
        fitted = factors.fit(
            self.engine, self.sources.history.matrix(half_life_days=Tuning().factors_half_life),
            rng=np.random.default_rng(SEED), recent_buyers=self.sources.popular[7],
        )  # fmt: skip
        return factors.recommend(self.engine, fitted, k=LENGTH, exclude=self.sources.bought)

    def _lightgbm(self) -> object:
        return [
            member.booster.predict(table.values, raw_score=True, num_threads=1)
            for each in self.tables
            for kind, table in each.items()
            for member in self.ranker.boosters[kind].members
        ]

    def _ranking(self) -> object:
        return [
            serving.listed(table, self.ranker.chances(kind, table), n=candidates.LENGTHS[kind])
            for each in self.tables
            for kind, table in each.items()
        ]

    def _job(self) -> int:
        """Fit, candidates, features, ranking, and the rows as COPY takes them; return their bytes."""
        sources = personal.fit(
            self.engine, self.lines, as_of_day=self.as_of_day, rng=np.random.default_rng(SEED)
        )
        described = descriptions.describe(sources.history.products, self.catalogue)
        known = features.prepare(sources, self.lines, described)
        rows = np.arange(len(sources.history.customers))
        rare = item_item.rarity(sources.bought)
        written = 0
        for block, lists in serving.rank(self.engine, self.ranker, known, rows, lengths=candidates.LENGTHS):
            for kind, found in lists.items():
                anchors = np.full_like(found.items, NOBODY)
                if kind == candidates.NEW:
                    anchors = item_item.anchors(
                        sources.profiles[block], sources.neighbours, found.items, rare=rare
                    )
                written += _text(sources, block, found, anchors)
        return written


def timed_in_turn(work: Work, *, rounds: int) -> dict[Stage, Timed]:
    """The fastest round of each stage, in turn, so that what else the machine does meets all of them alike."""
    found: dict[Stage, Timed] = {}
    with threadpool_limits(limits=1):
        for _ in range(rounds):
            for stage in Stage:
                wall, cpu = time.perf_counter(), time.process_time()
                work.do(stage)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
                best = found.get(stage, Timed(wall, cpu))
                found[stage] = Timed(min(best.seconds, wall), min(best.cpu_seconds, cpu))
    return found


def _reduced(sources: Sources) -> csr_matrix:
    """The matrix that ALS gets, for the bare library too."""
    how = Factorisation()
    matrix = sources.history.matrix(half_life_days=Tuning().factors_half_life)
    buyers = np.bincount(matrix.indices[matrix.data > 0], minlength=matrix.shape[1])
    reduced = csr_matrix(matrix[:, np.flatnonzero(buyers >= how.min_buyers)])
    return factors._damped(reduced, how.damping)


def _learned(
    engine: LocalEngine, lines: nw.LazyFrame[Any], catalogue: Catalogue, *, as_of_day: int
) -> Ranker:
    """Boosters of all default settings, from the candidates of one earlier cut."""
    how = Learning()
    cut = cuts.make(engine, lines, catalogue, day=as_of_day - how.days, judged=False, how=how)
    if cut is None:
        raise ValueError(f"nobody bought anything in the {how.days} days before day {as_of_day}")
    rng = np.random.default_rng(SEED)
    boosters = {}
    for kind in candidates.KINDS:
        table, bought = cut.tables[kind], cut.bought[kind]
        known = boosting.examples([(table, bought)], share=0.5, rng=rng)
        boosters[kind] = Committee(
            tuple(boosting.learn(known, names=table.names, settings=how.settings, seed=how.seed))
        )
    return Ranker(boosters=boosters, share=0.0)


def _text(sources: Sources, block: slice, found: Listed, anchors: "np.ndarray[Any, Any]") -> int:
    """Write the rows of a block as text with arrays; return its length."""
    row, place = np.nonzero(found.items != NOBODY)
    products = sources.history.products
    names = np.array([personal.method(name) for name in found.names])
    frame = pl.DataFrame(
        {
            "customer_id": sources.history.customers[block][row],
            "items": products[found.items[row, place]],
            "scores": found.scores[row, place].astype(np.float64),
            "sources": names[found.sources[row, place]],
            "anchors": products[np.maximum(anchors[row, place], 0)],
        }
    )
    arrays = frame.group_by("customer_id", maintain_order=True).agg("items", "scores", "sources", "anchors")
    joined = pl.col("items", "scores", "sources", "anchors").cast(pl.List(pl.String)).list.join(",")
    buffer = BytesIO()
    arrays.with_columns(joined).write_csv(buffer)
    return buffer.tell()
