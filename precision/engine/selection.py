"""The best entries of each row of a sparse table of scores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, TopItems

_LOW_BITS = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_CELLS = 1_000_000
"""Scores laid side by side at once."""


def best_per_row(scores: csr_matrix, *, k: int) -> TopItems:
    """The k columns with the highest score of each row, best first; equal scores in order of column.

    `scores` (rows, columns) must hold positive finite values only: an absent entry is no candidate.
    """
    rows = scores.shape[0]
    items = np.full((rows, k), NOBODY, dtype=np.int32)
    best = np.zeros((rows, k), dtype=np.float32)
    lengths = np.diff(scores.indptr)
    if scores.nnz and k:
        data = scores.data.astype(np.float32, copy=False)
        kept = np.flatnonzero(data >= np.repeat(_kth_highest(data, scores.indptr, k=k), lengths))
        # One sort of 64-bit keys (row, falling score) is several times faster than a sort by three keys.
        # Positive floats are in the order of their bits, so the bits' complement falls as the score rises.
        row = np.repeat(np.arange(rows, dtype=np.uint64), lengths)[kept]
        keys = (row << _HALF) | (_LOW_BITS - data[kept].view(np.uint32))
        order = np.lexsort((scores.indices[kept], keys))
        kept, row = kept[order], row[order].astype(np.int64)
        position = np.arange(len(kept)) - np.searchsorted(row, np.arange(rows))[row]
        inside = position < k
        where = (row[inside], position[inside])
        items[where] = scores.indices[kept[inside]]
        best[where] = data[kept[inside]]
    return TopItems(items=items, scores=best)


def _kth_highest(
    data: NDArray[np.float32], indptr: NDArray[np.signedinteger[Any]], *, k: int
) -> NDArray[np.float32]:
    """The k-th highest score of each row, 0 where a row has no more than k.

    Rows of about the same length are laid side by side and sorted at once. (Partitioning them takes longer: it slows
    down several times where many scores are equal, as those of products bought in the same few baskets are.)
    """
    lengths = np.diff(indptr)
    found = np.zeros(len(lengths), dtype=np.float32)
    long = np.flatnonzero(lengths > k)
    long = long[np.argsort(lengths[long], kind="stable")]
    first = 0
    while first < len(long):
        # The block may be as long as its last row times its rows allows: lengths rise.
        width = lengths[long[first:]].astype(np.int64)
        fits = int(np.searchsorted(width * np.arange(1, len(width) + 1), _CELLS, side="right"))
        block = long[first : first + max(fits, 1)]
        widest = int(lengths[block[-1]])
        cells = np.zeros((len(block), widest), dtype=np.float32)
        filled = np.arange(widest) < lengths[block, None]
        cells[filled] = data[(indptr[block, None] + np.arange(widest))[filled]]
        cells.sort(axis=1)
        found[block] = cells[:, widest - k]
        first += len(block)
    return found
