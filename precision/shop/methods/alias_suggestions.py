"""Which names may mean the same product, by a general rule and without a list of words.

Signals, after the usual ones of record linkage (Christen 2012: “Data Matching”):

- *similar names never bought together*: two names of one platform that share rare words or parts of words,
  while no basket holds both. The score is their similarity times the chance that they would have met, had
  each been bought independently as often as it was: 1 − exp(−n₁·n₂/N) for n₁ and n₂ of N baskets. That two
  goods nobody buys never met says nothing.
- *left over*: once equal names of two catalogues are paired, what is left on both sides may be pairs too.
  It counts only where at least half of the smaller catalogue found its pair, because otherwise these are
  two different shops.
- *shared sales pattern*: names that sell beside the same goods, or in the same weeks, come before others as
  similar (`sales_patterns`).

The similarity of two titles is the mean of two cosines, of their words and of the three-letter parts of
their words, both weighted by rarity, log(1 + titles / titles with it). It knows no meanings.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from precision.shop.methods import sales_patterns

COMMON: Final = 200
"""A word or part that more titles have finds no pairs, it only counts in their similarity: no comparison of
all with all.
"""
NEAREST: Final = 10
"""Most similar titles looked at for each title."""
LEAST_SIMILAR: Final = 0.2
MOST_EQUAL: Final = 3
"""A title that more products of a platform share is a description, not a name."""
FEW: Final = 100
"""So few pairs of left-over names a person can look through, similar or not."""
PAIRED_SHARE: Final = 0.5
MOST_EACH: Final = 3
"""Suggestions for one product, so that one name does not fill the list."""
MOST_CANDIDATES: Final = 5_000
ROWS: Final = 2_000  # titles compared at a time; bounds the memory

_WORD = re.compile(r"\w+")

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Two names, by their index in the catalogue(s), that may mean the same."""

    first: int
    second: int
    score: float
    """0 to 1, for the order of looking at them; no probability."""
    similarity: float
    chance: float | None = None
    """That they would have met in a basket; None for names of two catalogues."""
    pattern: float | None = None
    """How alike they sell, 0 to 1; None: too little was sold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Pairs of titles and their similarity, three arrays of shape (pairs,)."""

    first: Integers
    second: Integers
    similarity: Floats


def never_together(
    titles: Sequence[str],
    *,
    baskets: Integers,
    products: Integers,
    known: Iterable[tuple[int, int]] = (),
    limit: int,
) -> list[Suggestion]:
    """Return up to `limit` pairs of similar names of one catalogue that no basket holds both of, best
    first.

    `baskets` and `products` have shape (lines,): the number of a basket and the index into `titles` of what
    was in it. `known` pairs are left out, in either direction.
    """
    named = _names(titles)
    found = similar([titles[index] for index in named])
    first, second = named[found.first], named[found.second]
    held = _held(baskets, products, titles=len(titles))
    sold = np.asarray(held.sum(axis=0)).ravel()
    chance = -np.expm1(-sold[first] * sold[second] / max(held.shape[0], 1))
    score = found.similarity * chance
    wanted = np.flatnonzero((score > 0) & ~_known(first, second, known))
    order = wanted[np.lexsort((second[wanted], first[wanted], -score[wanted]))][:MOST_CANDIDATES]
    order = np.array([i for i in order if not _met(held, first[i], second[i])], dtype=np.int64)
    pattern = sales_patterns.companions(held, first[order], second[order])
    total = sales_patterns.raised(score[order], pattern)
    suggestions = (
        Suggestion(
            first=int(first[order[place]]),
            second=int(second[order[place]]),
            score=float(total[place]),
            similarity=float(found.similarity[order[place]]),
            chance=float(chance[order[place]]),
            pattern=_known_or_none(pattern[place]),
        )
        for place in np.argsort(-total, kind="stable")
    )
    return _best(suggestions, limit=limit)


