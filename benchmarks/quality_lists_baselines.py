"""What recommendations are compared with: popularity, and well-known models with their defaults.

Each is a function of the held-out world that returns (customers, k) column positions, -1 where a list is short.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from implicit.utils import ParameterWarning
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from precision.engine.results import NOBODY
from recommender.candidates import popularity
from recommender.evaluation import splits
from recommender.evaluation.splits import Split, Truth
from recommender.interactions import History, collect, purchase_days

K = 20
EASE_L2 = 500.0
"""The regularisation that the authors of most implementations take as their default."""
EASE_ITEMS = 10_000
"""EASE sees the most-bought products only: its matrix is dense."""
HALF_LIVES = (60.0, 120.0, 240.0)
"""Of the personal frequency, in days; the best is shown, chosen with hindsight."""
BLOCK_ROWS = 512

Lists = NDArray[np.int32]


@dataclass(frozen=True)
class World:
    """One shop, its last days held out."""

    split: Split
    history: History
    truth: Truth
    new_only: bool
    """Only what the customer had not bought counts, and nobody may show it."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows of the judged customers in the history."""
        return self.truth.rows

    @cached_property
    def bought(self) -> csr_matrix:
        """On how many days each customer bought each product, (customers, products)."""
        return self.history.matrix()

    @cached_property
    def binary(self) -> csr_matrix:
        """1 where a customer bought a product."""
        matrix = self.bought.copy()
        matrix.data[:] = 1
        return matrix

    @cached_property
    def relevant(self) -> csr_matrix:
        """What counts as found."""
        return self.truth.new_only(self.bought) if self.new_only else self.truth.relevant

    def buyers(self, days: int) -> NDArray[np.float64]:
        """Return how many bought each product in the last `days` days of the training, (products,)."""
        frame = popularity.popular(self.split.train, as_of_day=self.split.cut_day, days=days)
        return popularity.as_vector(frame, score=popularity.BUYERS, products=self.history.products)

    def best(self, scores: Callable[[NDArray[np.int64]], NDArray[Any]]) -> Lists:
        """Return the K products with the highest score above 0; `scores` gives (rows, products) for rows of customers.

        Equal scores come in order of product.
        """
        parts = []
        for start in range(0, len(self.rows), BLOCK_ROWS):
            rows = self.rows[start : start + BLOCK_ROWS]
            table = np.array(scores(rows), dtype=np.float64)
            if self.new_only:
                table[self.bought[rows].nonzero()] = 0
            best = np.argsort(-table, axis=1, kind="stable")[:, :K]
            parts.append(np.where(np.take_along_axis(table, best, axis=1) > 0, best, NOBODY))
        return np.concatenate(parts).astype(np.int32) if parts else np.empty((0, K), dtype=np.int32)


def worlds(lines: nw.LazyFrame[Any], *, as_of_day: int, days: int = 30) -> dict[str, World]:
    """Return the worlds of one shop by what counts: `new` and `all`."""
    split = splits.by_time(lines, as_of_day=as_of_day, days=days)
    history = collect(purchase_days(split.train, as_of_day=split.cut_day), as_of_day=split.cut_day)
    truth = splits.truth(split, history)
    return {which: World(split, history, truth, which == "new") for which in ("new", "all")}


def popular(world: World, *, days: int) -> Lists:
    """The products with the most buyers in the last `days` days."""
    buyers = world.buyers(days)
    return world.best(lambda rows: np.broadcast_to(buyers, (len(rows), len(buyers))))


def item_item(world: World) -> Lists:
    """Cosine neighbours of items by who bought what, as in implicit: 20 of each."""
    model = CosineRecommender()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ParameterWarning)  # about the format of a matrix of implicit's own
        model.fit(world.binary.astype(np.float64), show_progress=False)
    similarity = csr_matrix(model.similarity)
    return world.best(lambda rows: np.asarray((world.bought[rows] @ similarity).todense()))


def als(world: World) -> Lists:
    """Alternating least squares, as in implicit: 64 factors, 15 rounds."""
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(random_state=42, num_threads=0)
        model.fit(world.bought, show_progress=False)
    return world.best(lambda rows: _above_0(model.user_factors[rows] @ model.item_factors.T))


def ease(world: World) -> Lists:
    """Steck's linear autoencoder (2019) on who bought what, λ = 500."""
    buyers = np.bincount(world.binary.indices, minlength=world.binary.shape[1])
    kept = np.sort(np.argsort(-buyers, kind="stable")[:EASE_ITEMS])
    held = csr_matrix(world.binary[:, kept], dtype=np.float32)
    gram = np.asarray((held.T @ held).todense(), dtype=np.float32)
    gram[np.diag_indices_from(gram)] += EASE_L2
    inverse = cho_solve(
        cho_factor(gram, lower=True, overwrite_a=True, check_finite=False),
        np.eye(len(kept), dtype=np.float32), overwrite_b=True, check_finite=False,
    )  # fmt: skip
    weights = inverse / -np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0

    def scores(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        table = np.zeros((len(rows), world.binary.shape[1]), dtype=np.float32)
        table[:, kept] = _above_0(np.asarray(held[rows] @ weights))
        return table

    return world.best(scores)


def frequency(world: World, *, half_life_days: float) -> Lists:
    """What the customer bought most often, with time decay; then what is popular. For all items only."""
    decayed = world.history.matrix(half_life_days=half_life_days)
    buyers = world.buyers(30)
    last = 1e-6 * buyers / max(1.0, float(buyers.max(initial=0)))
    return world.best(lambda rows: np.asarray(decayed[rows].todense()) + last)


DEFAULTS: dict[str, Callable[[World], Lists]] = {
    "popularity 7 days": lambda world: popular(world, days=7),
    "popularity 30 days": lambda world: popular(world, days=30),
    "popularity 90 days": lambda world: popular(world, days=90),
    "item-item": item_item,
    "ALS": als,
    "EASE": ease,
}
"""The single models with default settings: the best of them is what ours is divided by."""


def _above_0(scores: NDArray[Any]) -> NDArray[Any]:
    """Return scores that rank the same and are all above 0: a factor model ranks every product."""
    lowest = scores.min(axis=1, keepdims=True)
    shifted: NDArray[Any] = scores - lowest + 1e-6
    return shifted
