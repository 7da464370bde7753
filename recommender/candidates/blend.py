"""One ranked list out of several candidate lists, by weighted reciprocal rank.

    score(item) = Σ over sources of weight × constant / (constant + rank), rank 0 for the first

(Cormack, Clarke and Büttcher 2009). Ranks can be compared between sources whose scores cannot; the weights say
how far each source is trusted, and are chosen on earlier weeks (`fit_weights`). An item keeps the name of the
source that spoke most for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, TopItems
from recommender.evaluation.metrics import hits

CONSTANT = 20.0
"""Small: the first ranks of a source count much more than the next. 5 to 60 made no difference on real shops."""

# Chosen on weeks before those that any measure in the documentation was taken on, for both sample shops at once.
NEW_ITEMS: Mapping[str, float] = {
    "popular-7": 0.07, "popular-30": 0.03, "item-item": 0.13, "factors": 0.29, "ease": 0.28, "content": 0.20,
}  # fmt: skip
"""Where only what the customer has not bought may be shown; a start for `fit_weights`."""
ALL_ITEMS: Mapping[str, float] = {"popular-7": 0.10, "item-item": 0.03, "factors": 0.12, "buy-again": 0.75}
"""Where purchases may be repeated."""

STEPS = (0.0, 0.5, 0.75, 1.35, 2.0)
"""What each weight is multiplied by in turn while they are fitted."""
ROUNDS = 2
BLOCK_ROWS = 4096
NO_SOURCE = -1


@dataclass(frozen=True, slots=True)
class Blended:
    """The blended list of each customer, best first; -1 where it is short (score 0, source -1)."""

    items: NDArray[np.int32]  # (customers, n) column positions
    scores: NDArray[np.float32]  # (customers, n)
    sources: NDArray[np.int8]  # (customers, n) position in `names`
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """The union of the lists of each customer, and what each source says of each item."""

    items: NDArray[np.int32]  # (customers, width) ascending, -1 at the end
    parts: NDArray[np.float32]  # (customers, width, sources) constant / (constant + rank), 0 where not listed


def blend(
    lists: Mapping[str, TopItems], *, weights: Mapping[str, float], n: int, constant: float = CONSTANT
) -> Blended:
    """The n items of each row with the highest score; equal scores in order of column.

    Each list is (customers, its own length), the same customers in the same order. A source without a weight,
    or with weight 0, brings no item.

    Raises:
        ValueError: lists of different numbers of customers, no usable source, or a weight below 0.
    """
    names = tuple(name for name in lists if weights.get(name, 0) > 0)
    _check(lists, names, weights, n=n)
    weight = np.array([weights[name] for name in names], dtype=np.float32)
    rows = len(next(iter(lists.values())).items)
    items = np.full((rows, n), NOBODY, dtype=np.int32)
    scores = np.zeros((rows, n), dtype=np.float32)
    sources = np.full((rows, n), NO_SOURCE, dtype=np.int8)
    for block in _blocks(rows):
        pool = _pool([lists[name].items[block] for name in names], constant=constant)
        best, values = _best(pool, weight, n=n)
        listed = np.take_along_axis(pool.items, best, axis=1)
        told = np.take_along_axis(pool.parts, best[:, :, None], axis=1) * weight
        width = best.shape[1]
        items[block, :width] = listed
        scores[block, :width] = np.where(listed == NOBODY, 0, values)
        sources[block, :width] = np.where(listed == NOBODY, NO_SOURCE, told.argmax(axis=2))
    return Blended(items=items, scores=scores, sources=sources, names=names)


def fit_weights(
    lists: Mapping[str, TopItems],
    relevant: csr_matrix,
    *,
    start: Mapping[str, float],
    rng: np.random.Generator,
    n: int = 20,
    customers: int = 1000,
    constant: float = CONSTANT,
) -> dict[str, float]:
    """Weights, summing to 1, that a coordinate search from `start` found best for recall@n of `relevant`.

    `relevant` (customers, products) is what the customers of the lists bought in later weeks: weeks that no
    evaluation of these weights may use again. At most `customers` of them, drawn at random, decide. A step is
    taken only where it gains, so the answer is never worse than `start` on them; `start` itself comes back
    when nobody bought anything.
    """
    names = tuple(name for name in lists if start.get(name, 0) > 0)
    _check(lists, names, start, n=n)
    weight = np.array([start[name] for name in names], dtype=np.float32)
    rows = np.flatnonzero(np.diff(relevant.indptr) > 0)
    if len(rows) > customers:
        rows = np.sort(rng.choice(rows, size=customers, replace=False))
    if len(rows):
        pool = _pool([lists[name].items[rows] for name in names], constant=constant)
        wanted = csr_matrix(relevant[rows])
        found = hits(pool.items, wanted)
        reachable = np.minimum(np.diff(wanted.indptr), n)
        weight = _searched(pool, found, reachable, weight, n=n)
    return {name: float(value) for name, value in zip(names, weight / weight.sum(), strict=True)}


def _searched(
    pool: Pool,
    found: NDArray[np.bool_],
    reachable: NDArray[np.integer],
    weight: NDArray[np.float32],
    *,
    n: int,
) -> NDArray[np.float32]:
    """The weights after `ROUNDS` rounds of trying every step on every weight."""

    def value(candidate: NDArray[np.float32]) -> float:
        best, _ = _best(pool, candidate, n=n)
        return float((np.take_along_axis(found, best, axis=1).sum(axis=1) / reachable).mean())

    highest = value(weight)
    for _ in range(ROUNDS):
        before = highest
        for source in range(len(weight)):
            base = weight.copy()
            for step in STEPS:
                tried = base.copy()
                tried[source] *= step
                if tried.sum() > 0 and (reached := value(tried)) > highest:
                    highest, weight = reached, tried
        if highest == before:
            break
    return weight


def _pool(lists: list[NDArray[np.int32]], *, constant: float) -> Pool:
    """The union of some lists."""
    rows = len(lists[0])
    items = np.concatenate(lists, axis=1)
    origin = np.repeat(np.arange(len(lists)), [part.shape[1] for part in lists])
    rank = np.concatenate([np.arange(part.shape[1]) for part in lists])
    value = (constant / (constant + rank)).astype(np.float32)
    # Unlisted places sort behind every item.
    last = np.iinfo(np.int32).max
    keys = np.where(items == NOBODY, last, items)
    order = np.argsort(keys, axis=1, kind="stable")
    ordered = np.take_along_axis(keys, order, axis=1)
    first = np.ones(ordered.shape, dtype=np.bool_)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    place = np.cumsum(first, axis=1) - 1
    width = int(place.max(initial=0)) + 1
    union = np.full((rows, width), NOBODY, dtype=np.int32)
    parts = np.zeros((rows, width, len(lists)), dtype=np.float32)
    row, column = np.nonzero(ordered != last)
    where = place[row, column]
    came = order[row, column]
    union[row, where] = ordered[row, column]
    parts[row, where, origin[came]] = value[came]
    return Pool(items=union, parts=parts)


def _best(
    pool: Pool, weight: NDArray[np.float32], *, n: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Where the best n of each row stand in the pool, and their scores; unlisted places come last."""
    scores = pool.parts @ weight
    # An item that only sources of weight 0 name has score 0: it comes last too, but is no candidate in `blend`,
    # which leaves such sources out.
    scores[pool.items == NOBODY] = -1
    best = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return best, np.take_along_axis(scores, best, axis=1)


def _check(
    lists: Mapping[str, TopItems], names: tuple[str, ...], weights: Mapping[str, float], *, n: int
) -> None:
    """Refuse what cannot be blended."""
    if n < 1:
        raise ValueError(f"n is {n}, wanted at least 1")
    negative = {name: value for name, value in weights.items() if not value >= 0}
    if negative:
        raise ValueError(f"the weights {negative} are below 0 or not numbers; wanted 0 or more")
    if not names:
        raise ValueError(f"no source of {sorted(lists)} has a weight above 0 among {dict(weights)}")
    rows = {name: len(found.items) for name, found in lists.items()}
    if len(set(rows.values())) > 1:
        raise ValueError(f"the lists have rows {rows}; wanted the same customers in all")


def _blocks(rows: int) -> Iterator[slice]:
    """Blocks of rows, so that the pool of all of them need not stand in memory."""
    for first in range(0, rows, BLOCK_ROWS):
        yield slice(first, first + BLOCK_ROWS)