def left_over(
    titles: Sequence[str],
    others: Sequence[str],
    *,
    joined: Iterable[tuple[int, int]] = (),
    known: Iterable[tuple[int, int]] = (),
    sales: Callable[[], tuple[Floats, Floats]] | None = None,
    limit: int,
) -> list[Suggestion]:
    """Return up to `limit` pairs of names that two catalogues have left once equal names are paired, most
    similar first.

    `first` of a suggestion is an index into `titles`, `second` into `others`. `joined` are pairs already
    known to be the same: they count as paired; `known` pairs are not suggested. `sales` gives the units sold of
    each catalogue, shapes (titles, weeks) and (others, weeks), of the same weeks; it is called only where needed.
    Empty where less than PAIRED_SHARE of the smaller catalogue found its pair.
    """
    mine, theirs = [normal(title) for title in titles], [normal(title) for title in others]
    joined = list(joined)
    equal = set(mine) & set(theirs)
    left = [i for i, name in enumerate(mine) if name not in equal and i not in {pair[0] for pair in joined}]
    right = [
        i for i, name in enumerate(theirs) if name not in equal and i not in {pair[1] for pair in joined}
    ]
    paired = min(len(titles) - len(left), len(others) - len(right))
    smaller = min(len(titles), len(others))
    if not left or not right or paired < PAIRED_SHARE * smaller:
        return []
    found = similar(
        [titles[index] for index in left],
        [others[index] for index in right],
        every=len(left) * len(right) <= FEW,
    )
    first, second = np.array(left, dtype=np.int64)[found.first], np.array(right, dtype=np.int64)[found.second]
    wanted = np.flatnonzero(~_known(first, second, known, directed=True))
    order = wanted[np.lexsort((second[wanted], first[wanted], -found.similarity[wanted]))]
    pattern = np.full(len(order), np.nan)
    if sales is not None and len(order):
        pattern = sales_patterns.weeks(*sales(), first[order], second[order])
    total = sales_patterns.raised(found.similarity[order], pattern)
    suggestions = (
        Suggestion(
            first=int(first[order[place]]),
            second=int(second[order[place]]),
            score=float(total[place]),
            similarity=float(found.similarity[order[place]]),
            pattern=_known_or_none(pattern[place]),
        )
        for place in np.argsort(-total, kind="stable")
    )
    return _best(suggestions, limit=limit)


def similar(titles: Sequence[str], others: Sequence[str] | None = None, *, every: bool = False) -> Candidates:
    """Return the pairs of titles that are at least LEAST_SIMILAR; with `every`, all pairs.

    Without `others`, pairs within `titles`, the smaller index first. For each title the NEAREST by what is
    rare are looked at.
    """
    within = others is None
    together = [*titles, *(others or ())]
    vectors, counts = _vectors(together)
    mine = vectors[: len(titles)]
    theirs = mine if within else vectors[len(titles) :]
    if every:
        rows, columns = (part.ravel() for part in np.indices((mine.shape[0], theirs.shape[0])))
    else:
        rows, columns = _blocked(mine, theirs, counts)
    if within:
        keep = rows != columns
        rows, columns = np.minimum(rows, columns)[keep], np.maximum(rows, columns)[keep]
        pairs = np.unique(np.stack([rows, columns], axis=1), axis=0)
        rows, columns = pairs[:, 0], pairs[:, 1]
    similarity = np.zeros(len(rows))
    for start in range(0, len(rows), ROWS * NEAREST):
        part = slice(start, start + ROWS * NEAREST)
        similarity[part] = np.asarray(mine[rows[part]].multiply(theirs[columns[part]]).sum(axis=1)).ravel()
    keep = np.full(len(rows), fill_value=True) if every else similarity >= LEAST_SIMILAR
    return Candidates(
        first=rows[keep].astype(np.int64), second=columns[keep].astype(np.int64), similarity=similarity[keep]
    )


def normal(title: str) -> str:
    """Return the title's words in small letters with one space between them: what makes names equal."""
    return " ".join(_WORD.findall(title.casefold()))


def _known_or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _names(titles: Sequence[str]) -> Integers:
    """Return the indices of the titles that are names."""
    normals = [normal(title) for title in titles]
    counts = Counter(normals)
    return np.array(
        [i for i, name in enumerate(normals) if name and counts[name] <= MOST_EQUAL], dtype=np.int64
    )


