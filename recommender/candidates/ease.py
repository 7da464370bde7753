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
- Bounds: only the `most_items` products with the highest total weight take part: one table of n² × 4 bytes (1.6 GB for
  20,000) is all that a fit needs beside the matrix. The rest of a catalogue is for item-item. The weights stay whole:
  on two real shops the negative ones were worth up to a tenth of the recall of new items, and a third of that of all.

The score of a product for a customer is Σ over bought products h of weight(h) × B_h,product.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.sparse import csr_matrix, diags

from precision.engine.results import NOBODY, TopItems
from recommender.candidates.item_item import strongest
from recommender.candidates.lists import best_of_dense

MOST_ITEMS = 20_000
"""More would take more than 1.6 GB, and hours."""
TYPICAL_ROW = 20
"""A row of so many products is not damped."""
BLOCK_COLUMNS = 512
BLOCK_CELLS = 8_000_000  # scores held at once: customers × products of the model
RIDGE_STEP = 10.0
RIDGE_STEPS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """How the model is fitted."""

    l2: float = 60.0
    """In units of purchases: a product bought by so many customers today is held back by half."""
    most_items: int = 5_000
    row_items: int = 300
    """Products of a customer that count: those with the highest weight."""
    damping: float = 0.5

    def __post_init__(self) -> None:
        for name in ("most_items", "row_items"):
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

    items: NDArray[np.int64]  # (n,) columns of the matrix that take part, ascending
    weights: NDArray[np.float32]  # (n, n) B, rows and columns in the order of `items`; its diagonal is 0

    def scores(self, profiles: csr_matrix) -> NDArray[np.float32]:
        """The dense (rows, n) scores of a block of rows of weights (customers, products)."""
        return np.asarray(profiles[:, self.items] @ self.weights, dtype=np.float32)


def fit(matrix: csr_matrix, *, how: Regression | None = None) -> Ease:
    """The model of (customers, products) weights ≥ 0, decayed by the caller; weights of 0 say nothing.

    Raises:
        ValueError: a weight is negative or not finite.
    """
    how = how or Regression()
    if not np.isfinite(matrix.data).all() or matrix.data.min(initial=0) < 0:
        raise ValueError("the weights hold a negative or infinite value; wanted finite weights, 0 or more")
    total = np.asarray(matrix.sum(axis=0), dtype=np.float64).ravel()
    best = np.argsort(-total, kind="stable")[: how.most_items]
    items = np.sort(best[total[best] > 0])
    if not len(items):
        return Ease(items=items, weights=np.zeros((0, 0), dtype=np.float32))
    weights = _inverse(_damped_roots(strongest(matrix, n=how.row_items)[:, items], how.damping), l2=how.l2)
    weights /= -weights.diagonal()
    np.fill_diagonal(weights, 0)
    return Ease(items=items, weights=weights)


def recommend(profiles: csr_matrix, model: Ease, *, k: int, exclude: csr_matrix | None = None) -> TopItems:
    """The k products with the highest score above 0 of each row of `profiles` (customers, products), best first.

    `exclude`, of the same shape, has an entry for every product that the customer must not get.
    """
    rows, size = profiles.shape[0], len(model.items)
    items = np.full((rows, k), NOBODY, dtype=np.int32)
    scores = np.zeros((rows, k), dtype=np.float32)
    step = max(1, BLOCK_CELLS // max(size, 1))
    for first in range(0, rows if size else 0, step):
        block = slice(first, first + step)
        found = model.scores(profiles[block])
        if exclude is not None:
            held = csr_matrix(exclude[block])[:, model.items].tocoo()
            found[held.row, held.col] = 0
        best = best_of_dense(found, k=k)
        items[block] = np.where(best.items == NOBODY, NOBODY, model.items[best.items])
        scores[block] = best.scores
    return TopItems(items=items, scores=scores)


def roots(matrix: csr_matrix) -> csr_matrix:
    """The square roots of the weights: what a profile is made of, as X is."""
    return csr_matrix((np.sqrt(matrix.data), matrix.indices, matrix.indptr), shape=matrix.shape)


def _damped_roots(matrix: csr_matrix, damping: float) -> csr_matrix:
    """The damped square roots of the weights."""
    counts = np.maximum(np.diff(matrix.indptr), TYPICAL_ROW) / TYPICAL_ROW
    return csr_matrix(diags(counts**-damping) @ roots(matrix)).astype(np.float32)


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
