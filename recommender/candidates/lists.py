"""Helpers of candidate lists (`TopItems`): the best of a score vector, of sparse scores, of one list for all."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, TopItems
from precision.engine.selection import best_per_row

BLOCK_CELLS = 8_000_000  # rows × items looked at at once


def best_of_sparse(scores: csr_matrix, *, k: int) -> TopItems:
    """The k highest entries of each row that are above 0, best first; equal scores in order of column."""
    matrix = csr_matrix(scores, dtype=np.float32)
    matrix.data = np.where(np.isfinite(matrix.data) & (matrix.data > 0), matrix.data, 0).astype(np.float32)
    matrix.eliminate_zeros()
    return best_per_row(matrix, k=k)


def best_of_dense(scores: NDArray[np.float32], *, k: int) -> TopItems:
    """The k highest finite scores above 0 of each row, best first; equal scores in order of column.

    Where more than k scores tie with the k-th, which of them are listed is not promised.
    """
    rows, columns = scores.shape
    width = min(k, columns)
    items = np.full((rows, k), NOBODY, dtype=np.int32)
    values = np.zeros((rows, k), dtype=np.float32)
    if not width:
        return TopItems(items=items, scores=values)
    usable = np.where(np.isfinite(scores), scores, 0)
    best = np.sort(np.argpartition(-usable, width - 1, axis=1)[:, :width], axis=1)
    found = np.take_along_axis(usable, best, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    best, found = np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)
    items[:, :width] = np.where(found > 0, best, NOBODY)
    values[:, :width] = np.where(found > 0, found, 0)
    return TopItems(items=items, scores=values)


def same_for_all(scores: NDArray[np.floating[Any]], *, rows: int, k: int) -> TopItems:
    """The k best of one score vector (items,), the same list in each of `rows` rows; finite scores above 0 only."""
    scores = np.where(np.isfinite(scores), scores, 0)
    best = np.lexsort((np.arange(len(scores)), -scores))[:k]
    best = best[scores[best] > 0]
    items = np.full((rows, k), NOBODY, dtype=np.int32)
    values = np.zeros((rows, k), dtype=np.float32)
    items[:, : len(best)] = best
    values[:, : len(best)] = scores[best]
    return TopItems(items=items, scores=values)


def free_of_one(
    scores: NDArray[np.floating[Any]], *, rows: int, k: int, exclude: csr_matrix | None = None
) -> TopItems:
    """`same_for_all`, but each row without what `exclude` (rows, items) has an entry for; full where enough is left."""
    if exclude is None:
        return same_for_all(scores, rows=rows, k=k)
    longest = int(np.diff(exclude.indptr).max(initial=0))
    best = same_for_all(scores, rows=1, k=min(k + longest, len(scores)))
    listed = best.items[0][best.items[0] != NOBODY]
    values = best.scores[0][: len(listed)]
    place = np.full(len(scores), NOBODY, dtype=np.int64)
    place[listed] = np.arange(len(listed))
    items = np.full((rows, k), NOBODY, dtype=np.int32)
    found = np.zeros((rows, k), dtype=np.float32)
    step = max(1, BLOCK_CELLS // max(len(listed), 1))
    for first in range(0, rows, step):
        block = csr_matrix(exclude[first : first + step])
        free = np.ones((block.shape[0], len(listed)), dtype=np.bool_)
        held = place[block.indices]
        owner = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        free[owner[held != NOBODY], held[held != NOBODY]] = False
        rank = np.cumsum(free, axis=1) - 1
        row, column = np.nonzero(free & (rank < k))
        items[row + first, rank[row, column]] = listed[column]
        found[row + first, rank[row, column]] = values[column]
    return TopItems(items=items, scores=found)


def to_sparse(lists: TopItems, *, columns: int) -> csr_matrix:
    """A (rows, columns) float32 matrix of the scores of listed items."""
    rows, places = np.nonzero(lists.items != NOBODY)
    matrix = csr_matrix(
        (lists.scores[rows, places], (rows, lists.items[rows, places])), shape=(len(lists.items), columns)
    )
    matrix.sort_indices()
    return matrix


def without(scores: csr_matrix, excluded: csr_matrix) -> csr_matrix:
    """`scores` without the entries where `excluded`, of the same shape, has one."""
    if scores.shape != excluded.shape:
        raise ValueError(
            f"excluded is {excluded.shape}, wanted the shape of the scores, {scores.shape}: the same rows"
        )
    held = excluded.astype(bool).astype(np.float32)
    # Above any real score, so that what is held turns negative and nothing else does.
    highest = float(scores.data.max(initial=0)) + 1
    left = (scores - held * highest).tocsr()
    left.data[left.data < 0] = 0
    left.eliminate_zeros()
    return left


def followed(lists: TopItems, rest: TopItems) -> TopItems:
    """`lists` with the items of `rest` (as many rows) behind their own where there is room, none twice.

    The scores of what follows are scaled to stay below the last of the list: multiplied by it over their highest.
    """
    rows, width = lists.items.shape
    items, scores = lists.items.copy(), lists.scores.copy()
    step = max(1, BLOCK_CELLS // max(width * rest.items.shape[1], 1))
    for first in range(0, rows, step):
        block = slice(first, first + step)
        own, more = lists.items[block], rest.items[block]
        more = np.where((more[:, :, None] == own[:, None, :]).any(axis=2), NOBODY, more)
        last = np.where(own == NOBODY, np.inf, lists.scores[block]).min(axis=1, initial=np.inf)
        highest = rest.scores[block].max(axis=1, initial=0)
        scale = np.where(np.isfinite(last), last / np.maximum(highest, np.finfo(np.float32).tiny), 1)
        joined = np.concatenate([own, more], axis=1)
        values = np.concatenate([lists.scores[block], rest.scores[block] * scale[:, None]], axis=1)
        order = np.argsort(joined == NOBODY, axis=1, kind="stable")[:, :width]
        items[block] = np.take_along_axis(joined, order, axis=1)
        values = np.take_along_axis(values, order, axis=1)
        scores[block] = np.where(items[block] == NOBODY, 0, values)
    return TopItems(items=items, scores=scores)
