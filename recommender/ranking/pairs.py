"""The (customer, product) pairs that candidate lists propose, and the best of them again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, TopItems
from recommender.candidates.blend import CONSTANT

Floats = NDArray[np.float32]
BLOCK_CELLS = 8_000_000  # rows × columns written out at once


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs in the order of (row, item), each once."""

    row: NDArray[np.int64]  # position among the customers asked about
    item: NDArray[np.int64]  # column
    rows: int  # customers asked about, also those without a pair
    columns: int  # products there are

    def __len__(self) -> int:
        return len(self.row)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many pairs each customer has, (rows,)."""
        return np.bincount(self.row, minlength=self.rows).astype(np.int64)

    def values(self, matrix: csr_matrix) -> Floats:
        """What a (rows, columns) matrix holds at each pair, 0 where it has no entry."""
        if not len(self):
            return np.zeros(0, dtype=np.float32)
        if len(self) * matrix.nnz <= self.rows**2 * self.columns:
            return np.asarray(matrix[self.row, self.item], dtype=np.float32).ravel()
        found = np.zeros(len(self), dtype=np.float32)
        starts = np.concatenate(([0], np.cumsum(self.lengths)))
        step = max(1, BLOCK_CELLS // max(self.columns, 1))
        for first in range(0, self.rows, step):
            # Of long rows, a row written out answers at once; asked in its sparse form, each pair searches the row.
            pairs = slice(starts[first], starts[min(first + step, self.rows)])
            dense = matrix[first : first + step].toarray()
            found[pairs] = dense[self.row[pairs] - first, self.item[pairs]]
        return found

    def kept(self, which: NDArray[np.bool_]) -> "Pairs":
        """Only the pairs where `which` (pairs,) is True."""
        return Pairs(row=self.row[which], item=self.item[which], rows=self.rows, columns=self.columns)


def of_lists(lists: Mapping[str, TopItems], *, columns: int) -> tuple[Pairs, dict[str, Floats]]:
    """The union of lists of the same customers, and per list NAME the features `rank NAME` and `score NAME`.

    Ranks begin at 0; both are nan where the list does not hold the pair.
    """
    rows = len(next(iter(lists.values())).items) if lists else 0
    keys, ranks, scores = [], [], []
    for found in lists.values():
        row, place = np.nonzero(found.items != NOBODY)
        keys.append(row.astype(np.int64) * columns + found.items[row, place])
        ranks.append(place.astype(np.float32))
        scores.append(found.scores[row, place])
    every = np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)
    pairs, inverse = np.unique(every, return_inverse=True)
    features: dict[str, Floats] = {}
    first = 0
    for name, key, rank, score in zip(lists, keys, ranks, scores, strict=True):
        at = inverse[first : first + len(key)]
        first += len(key)
        features[f"rank {name}"] = _scattered(rank, at, len(pairs))
        features[f"score {name}"] = _scattered(score, at, len(pairs))
    width = max(columns, 1)
    return Pairs(row=pairs // width, item=pairs % width, rows=rows, columns=columns), features


def strongest(
    pairs: Pairs, features: Mapping[str, Floats], *, weights: Mapping[str, float], n: int
) -> NDArray[np.bool_]:
    """Which pairs, (pairs,), are among the n of each customer that the lists speak most for, by reciprocal rank.

    `features` holds `rank NAME` of the lists that have a weight above 0 (see `blend`).
    """
    spoken = np.zeros(len(pairs))
    for name, weight in weights.items():
        if weight > 0 and (rank := features.get(f"rank {name}")) is not None:
            spoken += np.where(np.isnan(rank), 0, weight * CONSTANT / (CONSTANT + rank))
    _, where = best(pairs, spoken, n=n)
    kept = np.zeros(len(pairs), dtype=np.bool_)
    kept[where[where != NOBODY]] = True
    return kept


def best(pairs: Pairs, scores: NDArray[np.floating[Any]], *, n: int) -> tuple[TopItems, NDArray[np.int64]]:
    """The n pairs of each customer with the highest score, and where each stands in `pairs` (-1 for none).

    Equal scores come in order of item. A pair whose score is no finite number is not listed.
    """
    if not (finite := np.isfinite(scores)).all():
        found, at = best(pairs.kept(finite), scores[finite], n=n)
        return found, np.where(at == NOBODY, NOBODY, np.append(np.flatnonzero(finite), NOBODY)[at])
    order = np.lexsort((pairs.item, -scores, pairs.row))
    starts = np.concatenate(([0], np.cumsum(pairs.lengths)))
    place = np.arange(len(pairs)) - starts[pairs.row]  # the order keeps customers where they are
    listed = place < n
    row, at = pairs.row[listed], order[listed]
    where = np.full((pairs.rows, n), NOBODY, dtype=np.int64)
    where[row, place[listed]] = at
    items = np.full((pairs.rows, n), NOBODY, dtype=np.int32)
    values = np.zeros((pairs.rows, n), dtype=np.float32)
    items[row, place[listed]] = pairs.item[at]
    values[row, place[listed]] = scores[at]
    return TopItems(items=items, scores=values), where


def _scattered(values: NDArray[Any], at: NDArray[np.integer[Any]], length: int) -> Floats:
    made = np.full(length, np.nan, dtype=np.float32)
    made[at] = values
    return made
