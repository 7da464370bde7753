"""Products that a customer may like by a linear model of all products at once (EASE; Steck 2019).

With X the weights of what customers bought, the model predicts each column of X from the others,

    min_B ‖X − X B‖² + l2 ‖B‖²   with diag(B) = 0

whose answer is closed: P = (XᵀX + l2 I)⁻¹, B_ij = −P_ij / P_jj. Unlike a cosine it knows what the other products of a
history explain already: two products that stand together only because both go with a third do not speak for each
other. Three things make it fit a shop:

- Time: the weights are decayed by the caller, and X holds their square roots, so that XᵀX is a sum of weights and not
  of squares.
- Damping: the weights of a customer with n products are divided by (n / TYPICAL_ROW)^(2 damping), so that a wholesaler
  does not outvote a hundred people.
- Bounds: only the `most_items` products with the highest total weight take part (n² × 4 bytes: 1.6 GB for 20,000), and
  of each product only the strongest `kept` positive weights stay. The rest of a catalogue is for item-item.

The score of a product for a customer is Σ over bought products h of weight(h) × B_h,product.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_matrix, diags

from precision.engine.results import TopItems
from recommender.candidates import item_item
from recommender.candidates.item_item import strongest

MOST_ITEMS = 20_000
"""More would take more than 1.6 GB, and hours."""
TYPICAL_ROW = 20
"""A row of so many products is not damped."""
BLOCK_COLUMNS = 512
RIDGE_STEP = 10.0
RIDGE_STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """How the model is fitted."""

    l2: float = 100.0
    """In units of purchases: a product bought by so many customers today is held back by half."""
    most_items: int = 5_000
    row_items: int = 300
    """Products of a customer that count: those with the highest weight."""
    damping: float = 0.25
    kept: int = 200
    """Products that one product may speak for."""

    def __post_init__(self) -> None:
        for name in ("most_items", "row_items", "kept"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        if self.most_items > MOST_ITEMS:
            raise ValueError(
                f"most_items is {self.most_items}, wanted at most {MOST_ITEMS}: memory is its square"
            )
        if not (0 < self.l2 < np.inf and 0 <= self.damping < np.inf):
            raise ValueError(
                f"l2 is {self.l2}, damping {self.damping}; wanted l2 above 0 and damping 0 or more, both finite"
            )


@dataclass(frozen=True, slots=True)
class Ease:
    """The fitted model."""

    items: NDArray[np.int64]  # columns that take part, ascending
    weights: csr_matrix  # (products, products) float32, at most `kept` positive entries a row: B_row,column

    def scores(self, profiles: csr_matrix) -> csr_matrix:
        """The sparse scores of rows of weights (customers, products), of the same shape; for a block of rows."""
        return csr_matrix(profiles @ self.weights)


def fit(matrix: csr_matrix, *, how: Regression | None = None) -> Ease:
    """The model of (customers, products) weights ≥ 0, decayed by the caller; weights of 0 say nothing.

    Raises:
        ValueError: a weight is negative or not finite.
    """
    how = how or Regression()
    if not np.isfinite(matrix.data).all() or matrix.data.min(initial=0) < 0:
        raise ValueError("the weights hold a negative or infinite value; wanted finite weights, 0 or more")
    columns = matrix.shape[1]
    total = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    best = np.argsort(-total, kind="stable")[: how.most_items]
    kept = np.sort(best[total[best] > 0])
    weights = csr_matrix((columns, columns), dtype=np.float32)
    if len(kept) > 1:
        roots = _roots(strongest(matrix, n=how.row_items)[:, kept], damping=how.damping)
        weights = _strongest_weights(_inverse(roots, l2=how.l2), kept, n=how.kept, columns=columns)
    return Ease(items=kept, weights=weights)


def recommend(profiles: csr_matrix, model: Ease, *, k: int, exclude: csr_matrix | None = None) -> TopItems:
    """The k products with the highest score of each row of `profiles` (customers, products), best first.

    `exclude`, of the same shape, has an entry for every product that the customer must not get.
    """
    return item_item.spoken_for(profiles, model.weights, k=k, exclude=exclude)


def _roots(matrix: csr_matrix, *, damping: float) -> csr_matrix:
    """The damped square roots of the weights."""
    counts = np.maximum(np.diff(matrix.indptr), TYPICAL_ROW) / TYPICAL_ROW
    root = csr_matrix(
        (np.sqrt(matrix.data.astype(np.float64)), matrix.indices, matrix.indptr), shape=matrix.shape
    )
    return csr_matrix(diags(counts**-damping) @ root).astype(np.float32)


def _inverse(matrix: csr_matrix, *, l2: float) -> NDArray[np.float32]:
    """(XᵀX + l2 I)⁻¹, dense and symmetric, in the memory of one products × products table of float32.

    Where l2 is so small beside the weights that float32 finds the sum singular, more is taken.
    """
    for _ in range(RIDGE_STEPS):
        gram = _gram(matrix)
        largest = float(gram.diagonal().max())
        gram[np.diag_indices_from(gram)] += l2
        factor, failed = lapack.spotrf(gram, lower=1, clean=0, overwrite_a=1)
        if not failed:
            inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
            if not failed and np.isfinite(inverse.diagonal()).all():
                return _mirrored(inverse)
        l2 = RIDGE_STEP * max(l2, largest * float(np.finfo(np.float32).eps))
    raise ValueError(f"the weights leave no inverse even near l2 = {l2}; wanted weights nearer to 1")


def _gram(matrix: csr_matrix) -> NDArray[np.float32]:
    """XᵀX, dense, made in blocks of columns."""
    size = matrix.shape[1]
    gram = np.empty((size, size), dtype=np.float32, order="F")
    by_column = matrix.tocsc()
    across = matrix.T.tocsr()
    for first in range(0, size, BLOCK_COLUMNS):
        block = slice(first, first + BLOCK_COLUMNS)
        gram[:, block] = (across @ by_column[:, block]).toarray()
    return gram


def _mirrored(lower: NDArray[np.float32]) -> NDArray[np.float32]:
    """The symmetric table of which only the lower triangle was filled, in place."""
    size = len(lower)
    for first in range(0, size, BLOCK_COLUMNS):
        last = min(first + BLOCK_COLUMNS, size)
        corner = np.tril(lower[first:last, first:last])
        lower[first:last, first:last] = corner + np.tril(corner, -1).T
        lower[first:last, last:] = lower[last:, first:last].T
    return lower


def _strongest_weights(
    inverse: NDArray[np.float32], kept: NDArray[np.int64], *, n: int, columns: int
) -> csr_matrix:
    """The n highest positive weights B_ij = −P_ij / P_jj of each row i, in the numbering of the full matrix."""
    size = len(inverse)
    n = min(n, size - 1)
    scale = -1 / inverse.diagonal()
    parts = []
    for first in range(0, size, BLOCK_COLUMNS):
        last = min(first + BLOCK_COLUMNS, size)
        # The table is symmetric: its columns are its rows, and lie together in memory.
        weights = np.ascontiguousarray(inverse[:, first:last].T) * scale
        place = np.arange(last - first)
        weights[place, place + first] = 0
        best = np.sort(np.argpartition(-weights, n - 1, axis=1)[:, :n], axis=1)
        found = np.take_along_axis(weights, best, axis=1)
        row, listed = np.nonzero(found > 0)
        parts.append((kept[row + first], kept[best[row, listed]], found[row, listed]))
    rows, targets, values = (np.concatenate(part) for part in zip(*parts, strict=True))
    return csr_matrix((values, (rows, targets)), shape=(columns, columns), dtype=np.float32)
