"""The contract of a computation engine: the few heavy primitives that every backend must offer.

Everything else (features, conditions, windows) is written in the narwhals dialect and runs on whatever frame
`scan` gives. A backend is made from keyword options (`OPTIONS` of its entry in the setting ENGINES), holds no
state between calls and may be shared by threads.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import Clusters, Factors, Itemsets, PairCounts, TopItems

# One Parquet path (a glob or a folder too), several of them, or a frame that narwhals knows.
Source = str | Path | Sequence[str | Path] | Any


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a backend found wrong with itself, in words, and what to do about it."""

    message: str
    hint: str


class ItemsetsTooLargeError(ValueError):
    """The search for larger sets would not fit its memory bound; `affordable_min_count` would."""

    def __init__(self, message: str, *, affordable_min_count: int) -> None:
        super().__init__(message)
        self.affordable_min_count = affordable_min_count


class Engine(ABC):
    """A place where heavy computation runs. Matrices have customers or baskets as rows, items as columns."""

    distributed: bool = False
    """The data may be larger than the memory of this machine."""

    reproducible: bool = False
    """The same input and the same random generator give the same output, bit for bit, on the same machine."""

    def check(self) -> list[Problem]:
        """Problems that would make this backend fail or crawl; empty when all is well. Cheap."""
        return []

    @abstractmethod
    def scan(self, source: Source) -> "nw.LazyFrame[Any]":
        """A lazy frame over Parquet files (path, glob, folder or a list of paths) or over a frame in memory.

        Raises:
            FileNotFoundError: a path matches no file.
            TypeError: the source is neither a path nor a frame.
        """

    @abstractmethod
    def pair_counts(self, baskets: csr_matrix, *, min_count: int) -> PairCounts:
        """Every pair of items that is in at least `min_count` baskets, with exact counts.

        `baskets` is (baskets, items); an entry that is not 0 means that the basket holds the item,
        whatever its value. The counts are the upper triangle of XᵀX with X binary, and neither
        becomes dense.

        Raises:
            ValueError: `min_count` is below 1.
        """

    @abstractmethod
    def itemsets(
        self, baskets: csr_matrix, *, min_count: int, max_length: int = 3, max_bytes: int = 2**30
    ) -> Itemsets:
        """Every set of 2 to `max_length` items that is in at least `min_count` baskets, with exact counts.

        Raises:
            ItemsetsTooLargeError: the estimated memory is above `max_bytes`; says what would fit.
            ValueError: `min_count` is below 1 or `max_length` below 2.
        """

    @abstractmethod
    def neighbours(self, interactions: csr_matrix, *, k: int, shrinkage: float = 0.0) -> TopItems:
        """The k most similar other items of each item (the rows of the answer), from weighted co-occurrence.

        With W the (customers, items) weights, none negative (decay by age goes into W), the score of i and j
        is Σ_u W_ui W_uj / (‖W_i‖ ‖W_j‖ + shrinkage): the cosine (Sarwar et al. 2001), where `shrinkage` holds
        back items with little evidence. Items that never co-occur are no neighbours. Ties: lower item first.

        Raises:
            ValueError: a weight is negative or not finite, `k` is below 1 or `shrinkage` negative.
        """

    @abstractmethod
    def factorise(
        self,
        interactions: csr_matrix,
        *,
        factors: int,
        regularization: float,
        alpha: float,
        iterations: int,
        rng: np.random.Generator,
    ) -> Factors:
        """Factors of implicit feedback by alternating least squares (Hu, Koren and Volinsky 2008).

        Minimises Σ c_ui (p_ui − x_u·y_i)² + regularization (Σ‖x_u‖² + Σ‖y_i‖²), p = 1 and c = alpha × weight
        where `interactions` (customers, items) has an entry, p = 0 and c = 1 elsewhere.

        Raises:
            ValueError: a weight is not finite, or there is none at all.
        """

    @abstractmethod
    def top_n(
        self,
        user_factors: NDArray[np.float32],
        item_factors: NDArray[np.float32],
        *,
        n: int,
        exclude: csr_matrix | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> TopItems:
        """The n items with the highest `user_factors @ item_factors.T` of each user, in blocks of users.

        `exclude` (users, items) has an entry for each item that the user must not get; `allowed` (items,) is
        False for items that nobody may get. Both hold strictly: where too few
        items are left stands -1, never a forbidden one.

        Raises:
            ValueError: shapes do not fit, a factor is not finite, or `n` is below 1.
        """

    @abstractmethod
    def cluster(self, points: NDArray[np.floating[Any]], *, k: int, rng: np.random.Generator) -> Clusters:
        """k-means clusters of the rows of `points` (points, dimensions); scale the columns first.

        Raises:
            ValueError: fewer points than `k`, or a coordinate that is not finite.
        """
