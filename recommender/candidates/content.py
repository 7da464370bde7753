"""Similar products by what they are called and what they are: for products that nobody bought yet.

Evidence of two products is

    WORDS × cosine of the words of their titles (TF-IDF)  +  CATEGORY, if they share it  +  BRAND, if they share it

and the score is the evidence × (1 − PRICE × (1 − nearness)), nearness = min price / max price, a half where one is
unknown. So a spoon is nearer to a spoon of another brand than to a pan of its own.

A catalogue of a million products makes no table of products × products: of each word, category and brand only the
`champions` products stand as candidates (champion lists; Manning, Raghavan and Schütze 2008, 7.1.3), those where it
weighs most, among equals those that the caller ranks first; the best of them by this first look are then compared
exactly. Rows are compared in blocks.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack

from precision.engine.results import NOBODY, TopItems
from recommender.candidates.lists import best_of_sparse

WORDS, CATEGORY, BRAND = 0.6, 0.25, 0.15
PRICE = 0.3
UNKNOWN_NEARNESS = 0.5
BLOCK_ROWS = 512
NO_GROUP = -1

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Describing:
    """How products are compared."""

    k: int = 50
    """Similar products kept of each."""
    champions: int = 500
    """Products that one word, category or brand proposes."""
    looked_at: int = 150
    """Candidates of a product that are compared exactly."""
    least: float = 0.2
    """Evidence below which two products are not similar: a brand alone is none."""

    def __post_init__(self) -> None:
        for name in ("k", "champions", "looked_at"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, wanted at least 1")
        if not 0 <= self.least <= 1:
            raise ValueError(f"least is {self.least}, wanted 0 to 1")


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of products, in one order."""

    evidence: csr_matrix  # (products, words + categories + brands) float32; the product of two rows is their evidence
    prices: Floats  # (products,) any unit, nan where unknown


def describe(
    words: csr_matrix,
    *,
    categories: Ints | None = None,
    brands: Ints | None = None,
    prices: Floats | None = None,
) -> Described:
    """Products by their words (products, words), rows of length 1 or empty, and their groups (NO_GROUP for none).

    Raises:
        ValueError: categories, brands or prices of another number of products.
    """
    products = words.shape[0]
    for name, given in (("categories", categories), ("brands", brands), ("prices", prices)):
        if given is not None and given.shape != (products,):
            raise ValueError(
                f"{name} has the shape {given.shape}, wanted one value for each of {products} products"
            )
    parts = [words * np.sqrt(WORDS)]
    parts += [] if categories is None else [_groups(categories, weight=CATEGORY)]
    parts += [] if brands is None else [_groups(brands, weight=BRAND)]
    evidence = csr_matrix(hstack(parts), dtype=np.float32)
    evidence.sort_indices()
    return Described(evidence, np.full(products, np.nan) if prices is None else prices)


def similar(
    described: Described,
    *,
    rows: Ints | None = None,
    allowed: NDArray[np.bool_] | None = None,
    quality: Floats | None = None,
    how: Describing | None = None,
) -> TopItems:
    """The most similar products of each product (or of those at `rows`), best first: (rows, k), never itself.

    `allowed` (products,) says which may be listed; `quality` (products,), 0 or more, which come first among equally
    good candidates, as buyers do.
    """
    how = how or Describing()
    evidence = described.evidence
    products = evidence.shape[0]
    asked = np.arange(products) if rows is None else np.asarray(rows)
    proposing = csr_matrix(_champions(evidence, allowed=allowed, quality=quality, n=how.champions).T)
    items = np.full((len(asked), how.k), NOBODY, dtype=np.int32)
    scores = np.zeros((len(asked), how.k), dtype=np.float32)
    for first in range(0, len(asked), BLOCK_ROWS):
        block = asked[first : first + BLOCK_ROWS]
        found = csr_matrix(evidence[block] @ proposing)
        top = best_of_sparse(found, k=how.looked_at + 1)  # itself is among them
        best = best_of_sparse(_compared(described, block, top.items, least=how.least), k=how.k)
        items[first : first + len(block)], scores[first : first + len(block)] = best.items, best.scores
    return TopItems(items=items, scores=scores)


def _compared(described: Described, rows: Ints, candidates: NDArray[np.int32], *, least: float) -> csr_matrix:
    """The exact scores of the candidates of each row: (rows, products)."""
    evidence, prices = described.evidence, described.prices
    row, place = np.nonzero((candidates != NOBODY) & (candidates != rows[:, None]))
    one, other = rows[row], candidates[row, place]
    told = np.asarray(evidence[one].multiply(evidence[other]).sum(axis=1), dtype=np.float64).ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        near = np.minimum(prices[one], prices[other]) / np.maximum(prices[one], prices[other])
    near = np.where(np.isfinite(near) & (near >= 0), near, UNKNOWN_NEARNESS)
    scores = np.where(told >= least, told * (1 - PRICE * (1 - near)), 0)
    return csr_matrix((scores, (row, other)), shape=(len(rows), evidence.shape[0]), dtype=np.float32)


def _champions(
    evidence: csr_matrix, *, allowed: NDArray[np.bool_] | None, quality: Floats | None, n: int
) -> csr_matrix:
    """Of each column the n entries of highest weight, among equals of highest quality, then of the lowest row."""
    entries = evidence.tocoo()
    row, column, weight = entries.row, entries.col, entries.data
    if allowed is not None:
        kept = allowed[row]
        row, column, weight = row[kept], column[kept], weight[kept]
    first = np.zeros(len(row)) if quality is None else -quality[row]
    order = np.lexsort((row, first, -weight, column))
    row, column, weight = row[order], column[order], weight[order]
    starts = np.searchsorted(column, np.arange(evidence.shape[1]))
    listed = np.arange(len(column)) - starts[column] < n
    return csr_matrix((weight[listed], (row[listed], column[listed])), shape=evidence.shape)


def _groups(groups: Ints, *, weight: float) -> csr_matrix:
    """One entry a product, in the column of its group."""
    known = np.flatnonzero(groups != NO_GROUP)
    width = int(groups.max(initial=NO_GROUP)) + 1
    values = np.full(len(known), np.sqrt(weight), dtype=np.float32)
    return csr_matrix((values, (known, groups[known])), shape=(len(groups), width))
