"""Similar products by who buys them, and what a customer may like because of what they bought.

Two products are similar when the same people buy both, lately: the shrunk cosine of the columns of a decayed
customers × products matrix (Sarwar et al. 2001; see `Engine.neighbours`), with two corrections.

- Damping: the weights of a customer with n products are divided by n^damping, so that somebody who buys a
  thousand products (a wholesaler) says less about each pair than somebody who buys five.
- Baskets: each order of a guest is a row of its own beside the customers' rows, at a lower weight: one basket
  says less about taste than a history.

Instead of the first, BM25 can weigh the entries (Robertson and Zaragoza 2009: saturated weights, long rows and common
products held back). On both sample shops it found fewer of the products bought next; it is for shops where it is
measured to be better.

Of a long row only the strongest entries speak, so that the work grows with the customers, not with the square
of the longest history.

The score of a product for a customer is Σ over bought products h of weight(h) × similarity(h, product).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags, vstack

from precision.engine.results import NOBODY, TopItems
from recommender.candidates.lists import best_of_sparse, to_sparse, without

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

BLOCK_ROWS = 4096  # customers scored at once: bounds the memory of their sparse scores
WEIGHTINGS = ("root", "bm25")
BM25_K, BM25_B = 1.2, 0.75  # how soon a weight saturates, how far a long row is held back; the usual values
ANCHOR_ROWS = (
    256  # customers whose anchors are sought at once: each takes a number a product that any of them is shown
)
ANCHOR_HALF = 0.25
"""Weight in a profile at which a purchase says half of what it can as a reason: one of two half-lives ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """How products are compared."""

    k: int = 50
    """Neighbours kept of each product."""
    row_items: int = 300
    """Products of a customer or basket that count: those with the highest weight."""
    guest_weight: float = 0.25
    """What a purchase in a guest's basket weighs against a customer's."""
    damping: float = 0.5
    """Exponent of the number of products of a customer that their weights are divided by."""
    shrinkage: float = 1.0
    """Evidence that every pair lacks, in units of the mean squared norm of a product's column."""
    min_buyers: int = 3
    """Products with fewer rows have no neighbours: one buyer makes everything they bought similar."""
    weighting: str = "root"
    """`root`: the damped square roots of the weights; `bm25`: BM25, where `damping` plays no part."""

    def __post_init__(self) -> None:
        if self.weighting not in WEIGHTINGS:
            raise ValueError(f"weighting is {self.weighting!r}, wanted one of {WEIGHTINGS}")
        for name in ("k", "row_items", "min_buyers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        for name in ("guest_weight", "damping", "shrinkage"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted 0 or more")


def similar(
    engine: "Engine", matrix: csr_matrix, *, guests: csr_matrix | None = None, how: Similarity | None = None
) -> TopItems:
    """The neighbours of each product, most similar first: (products, k), column positions of `matrix`.

    `matrix` is (customers, products), `guests` (orders, products) in the same columns; weights ≥ 0, decayed by
    the caller.
    """
    how = how or Similarity()
    columns = matrix.shape[1]
    if guests is not None and how.guest_weight > 0:
        matrix = csr_matrix(vstack([matrix, guests * how.guest_weight]))
    matrix = strongest(matrix, n=how.row_items)
    buyers = np.bincount(matrix.indices[matrix.data > 0], minlength=columns)
    kept = np.flatnonzero(buyers >= how.min_buyers)
    weighed = bm25(matrix) if how.weighting == "bm25" else damped(matrix, exponent=how.damping)
    weights = csr_matrix(weighed[:, kept])
    items = np.full((columns, how.k), NOBODY, dtype=np.int32)
    scores = np.zeros((columns, how.k), dtype=np.float32)
    if weights.nnz:
        mean_square = float((weights.data.astype(np.float64) ** 2).sum()) / len(kept)
        near = engine.neighbours(weights, k=how.k, shrinkage=how.shrinkage * mean_square)
        items[kept] = np.where(near.items == NOBODY, NOBODY, kept[near.items])
        scores[kept] = near.scores
    return TopItems(items=items, scores=scores)


def damped(matrix: csr_matrix, *, exponent: float) -> csr_matrix:
    """The square roots of the weights, each row divided by (number of its entries)^exponent.

    The root makes the product of two columns a sum of weights, not of squares: a purchase of ten weeks ago
    still counts against one of today.
    """
    counts = np.maximum(np.diff(matrix.indptr), 1).astype(np.float64)
    root: csr_matrix = csr_matrix(
        (np.sqrt(matrix.data.astype(np.float64)), matrix.indices, matrix.indptr), shape=matrix.shape
    )
    return csr_matrix(diags(counts**-exponent) @ root).astype(np.float32)


def bm25(matrix: csr_matrix) -> csr_matrix:
    """w (k + 1) / (w + k (1 − b + b × row sum / mean row sum)) × ln(1 + (N − n + ½) / (n + ½)) of each weight w > 0.

    N are the rows that are not empty, n those with the product; k = BM25_K, b = BM25_B.
    """
    positive: csr_matrix = matrix.astype(np.float64)
    positive.eliminate_zeros()
    sums = np.asarray(positive.sum(axis=1)).ravel()
    filled = int((sums > 0).sum())
    relative = sums / (sums.sum() / max(filled, 1)) if filled else sums
    holders = np.bincount(positive.indices, minlength=matrix.shape[1])
    rarity = np.log1p((filled - holders + 0.5) / (holders + 0.5))
    length = np.repeat(BM25_K * (1 - BM25_B + BM25_B * relative), np.diff(positive.indptr))
    data = positive.data * (BM25_K + 1) / (positive.data + length) * rarity[positive.indices]
    return csr_matrix((data, positive.indices, positive.indptr), shape=matrix.shape, dtype=np.float32)


