"""The upper triangle of XᵀX of a sparse basket matrix, in blocks that fit in memory."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from precision.engine.results import PairCounts

BYTES_PER_CELL = 16  # of a block: value and column of the product (4 + 4), masks and copies while it is cut


def binary(baskets: csr_matrix) -> csr_matrix:
    """The same matrix with 1 (int32) where a basket holds an item: zeros dropped, repeats merged, sorted."""
    matrix = csr_matrix(baskets)
    if matrix.nnz and not matrix.data.all():
        matrix = matrix.copy()
        matrix.eliminate_zeros()
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    ones = np.ones(matrix.nnz, dtype=np.int32)
    same = csr_matrix((ones, matrix.indices, matrix.indptr), shape=matrix.shape)
    same.has_canonical_format = True
    return same


def count_pairs(baskets: csr_matrix, *, min_count: int, threads: int, block_bytes: int) -> PairCounts:
    """All pairs in at least `min_count` baskets (see `Engine.pair_counts`).

    An item in fewer baskets than `min_count` cannot be in a frequent pair (the apriori property, Agrawal and
    Srikant 1994), so it leaves before the product. The product is cut into blocks of rows of XᵀX, and block
    [i, j) multiplies with the columns from i on only, which halves the work. Threads help, as scipy's product
    frees the interpreter; each holds at most about `block_bytes` at a time.
    """
    if min_count < 1:
        raise ValueError(f"min_count is {min_count}, wanted at least 1")
    matrix = binary(baskets)
    item_counts = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)
    kept = np.flatnonzero(item_counts >= min_count).astype(np.int32)
    columns = _only(matrix, kept)
    blocks = _blocks(columns, threads=threads, max_cells=max(1, block_bytes // BYTES_PER_CELL))
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(lambda block: _pairs_of_block(columns, block, min_count), blocks))
    a, b, count = (
        np.concatenate([part[i] for part in parts]) if parts else np.zeros(0, np.int32) for i in range(3)
    )
    order = np.argsort(a.astype(np.int64) * len(kept) + b)
    return PairCounts(
        a=kept[a[order]],
        b=kept[b[order]],
        count=count[order].astype(np.int64),
        item_counts=item_counts,
        baskets=matrix.shape[0],
        min_count=min_count,
    )


def _only(matrix: csr_matrix, kept: NDArray[np.int32]) -> csc_matrix:
    """The kept columns of a canonical matrix, renumbered from 0, as CSC; baskets left with one item leave."""
    new_position = np.full(matrix.shape[1], -1, dtype=np.int32)
    new_position[kept] = np.arange(len(kept), dtype=np.int32)
    item = new_position[matrix.indices]
    inside = item >= 0
    before = np.zeros(matrix.nnz + 1, dtype=np.int64)
    np.cumsum(inside, out=before[1:])
    starts = before[matrix.indptr]
    lengths = np.diff(starts)
    pairable = lengths > 1
    inside &= np.repeat(pairable, np.diff(matrix.indptr))
    indptr = np.concatenate(([0], np.cumsum(lengths[pairable])))
    ones = np.ones(int(indptr[-1]), dtype=np.int32)
    return csr_matrix((ones, item[inside], indptr), shape=(len(indptr) - 1, len(kept))).tocsc()


def _blocks(columns: csc_matrix, *, threads: int, max_cells: int) -> Iterator[tuple[int, int]]:
    """Ranges of items whose part of the upper triangle has at most `max_cells` cells, even in work.

    A single item is never split; its row has at most as many cells as there are items.
    """
    items = columns.shape[1]
    if items < 2:
        return
    rows = columns.tocsr()
    lengths = np.diff(rows.indptr)
    after = (
        np.repeat(rows.indptr[1:], lengths) - 1 - np.arange(rows.nnz)
    )  # items after this one in its basket
    work = np.bincount(rows.indices, weights=after, minlength=items)
    cells = np.minimum(work, items - 1 - np.arange(items))
    wanted = max(np.ceil(cells.sum() / max_cells), min(4 * threads, items))
    load = np.cumsum(np.maximum(cells / max(cells.sum(), 1), work / max(work.sum(), 1)))
    edges = np.searchsorted(load, np.linspace(0, load[-1], int(wanted) + 1)[1:-1])
    edges = np.unique(np.concatenate(([0], edges, [items])))
    yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def _pairs_of_block(
    columns: csc_matrix, block: tuple[int, int], min_count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    first, last = block
    product = columns[:, first:last].T.tocsr() @ columns[:, first:].tocsr()
    cells = np.flatnonzero(product.data >= min_count)
    a = np.searchsorted(product.indptr, cells, side="right").astype(np.int32) - 1
    b = product.indices[cells]
    upper = b > a
    return a[upper] + np.int32(first), b[upper] + np.int32(first), product.data[cells[upper]]
