"""The best entries of each row of a sparse table of scores."""

import numpy as np
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, TopItems

_LOW_BITS = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def best_per_row(scores: csr_matrix, *, k: int) -> TopItems:
    """The k columns with the highest score of each row, best first; equal scores in order of column.

    `scores` (rows, columns) must hold positive finite values only: an absent entry is no candidate.
    """
    rows = scores.shape[0]
    items = np.full((rows, k), NOBODY, dtype=np.int32)
    best = np.zeros((rows, k), dtype=np.float32)
    lengths = np.diff(scores.indptr)
    if scores.nnz:
        # One sort of 64-bit keys (row, falling score) is several times faster than a sort by three keys.
        # Positive floats are in the order of their bits, so the bits' complement falls as the score rises.
        data = scores.data.astype(np.float32, copy=False)
        row = np.repeat(np.arange(rows, dtype=np.uint64), lengths)
        keys = (row << _HALF) | (_LOW_BITS - data.view(np.uint32))
        last_kept = scores.indptr[:-1] + np.minimum(lengths, k) - 1
        filled = lengths > 0
        cut = np.zeros(rows, dtype=np.uint64)
        cut[filled] = np.sort(keys)[last_kept[filled]]
        # Entries that tie with the k-th are all kept here; the small sort below decides among them.
        kept = np.flatnonzero(keys <= np.repeat(cut, lengths))
        kept = kept[np.lexsort((scores.indices[kept], keys[kept]))]
        row_kept = row[kept].astype(np.int64)
        starts = np.searchsorted(row_kept, np.arange(rows))
        position = np.arange(len(kept)) - starts[row_kept]
        inside = position < k
        where = (row_kept[inside], position[inside])
        items[where] = scores.indices[kept[inside]]
        best[where] = data[kept[inside]]
    return TopItems(items=items, scores=best)
