"""How near a customer is to each candidate: to its category, brand and words, to what resembles it, to its price."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from recommender.candidates.item_item import strongest
from recommender.candidates.lists import to_sparse
from recommender.candidates.personal import Sources
from recommender.interactions import positions
from recommender.ranking.descriptions import Descriptions
from recommender.ranking.pairs import Floats, Pairs

HALF_LIVES = (20.0, 180.0)
RECENT_HALF_LIFE = 10.0
RECENT_ITEMS = 100
WORDS_ITEMS = 200
BLOCK_CELLS = 8_000_000  # of dense tables of customers × words held at once


@dataclass(frozen=True, slots=True)
class Nearness:
    """Everything that needs to be made once a day; matrices have the customers of the history in their rows."""

    categories: NDArray[np.int64]  # (products,) group number of each product, the last for none
    by_category: dict[float, csr_matrix]  # half-life → (customers, categories) decayed purchases
    category_since: csr_matrix  # (customers, categories) days since the last purchase
    brands: NDArray[np.int64]
    by_brand: dict[float, csr_matrix]
    words: csr_matrix  # (products, words)
    by_word: dict[float, csr_matrix]  # half-life → (customers, words), per purchase
    similarity: csr_matrix  # (products, products), neighbours of each
    recent: csr_matrix  # (customers, products) purchases of the last days
    total: dict[float, NDArray[np.float64]]  # half-life → (customers,) decayed purchases


def prepare(sources: Sources, described: Descriptions) -> Nearness:
    """The tables of all customers as of the day of the sources."""
    history = sources.history
    categories, by_category = _groups(sources.categories)
    brands, by_brand = _groups(described.brands)
    decayed = {days: history.matrix(half_life_days=days) for days in HALF_LIVES}
    total = {days: np.asarray(matrix.sum(axis=1)).ravel() for days, matrix in decayed.items()}
    words = {}
    for days, matrix in decayed.items():
        scale = 1 / np.maximum(total[days], 1e-9)
        size = len(scale)
        profile = diags(scale, shape=(size, size)) @ strongest(matrix, n=WORDS_ITEMS)
        words[days] = csr_matrix(profile @ described.words, dtype=np.float32)
    return Nearness(
        categories=categories,
        by_category={days: csr_matrix(matrix @ by_category) for days, matrix in decayed.items()},
        category_since=_since(sources, categories, by_category.shape[1]),
        brands=brands,
        by_brand={days: csr_matrix(matrix @ by_brand) for days, matrix in decayed.items()},
        words=described.words,
        by_word=words,
        similarity=to_sparse(sources.neighbours, columns=len(history.products)),
        recent=strongest(history.matrix(half_life_days=RECENT_HALF_LIFE), n=RECENT_ITEMS),
        total=total,
    )


def features(near: Nearness, sources: Sources, rows: NDArray[np.int64], pairs: Pairs) -> dict[str, Floats]:
    """NAME → (pairs,) float32 for the customers at `rows` of the history, whose pairs these are."""
    found: dict[str, NDArray[Any]] = {}
    for name, numbers, tables in (
        ("category", near.categories, near.by_category),
        ("brand", near.brands, near.by_brand),
    ):
        for days, table in tables.items():
            value = _of_group(csr_matrix(table[rows]), pairs, numbers)
            found[f"{name} {days:g}"] = value
            found[f"{name} share {days:g}"] = value / np.maximum(near.total[days][rows][pairs.row], 1e-9)
    since = _of_group(csr_matrix(near.category_since[rows]), pairs, near.categories)
    found["category since"] = np.where(since > 0, since, np.nan)
    for days, table in near.by_word.items():
        found[f"words {days:g}"] = _products(csr_matrix(table[rows]), near.words, pairs)
    found["similar recent"] = pairs.values(csr_matrix(near.recent[rows] @ near.similarity))
    found["similar"] = pairs.values(csr_matrix(sources.profiles[rows] @ near.similarity))
    weight = np.asarray(sources.profiles[rows].sum(axis=1)).ravel()
    found["similar mean"] = found["similar"] / np.maximum(weight[pairs.row], 1e-9)
    chosen = sources.factors.rows[rows]
    found["affinity"] = np.einsum("ij,ij->i", chosen[pairs.row], sources.factors.items[pairs.item])
    return {name: np.asarray(values, dtype=np.float32) for name, values in found.items()}


def predicted(sources: Sources, rows: NDArray[np.int64], pairs: Pairs) -> Floats:
    """The score of the linear model (EASE) for each pair, nan for products that take no part in it."""
    found = np.full(len(pairs), np.nan, dtype=np.float32)
    size = len(sources.ease.items)
    if not size:
        return found
    place, known = positions(pairs.item, sources.ease.items)
    starts = np.concatenate(([0], np.cumsum(pairs.lengths)))
    step = max(1, BLOCK_CELLS // size)
    for first in range(0, pairs.rows, step):
        last = min(first + step, pairs.rows)
        block = np.arange(starts[first], starts[last])
        block = block[known[block]]
        scores = sources.ease.scores(csr_matrix(sources.ease_profiles[rows[first:last]]))
        found[block] = scores[pairs.row[block] - first, place[block]]
    return found


def _groups(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], csr_matrix]:
    """Numbers from 0, those below 0 a group of their own without members, and the (products, groups) matrix."""
    groups = int(numbers.max(initial=-1)) + 1
    known = np.flatnonzero(numbers >= 0)
    ones = np.ones(len(known), dtype=np.float32)
    belongs = csr_matrix((ones, (known, numbers[known])), shape=(len(numbers), groups + 1))
    return np.where(numbers >= 0, numbers, groups), belongs


def _since(sources: Sources, numbers: NDArray[np.int64], groups: int) -> csr_matrix:
    """Days since each customer last bought of each category."""
    history = sources.history
    key = history.row.astype(np.int64) * groups + numbers[history.column]
    order = np.lexsort((-history.day, key))
    key, day = key[order], history.day[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    days = (history.as_of_day - day[first]).astype(np.float32)
    return csr_matrix((days, (key[first] // groups, key[first] % groups)), shape=(history.shape[0], groups))


def _of_group(table: csr_matrix, pairs: Pairs, numbers: NDArray[np.int64]) -> Floats:
    """The weight of each pair's customer in the group of its product, nan for products without one."""
    if not len(pairs):
        return np.zeros(0, dtype=np.float32)
    number = numbers[pairs.item]
    value = np.asarray(table[pairs.row, number], dtype=np.float32).ravel()
    return np.where(number == table.shape[1] - 1, np.float32(np.nan), value)


def _products(table: csr_matrix, words: csr_matrix, pairs: Pairs) -> Floats:
    """Σ over words of table[row, word] × words[item, word] of each pair, in blocks of customers."""
    found = np.zeros(len(pairs), dtype=np.float32)
    starts = np.concatenate(([0], np.cumsum(pairs.lengths)))
    step = max(1, BLOCK_CELLS // max(table.shape[1], 1))
    for first in range(0, pairs.rows, step):
        last = min(first + step, pairs.rows)
        block = slice(starts[first], starts[last])
        dense = table[first:last].toarray()
        row, item = pairs.row[block] - first, pairs.item[block]
        begins, ends = words.indptr[item], words.indptr[item + 1]
        for word in range(int((ends - begins).max(initial=0))):
            at = begins + word
            holds = np.flatnonzero(at < ends)
            where = at[holds]
            found[block][holds] += dense[row[holds], words.indices[where]] * words.data[where]
    return found
