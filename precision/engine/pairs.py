"""The upper triangle of XᵀX of a sparse basket matrix, in blocks that fit in memory."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix

from precision.engine.results import PairCounts

BYTES_PER_CELL = 16  # of a block: value and column of the product (4 + 4), masks and copies while it is cut
CUT_COST = 2.0  # of one entry of the tail of a block, in multiplications
WORTH_PRUNING = 0.02  # of the entries; where fewer would leave, the cut costs more than it saves
SMALL_WORK = 5_000_000  # multiplications; below, threads cost more than they bring


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
    [i, j) multiplies with the columns from i on only, which saves up to half the work. Threads help, as the
    product of scipy frees the interpreter; each holds at most about `block_bytes` at a time.
    """
    if min_count < 1:
        raise ValueError(f"min_count is {min_count}, wanted at least 1")
    matrix = binary(baskets)
    item_counts = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)
    frequent = item_counts >= min_count
    if item_counts[~frequent].sum() < WORTH_PRUNING * matrix.nnz:
        frequent[:] = True
    kept = np.flatnonzero(frequent).astype(np.int32)
    rows = matrix if len(kept) == len(frequent) else matrix[:, kept]
    columns = rows.tocsc()
    blocks = _blocks(columns, threads=threads, max_cells=max(1, block_bytes // BYTES_PER_CELL))
    if len(blocks) > 1 and threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(lambda block: _pairs_of_block(rows, columns, block, min_count), blocks))
    else:
        parts = [_pairs_of_block(rows, columns, block, min_count) for block in blocks]
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


def _blocks(columns: csc_matrix, *, threads: int, max_cells: int) -> list[tuple[int, int]]:
    """Ranges of items whose part of the upper triangle has at most `max_cells` cells, about even in work.

    A single item is never split; its row has at most as many cells as there are items.
    """
    items = columns.shape[1]
    if items < 2:
        return []
    sizes = np.bincount(columns.indices, minlength=columns.shape[0]).astype(np.float64)
    whole = columns.T @ sizes  # multiplications of the item's row of the whole product
    total = whole.sum()
    cells = np.minimum(whole, items - 1 - np.arange(items))
    # The work above the diagonal, as if the items before this one had their share of every basket.
    seen = np.cumsum(np.diff(columns.indptr)) / max(columns.nnz, 1)
    load = np.cumsum(np.maximum(whole * (1 - seen) / max(total, 1) * 2, cells / max(cells.sum(), 1)))
    fitting = int(np.ceil(load[-1] * cells.sum() / max_cells))
    # More blocks come closer to half the work, but each cuts its own tail of the matrix: b blocks cost
    # about total (1 + 1/b) / 2 + CUT_COST b entries / 2, least at the root below.
    cheapest = int(np.sqrt(total / (CUT_COST * max(columns.nnz, 1))))
    wanted = max(fitting, cheapest, threads) if total > SMALL_WORK else max(fitting, 1)
    edges = np.searchsorted(load, np.linspace(0, load[-1], wanted + 1)[1:-1])
    edges = np.unique(np.concatenate(([0], edges, [items])))
    return list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))


def _pairs_of_block(
    rows: csr_matrix, columns: csc_matrix, block: tuple[int, int], min_count: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    first, last = block
    tail = rows if first == 0 else columns[:, first:].tocsr()
    product = columns[:, first:last].T @ tail
    cells = np.flatnonzero(product.data >= min_count)
    a = np.searchsorted(product.indptr, cells, side="right").astype(np.int32) - 1
    b = product.indices[cells]
    upper = b > a
    return a[upper] + np.int32(first), b[upper] + np.int32(first), product.data[cells[upper]]
