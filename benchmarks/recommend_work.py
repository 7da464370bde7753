"""The stages of the nightly lists as pieces of work, and the bare libraries on the same matrices."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from benchmarks.errors import BenchmarkError
from precision.engine.backends.local import LocalEngine
from precision.engine.results import NOBODY, TopItems
from precision.shop.columns import CUSTOMER, ORDER
from recommender.candidates import anchoring as anchors
from recommender.candidates import factors, personal
from recommender.candidates.anchoring import Anchoring
from recommender.candidates.factors import Factorisation
from recommender.candidates.facts import Facts
from recommender.candidates.personal import Sources, Tuning
from recommender.ranking import boosting, candidates, cuts, descriptions, features, serving
from recommender.ranking.boosting import Committee
from recommender.ranking.cuts import Learning
from recommender.ranking.features import Known, Table
from recommender.ranking.serving import Listed, Ranker

SEED = 20_101
LENGTH = candidates.OF_EACH
TEACHERS = 250
"""Customers that the ranker is learned from: enough for full trees, which cost what those of a night cost."""
RANKED = serving.BLOCK_ROWS
"""Customers, drawn at random, that LightGBM alone and the ranking are compared on."""
PATIENCE_S = 15.0
"""What has taken longer in all is not measured again."""


class Stage(StrEnum):
    """What is timed."""

    IMPLICIT = "implicit alone: fit and recommend"
    ALS = "ALS stage: fit and lists"
    LIGHTGBM = "LightGBM alone: all trees, all pairs"
    RANKING = "ranking: chances and best lists"
    JOB = "the whole job"


class Part(StrEnum):
    """What the whole job consists of; the ALS fit is in the first, its lists are in the third."""

    SOURCES = "fit of all sources"
    KNOWN = "what features are taken from"
    RANKED = "candidates, features, ranking"
    ROWS = "anchors and rows as text"


@dataclass(frozen=True, slots=True)
class Timed:
    """A piece of work: of the rounds measured the fastest."""

    seconds: float
    cpu_seconds: float

    def least(self, other: "Timed") -> "Timed":
        """The better of both."""
        return Timed(min(self.seconds, other.seconds), min(self.cpu_seconds, other.cpu_seconds))

    def plus(self, other: "Timed") -> "Timed":
        """Both one after the other."""
        return Timed(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


NOTHING = Timed(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that is not timed: data, a learned ranker, the tables that it ranks."""

    engine: LocalEngine
    facts: Facts
    as_of_day: int
    sources: Sources
    reduced: csr_matrix
    """What ALS solves: decayed, damped, of products with enough buyers."""
    ranker: Ranker
    tables: list[dict[str, Table]]
    """The candidates of RANKED customers at most, block by block."""
    parts: dict[Part, Timed] = field(default_factory=dict)
    """Of the whole job, once it was done."""

    @classmethod
    def prepare(cls, facts: Facts, *, as_of_day: int) -> "Work":
        """Fit the sources, learn a ranker of the default settings from one earlier cut, and make tables.

        Raises:
            BenchmarkError: nobody bought anything to learn from.
        """
        engine = LocalEngine(threads=1)
        sources = facts.sources(engine, as_of_day=as_of_day, rng=np.random.default_rng(SEED))
        known = _known(sources, facts)
        people = len(sources.history.customers)
        rows = np.sort(np.random.default_rng(SEED).permutation(people)[:RANKED])
        steps = range(0, len(rows), serving.BLOCK_ROWS)
        return cls(
            engine=engine, facts=facts, as_of_day=as_of_day, sources=sources,
            reduced=factors.observed(_weights(sources))[0],
            ranker=_learned(engine, facts, as_of_day=as_of_day),
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
    def ranked(self) -> int:
        """Customers of the tables."""
        return sum(next(iter(each.values())).pairs.rows for each in self.tables)

    @property
    def pairs(self) -> int:
        """Candidates of the customers of the tables."""
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
            self.engine, _weights(self.sources),
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
        """Fit, candidates, features, ranking, and the rows as COPY takes them; return their bytes.

        It is what the job does with the facts before it and the database after it left out.
        """
        spent: dict[Part, Timed] = {}
        with _spending(spent, Part.SOURCES):
            sources = self.facts.sources(
                self.engine, as_of_day=self.as_of_day, rng=np.random.default_rng(SEED)
            )
        with _spending(spent, Part.KNOWN):
            known = _known(sources, self.facts)
        anchoring = anchors.prepare(sources)
        rows = np.arange(len(sources.history.customers))
        blocks = serving.rank(self.engine, self.ranker, known, rows, lengths=candidates.LENGTHS)
        written = 0
        while True:
            with _spending(spent, Part.RANKED):
                ranked = next(blocks, None)
            if ranked is None:
                break
            with _spending(spent, Part.ROWS):
                written += sum(
                    _rows(sources, ranked[0], kind, found, anchoring) for kind, found in ranked[1].items()
                )
        for part, one in spent.items():
            self.parts[part] = one.least(self.parts.get(part, one))
        return written


def timed_in_turn(work: Work, *, rounds: int) -> dict[Stage, Timed]:
    """The fastest round of each stage, in turn, so that what else the machine does meets all of them alike."""
    found: dict[Stage, Timed] = {}
    spent: dict[Stage, Timed] = {}
    for _ in range(rounds):
        for stage in Stage:
            if spent.get(stage, NOTHING).seconds > PATIENCE_S:
                continue
            once: dict[Stage, Timed] = {}
            with threadpool_limits(limits=1), _spending(once, stage):
                work.do(stage)
            found[stage] = once[stage].least(found.get(stage, once[stage]))
            spent[stage] = once[stage].plus(spent.get(stage, NOTHING))
    return found


def scaled(lines: pl.LazyFrame, *, scale: float) -> pl.LazyFrame:
    """The lines of `scale` times as many customers and guests' orders, numbered anew.

    Above 1 they stand there several times under new ids; a fraction takes that share of them.
    """
    if scale == 1:
        return lines
    numbered = lines.with_columns((pl.col(CUSTOMER, ORDER).rank("dense") - 1).cast(pl.Int64)).collect()
    customers, orders = numbered[CUSTOMER].drop_nulls().n_unique(), numbered[ORDER].n_unique()
    copies = [
        numbered.lazy().with_columns(pl.col(CUSTOMER) + copy * customers, pl.col(ORDER) + copy * orders)
        for copy in range(math.ceil(scale))
    ]
    known = pl.col(CUSTOMER) < customers * scale
    return pl.concat(copies).filter(known | (pl.col(CUSTOMER).is_null() & (pl.col(ORDER) < orders * scale)))


@contextmanager
def _spending(spent: dict[Any, Timed], name: StrEnum) -> Iterator[None]:
    """Add what the work within takes to `spent`."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    one = Timed(time.perf_counter() - wall, time.process_time() - cpu)
    spent[name] = one.plus(spent.get(name, NOTHING))


def _weights(sources: Sources) -> csr_matrix:
    """The decayed matrix that the ALS stage is given."""
    return sources.history.matrix(half_life_days=Tuning().factors_half_life)


def _known(sources: Sources, facts: Facts) -> Known:
    """What the features of all customers are taken from."""
    described = descriptions.describe(sources.history.products, facts.goods.catalogue)
    return features.prepare(sources, facts.lines, described)


def _learned(engine: LocalEngine, facts: Facts, *, as_of_day: int) -> Ranker:
    """Boosters of all default settings, from the candidates of TEACHERS customers of one earlier cut."""
    how = replace(Learning(), most_customers=TEACHERS)
    cut = cuts.make(engine, facts, day=as_of_day - how.days, judged=False, how=how)
    if cut is None or not all(bought.any() for bought in cut.bought.values()):
        raise BenchmarkError(
            f"no customer with a history bought a candidate in the {how.days} days before day {as_of_day}; "
            "wanted some of what is new and some of what repeats to learn a ranker from"
        )
    boosters = {}
    for kind in candidates.KINDS:
        table, bought = cut.tables[kind], cut.bought[kind]
        known = boosting.examples([(table, bought)], share=1.0, rng=np.random.default_rng(SEED))
        made = boosting.learn(known, names=table.names, settings=how.settings, seed=how.seed)
        boosters[kind] = Committee(tuple(made))
    return Ranker(boosters=boosters, share=0.0)


def _rows(sources: Sources, block: slice, kind: str, found: Listed, anchoring: Anchoring) -> int:
    """Write the rows of a kind of a block as text; return its length."""
    speaking = np.full_like(found.items, NOBODY)
    if kind == candidates.NEW:
        rows = np.arange(len(sources.history.customers))[block]
        speaking = anchoring.of(rows, found.items, found.from_source(personal.CONTENT))
    return _text(sources, block, found, speaking)


def _text(sources: Sources, block: slice, found: Listed, speaking: NDArray[np.int32]) -> int:
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
            "anchors": products[np.maximum(speaking[row, place], 0)],
        }
    )
    arrays = frame.group_by("customer_id", maintain_order=True).agg("items", "scores", "sources", "anchors")
    joined = pl.col("items", "scores", "sources", "anchors").cast(pl.List(pl.String)).list.join(",")
    buffer = BytesIO()
    arrays.with_columns(joined).write_csv(buffer)
    return buffer.tell()
