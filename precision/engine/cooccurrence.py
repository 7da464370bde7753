"""Similar items from the weighted co-occurrence of a sparse (customers, items) matrix."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.sparse import csr_matrix

from precision.engine.results import TopItems
from precision.engine.selection import best_per_row

BYTES_PER_CELL = 48  # of a block: product, scores, sort keys and their sorted copy


def nearest_items(
    interactions: csr_matrix, *, k: int, shrinkage: float, threads: int, block_bytes: int
) -> TopItems:
    """The k items most similar to each item by shrunk cosine (see `Engine.neighbours`).

    WᵀW is made in blocks of items, each at most about `block_bytes` large, and cut to k at once.
    """
    if k < 1:
        raise ValueError(f"k is {k}, wanted at least 1")
    if not shrinkage >= 0:
        raise ValueError(f"shrinkage is {shrinkage}, wanted 0 or more")
    weights = csr_matrix(interactions, dtype=np.float32)
    if not (np.isfinite(weights.data).all() and (weights.data >= 0).all()):
        raise ValueError("the interactions hold a weight that is negative or not finite; wanted weights ≥ 0")
    by_item = weights.tocsc()
    items = weights.shape[1]
    squares = np.bincount(weights.indices, weights=weights.data.astype(np.float64) ** 2, minlength=items)
    norms = np.sqrt(squares)

    def best_of(block: tuple[int, int]) -> TopItems:
        first, last = block
        product = by_item[:, first:last].T.tocsr() @ weights
        row = np.repeat(np.arange(first, last), np.diff(product.indptr))
        scores = product.data / (norms[row] * norms[product.indices] + shrinkage)
        # An item is not its own neighbour; a weight of 0 is no co-occurrence.
        product.data = np.where(row == product.indices, 0, scores).astype(np.float32)
        product.eliminate_zeros()
        return best_per_row(product, k=k)

    blocks = _blocks(weights, max_cells=max(1, block_bytes // BYTES_PER_CELL))
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(best_of, blocks))
    empty = best_per_row(csr_matrix((0, items), dtype=np.float32), k=k)
    return TopItems(
        items=np.concatenate([part.items for part in parts] or [empty.items]),
        scores=np.concatenate([part.scores for part in parts] or [empty.scores]),
    )


def _blocks(weights: csr_matrix, *, max_cells: int) -> Iterator[tuple[int, int]]:
    """Ranges of items whose rows of WᵀW have at most `max_cells` cells (a single item is never split)."""
    items = weights.shape[1]
    lengths = np.diff(weights.indptr)
    work = np.bincount(
        weights.indices, weights=np.repeat(lengths, lengths).astype(np.float64), minlength=items
    )
    cells = np.minimum(work, items)
    total = np.cumsum(cells)
    first = 0
    while first < items:
        before = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, before + max_cells, side="right")))
        yield first, last
        first = last
