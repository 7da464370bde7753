"""Products for a customer from latent factors (implicit ALS; see `Engine.factorise`), with a bias of each product.

Least squares on implicit feedback knows no bias: what sells to everybody this week, whatever their taste, has to be
spread over the factors of taste, and is held back by the regularisation. Here it stands beside them,

    affinity(u, i) = x_u · y_i + bias_i,    bias_i = popularity × σ × ln(1 + recent buyers of i)

with σ the standard deviation of x·y over all customers and products, so that `popularity` means the same in every
shop. The bias is a further column: 1 in the rows of customers, bias_i in those of products, so that whatever takes
`Factors` takes it too. And rows are damped: the weights of a customer with n products are divided by
(n / TYPICAL_ROW)^damping where n is above TYPICAL_ROW, so that a wholesaler does not shape the tastes of people.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from precision.engine.results import NOBODY, Factors, TopItems

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

TYPICAL_ROW = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Factorisation:
    """How the matrix is factorised."""

    factors: int = 64
    regularization: float = 5.0
    alpha: float = 5.0
    """Confidence of a weight of 1."""
    iterations: int = 15
    min_buyers: int = 3
    """Products with fewer buyers get no factors and are never recommended from here."""
    damping: float = 0.5
    popularity: float = 1.0
    """Weight of the bias, in standard deviations of the affinity for each unit of ln(1 + recent buyers)."""

    def __post_init__(self) -> None:
        if not (0 <= self.damping < np.inf and 0 <= self.popularity < np.inf):
            raise ValueError(
                f"damping is {self.damping}, popularity {self.popularity}; wanted both 0 or more and finite"
            )


def fit(
    engine: "Engine",
    matrix: csr_matrix,
    *,
    rng: np.random.Generator,
    recent_buyers: NDArray[np.floating[Any]] | NDArray[np.integer[Any]] | None = None,
    how: Factorisation | None = None,
) -> Factors:
    """Factors of (customers, products) weights; products with too few buyers and idle customers are 0.

    Fewer factors than asked where the matrix has fewer rows or columns. All are 0 when nothing is left. With
    `recent_buyers` (products,) the last column is the bias.

    Raises:
        ValueError: `recent_buyers` has another length than the products, or a value below 0.
    """
    how = how or Factorisation()
    customers, products = matrix.shape
    if recent_buyers is not None and (recent_buyers.shape != (products,) or (recent_buyers < 0).any()):
        raise ValueError(
            f"recent_buyers has the shape {recent_buyers.shape} and the minimum {recent_buyers.min(initial=0)}; "
            f"wanted {products} counts, 0 or more"
        )
    reduced, kept = observed(matrix, how=how)
    width = max(1, min(how.factors, *reduced.shape))
    biased = recent_buyers is not None and how.popularity > 0
    rows = np.zeros((customers, width + biased), dtype=np.float32)
    items = np.zeros((products, width + biased), dtype=np.float32)
    if reduced.nnz:
        found = engine.factorise(
            reduced,
            factors=width,
            regularization=how.regularization,
            alpha=how.alpha,
            iterations=how.iterations,
            rng=rng,
        )
        rows[:, :width] = found.rows
        items[kept, :width] = found.items
        if recent_buyers is not None and biased:
            active = np.diff(reduced.indptr) > 0
            rows[active, width] = 1
            scale = how.popularity * _spread(found.rows[active], found.items)
            items[kept, width] = scale * np.log1p(recent_buyers[kept])
    return Factors(rows=rows, items=items)


def observed(matrix: csr_matrix, *, how: Factorisation | None = None) -> tuple[csr_matrix, NDArray[np.int64]]:
    """What is factorised of (customers, products) weights: damped, of products with enough buyers; and their columns.

    The matrix is (customers, columns), float32, without entries of 0.
    """
    how = how or Factorisation()
    buyers = np.bincount(matrix.indices[matrix.data > 0], minlength=matrix.shape[1])
    kept = np.flatnonzero(buyers >= how.min_buyers)
    reduced = csr_matrix(matrix[:, kept])
    reduced.eliminate_zeros()
    counts = np.maximum(np.diff(reduced.indptr), TYPICAL_ROW) / TYPICAL_ROW
    return csr_matrix(diags(counts**-how.damping) @ reduced).astype(np.float32), kept


def _spread(rows: NDArray[np.float32], items: NDArray[np.float32]) -> float:
    """The standard deviation of rows @ items.T over all its cells, without making them."""
    x, y = rows.astype(np.float64), items.astype(np.float64)
    square = float(((x.T @ x) * (y.T @ y)).sum()) / (len(x) * len(y))
    mean = float(x.mean(axis=0) @ y.mean(axis=0))
    return float(np.sqrt(max(square - mean**2, 0.0)))


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