def _vectors(titles: Sequence[str]) -> tuple[sparse.csr_matrix, Integers]:
    """Return the weighted features of the titles, shape (titles, features), and how many titles have each
    feature.
    """
    halves = []
    counts = []
    for features in (_words, _parts):
        matrix = _counted([features(title) for title in titles])
        count = np.asarray((matrix > 0).sum(axis=0)).ravel()
        weighted = matrix.multiply(np.log1p(len(titles) / np.maximum(count, 1))).tocsr()
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        scale = sparse.diags(1 / (np.where(length > 0, length, 1) * sqrt(2)))
        halves.append(scale @ weighted)
        counts.append(count)
    return sparse.hstack(halves, format="csr"), np.concatenate(counts).astype(np.int64)


def _words(title: str) -> list[str]:
    return _WORD.findall(title.casefold())


def _parts(title: str) -> list[str]:
    """Return the three-letter parts of the words, their ends marked."""
    marked = (f"^{word}$" for word in _words(title))
    return [word[start : start + 3] for word in marked for start in range(len(word) - 2)]


def _counted(features: Sequence[Sequence[str]]) -> sparse.csr_matrix:
    """Return how often each title has each feature."""
    numbers: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    for row, names in enumerate(features):
        for name in names:
            rows.append(row)
            columns.append(numbers.setdefault(name, len(numbers)))
    ones = np.ones(len(rows))
    return sparse.csr_matrix((ones, (rows, columns)), shape=(len(features), len(numbers)))


def _blocked(
    mine: sparse.csr_matrix, theirs: sparse.csr_matrix, counts: Integers
) -> tuple[Integers, Integers]:
    """Return pairs (row, column) of titles that share something rare: the NEAREST of each row, and itself."""
    rare = sparse.diags((counts <= COMMON).astype(float))
    left, right = (mine @ rare).tocsr(), (theirs @ rare).tocsr().T.tocsr()
    rows: list[Integers] = []
    columns: list[Integers] = []
    for start in range(0, left.shape[0], ROWS):
        block = (left[start : start + ROWS] @ right).tocsr()
        row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        order = np.lexsort((block.indices, -block.data, row))
        rank = np.arange(len(order)) - np.repeat(block.indptr[:-1], np.diff(block.indptr))
        chosen = order[rank <= NEAREST]
        rows.append(row[chosen].astype(np.int64) + start)
        columns.append(block.indices[chosen].astype(np.int64))
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(rows), np.concatenate(columns)


def _held(baskets: Integers, products: Integers, *, titles: int) -> sparse.csc_matrix:
    """Return which basket holds which product, ones in shape (baskets, titles)."""
    _, rows = np.unique(baskets, return_inverse=True)
    held = sparse.csc_matrix(
        (np.ones(len(rows)), (rows, products)), shape=(int(rows.max(initial=-1)) + 1, titles)
    )
    held.data[:] = 1  # lines of one product in one basket were added up
    held.sort_indices()
    return held


def _met(held: sparse.csc_matrix, first: int, second: int) -> bool:
    """Return whether any basket holds both; the fewer baskets are looked up among the more."""
    columns = (held.indices[held.indptr[one] : held.indptr[one + 1]] for one in (first, second))
    few, many = sorted(columns, key=len)
    places = np.searchsorted(many, few)
    return bool((many[np.minimum(places, len(many) - 1)] == few).any())


def _known(
    first: Integers, second: Integers, known: Iterable[tuple[int, int]], *, directed: bool = False
) -> NDArray[np.bool_]:
    """Return which of the pairs are among `known`."""
    pairs = set(known)
    if not directed:
        pairs |= {(b, a) for a, b in pairs}
    return np.array([pair in pairs for pair in zip(first.tolist(), second.tolist(), strict=True)], dtype=bool)


def _best(suggestions: Iterable[Suggestion], *, limit: int) -> list[Suggestion]:
    """Return the first `limit` suggestions, at most MOST_EACH for a name as first and as second of them."""
    firsts: Counter[int] = Counter()
    seconds: Counter[int] = Counter()
    chosen: list[Suggestion] = []
    for one in suggestions:
        if len(chosen) == limit:
            break
        if firsts[one.first] < MOST_EACH and seconds[one.second] < MOST_EACH:
            chosen.append(one)
            firsts[one.first] += 1
            seconds[one.second] += 1
    return chosen
