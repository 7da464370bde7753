"""What products are called and who makes them, as arrays: words of titles weighed by how rare they are.

The weights are TF-IDF (Salton and Buckley 1988): ln(products / products with the word), each word once a title, and
each row of length 1. Titles and brands are those of today: the past is not kept.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from precision.shop.columns import PRODUCT
from recommender.interactions import positions

WORD = re.compile(r"[^\W_]{2,}")
MOST_WORDS = 20  # of one title; what comes later says little
LEAST_PRODUCTS = 2  # a word of one product says nothing about another
MOST_VOCABULARY = 20_000  # the words of most products: bounds memory in a catalogue of millions
NO_BRAND = -1


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a platform calls its products; the three run in step."""

    ids: NDArray[np.int64]  # inner ids
    titles: Sequence[str | None]
    brands: Sequence[str | None]


def of_frame(frame: pl.DataFrame) -> Catalogue:
    """The catalogue of rows (PRODUCT, title, brand)."""
    return Catalogue(
        ids=frame[PRODUCT].cast(pl.Int64).to_numpy(), titles=frame["title"].to_list(),
        brands=frame["brand"].to_list(),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Descriptions:
    """Words and brands of the products of a history, in its order."""

    words: csr_matrix  # (products, words) float32
    brands: NDArray[np.int64]  # (products,) number of the brand, NO_BRAND where none is told


def describe(products: NDArray[np.int64], catalogue: Catalogue) -> Descriptions:
    """The words and brands of `products` (ascending ids); none for those that the catalogue does not have."""
    place, known = positions(catalogue.ids, products)
    words: dict[str, int] = {}
    rows, columns = [], []
    maker: dict[str, int] = {}
    brand = np.full(len(products), NO_BRAND, dtype=np.int64)
    for at in np.flatnonzero(known).tolist():
        told = WORD.findall((catalogue.titles[at] or "").lower())[:MOST_WORDS]
        for word in dict.fromkeys(told):
            rows.append(place[at])
            columns.append(words.setdefault(word, len(words)))
        if name := (catalogue.brands[at] or "").strip():
            brand[place[at]] = maker.setdefault(name, len(maker))
    ones = np.ones(len(rows), dtype=np.float32)
    counts = csr_matrix((ones, (rows, columns)), shape=(len(products), len(words)))
    return Descriptions(words=_weighed(counts), brands=brand)


def _weighed(counts: csr_matrix) -> csr_matrix:
    """The TF-IDF rows of length 1 of a (products, words) matrix of ones."""
    held = np.bincount(counts.indices, minlength=counts.shape[1])
    common = np.argsort(-held, kind="stable")[:MOST_VOCABULARY]
    kept = np.sort(common[held[common] >= LEAST_PRODUCTS])
    rarity = np.log(max(counts.shape[0], 1) / np.maximum(held[kept], 1))
    weighed = csr_matrix(counts[:, kept] @ diags(rarity, shape=(len(kept), len(kept))))
    length = np.sqrt(np.asarray(weighed.multiply(weighed).sum(axis=1), dtype=np.float64).ravel())
    scale = np.divide(1, length, out=np.zeros_like(length), where=length > 0)
    made = csr_matrix(diags(scale, shape=(len(length), len(length))) @ weighed, dtype=np.float32)
    made.sort_indices()
    return made