def strongest(matrix: csr_matrix, *, n: int) -> csr_matrix:
    """The n entries of each row with the highest values; equal values in order of column."""
    if np.diff(matrix.indptr).max(initial=0) <= n:
        return matrix
    return to_sparse(best_of_sparse(matrix, k=n), columns=matrix.shape[1])


def recommend(
    profiles: csr_matrix, neighbours: TopItems, *, k: int, exclude: csr_matrix | None = None
) -> TopItems:
    """The k products with the highest score of each row of `profiles` (customers, products), best first.

    `exclude`, of the same shape, has an entry for every product that the customer must not get.
    """
    similarity = to_sparse(neighbours, columns=profiles.shape[1])
    return spoken_for(profiles, similarity, k=k, exclude=exclude)


def spoken_for(
    profiles: csr_matrix, similarity: csr_matrix, *, k: int, exclude: csr_matrix | None = None
) -> TopItems:
    """The k highest Σ over bought products h of weight(h) × similarity(h, product) above 0 of each row, best first.

    `similarity` is (products, products), sparse; the other arguments are those of `recommend`. In blocks of rows.
    """
    parts = []
    for first in range(0, max(profiles.shape[0], 1), BLOCK_ROWS):
        block = slice(first, first + BLOCK_ROWS)
        scores = csr_matrix(profiles[block] @ similarity)
        if exclude is not None:
            scores = without(scores, exclude[block])
        parts.append(best_of_sparse(scores, k=k))
    return TopItems(
        items=np.concatenate([part.items for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
    )


def rarity(bought: csr_matrix) -> NDArray[np.float64]:
    """ln((N + 2) / (n + 1)) of each product, above 0: N rows of `bought` (customers, products), n with an entry."""
    customers, products = bought.shape
    buyers = np.bincount(bought.indices, minlength=products)
    return np.asarray(np.log((customers + 2) / (buyers + 1)), dtype=np.float64)


def anchors(
    profiles: csr_matrix, neighbours: TopItems, items: NDArray[np.int32], *, rare: NDArray[np.floating[Any]]
) -> NDArray[np.int32]:
    """For each listed item the bought product that speaks most for this item, -1 where none does.

    `items` (customers, n) are column positions, -1 for none; so are the anchors, of the same shape. The anchor
    of item i is the h with the highest w / (w + ANCHOR_HALF) × similarity(h, i) × rare(h), w its weight in the
    profile, the lowest column among equals.

    What stands in the score of a list, w × similarity, is no reason: it names what everybody buys every week for
    everything. How often somebody bought h says little more after a few times, and h says the less of i the more
    people have it (`rarity`, (products,): inverse document frequency, Spärck Jones 1972).
    """
    found = np.full(items.shape, NOBODY, dtype=np.int32)
    # The number of each product among those listed in a block; the last place answers for "no neighbour", -1.
    number = np.full(profiles.shape[1] + 1, NOBODY, dtype=np.int32)
    for first in range(0, len(items), ANCHOR_ROWS):
        block = slice(first, first + ANCHOR_ROWS)
        listed = np.unique(items[block])
        listed = listed[listed != NOBODY]
        number[listed] = np.arange(len(listed), dtype=np.int32)
        numbered = np.where(items[block] == NOBODY, NOBODY, number[items[block]])
        _anchors(csr_matrix(profiles[block]), neighbours, numbered, number, rare, found[block])
        number[listed] = NOBODY
    return found


def _anchors(
    profiles: csr_matrix,
    neighbours: TopItems,
    items: NDArray[np.int32],
    number: NDArray[np.int32],
    rare: NDArray[np.floating[Any]],
    found: NDArray[np.int32],
) -> None:
    """Write the anchors of a few customers, whose items are given by their numbers, into `found`."""
    # Where each numbered product stands in the list of each customer; the last column answers for no number.
    place = np.full((len(items), int(items.max(initial=NOBODY)) + 2), NOBODY, dtype=np.int32)
    listed_row, listed_place = np.nonzero(items != NOBODY)
    place[listed_row, items[listed_row, listed_place]] = listed_place
    row = np.repeat(np.arange(len(items)), np.diff(profiles.indptr))
    at = place[row[:, None], number[neighbours.items[profiles.indices]]]
    purchase, neighbour = np.nonzero(at != NOBODY)
    bought = profiles.indices[purchase]
    weight = profiles.data.astype(np.float64)
    speaks = (weight / (weight + ANCHOR_HALF))[purchase] * neighbours.scores[bought, neighbour] * rare[bought]
    known = speaks > 0
    owner, where = row[purchase][known], at[purchase, neighbour][known]
    bought, speaks = bought[known], speaks[known]
    order = np.lexsort((bought, -speaks, where, owner))
    owner, where, bought = owner[order], where[order], bought[order]
    best = np.ones(len(order), dtype=np.bool_)
    best[1:] = (owner[1:] != owner[:-1]) | (where[1:] != where[:-1])
    found[owner[best], where[best]] = bought[best]
