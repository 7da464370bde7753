"""Products for a customer from latent factors (implicit ALS; see `Engine.factorise`)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, Factors, TopItems

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Factorisation:
    """How the matrix is factorised."""

    factors: int = 64
    regularization: float = 0.01
    alpha: float = 1.0
    """Confidence of a weight of 1."""
    iterations: int = 15
    min_buyers: int = 3
    """Products with fewer buyers get no factors and are never recommended from here."""


def fit(
    engine: "Engine", matrix: csr_matrix, *, rng: np.random.Generator, how: Factorisation | None = None
) -> Factors:
    """Factors of (customers, products) weights; products with too few buyers and idle customers are 0.

    Fewer factors than asked where the matrix has fewer rows or columns. All are 0 when nothing is left.
    """
    how = how or Factorisation()
    customers, products = matrix.shape
    buyers = np.bincount(matrix.indices[matrix.data > 0], minlength=products)
    kept = np.flatnonzero(buyers >= how.min_buyers)
    reduced = csr_matrix(matrix[:, kept])
    reduced.eliminate_zeros()
    width = max(1, min(how.factors, *reduced.shape))
    rows = np.zeros((customers, width), dtype=np.float32)
    items = np.zeros((products, width), dtype=np.float32)
    if reduced.nnz:
        found = engine.factorise(
            reduced,
            factors=width,
            regularization=how.regularization,
            alpha=how.alpha,
            iterations=how.iterations,
            rng=rng,
        )
        rows[:] = found.rows
        items[kept] = found.items
    return Factors(rows=rows, items=items)


def recommend(
    engine: "Engine",
    factors: Factors,
    *,
    k: int,
    rows: NDArray[np.integer] | None = None,
    exclude: csr_matrix | None = None,
) -> TopItems:
    """The k products with the highest affinity of each customer (all, or those at the positions `rows`).

    `exclude` (as many rows, products) has an entry for every product that the customer must not get. A product
    without factors, or with an affinity of 0 or less, is no candidate.
    """
    chosen = factors.rows if rows is None else factors.rows[rows]
    fitted = np.any(factors.items != 0, axis=1)
    best = engine.top_n(chosen, factors.items, n=k, exclude=exclude, allowed=fitted)
    real = (best.items != NOBODY) & (best.scores > 0)
    return TopItems(
        items=np.where(real, best.items, NOBODY).astype(np.int32),
        scores=np.where(real, best.scores, 0).astype(np.float32),
    )
