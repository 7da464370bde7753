"""The six baskets of the golden case, with the tables that must come out of them."""

import narwhals as nw
import numpy as np
import polars as pl

from precision.engine.backends.local import LocalEngine
from precision.engine.results import PairCounts
from precision.shop.columns import ORDER, PRODUCT, RETURNED
from recommender.methods.pairs import Baskets, purchases, to_matrix

BOUGHT = {
    "A": ["day cream", "facial cleanser", "evening cream"],
    "B": ["shampoo", "night cream", "shower gel"],
    "C": ["facial cleanser", "evening cream"],
    "D": ["shampoo", "shower gel", "facial cleanser", "day cream"],
    "E": ["shampoo"],
    "F": ["shampoo", "shower gel"],
}
ALIASES = {"evening cream": "night cream", "day cream": "sun frost"}
PRODUCTS = [
    "facial cleanser",
    "sun frost",
    "night cream",
    "shampoo",
    "shower gel",
]  # in the order of the tables

COUNTS = [
    [3, 2, 2, 1, 1],
    [2, 2, 1, 1, 1],
    [2, 1, 3, 1, 1],
    [1, 1, 1, 4, 3],
    [1, 1, 1, 3, 3],
]
CONFIDENCES = [
    [None, 0.667, 0.667, 0.333, 0.333],
    [1.0, None, 0.5, 0.5, 0.5],
    [0.667, 0.333, None, 0.333, 0.333],
    [0.25, 0.25, 0.25, None, 0.75],
    [0.333, 0.333, 0.333, 1.0, None],
]
RULES = {  # antecedent, consequent: support to three decimals, confidence and lift to four
    ("facial cleanser", "sun frost"): (0.333, 0.6667, 2.0),
    ("sun frost", "facial cleanser"): (0.333, 1.0, 2.0),
    ("facial cleanser", "night cream"): (0.333, 0.6667, 1.3333),
    ("night cream", "facial cleanser"): (0.333, 0.6667, 1.3333),
    ("shampoo", "shower gel"): (0.5, 0.75, 1.5),
    ("shower gel", "shampoo"): (0.5, 1.0, 1.5),
}


def golden_lines(*, seed: int = 0) -> nw.LazyFrame:
    """The order lines of the six baskets in random order; ids are far from positions, aliases applied."""
    rows = [
        (1_000 + order, 70 + 3 * PRODUCTS.index(ALIASES.get(title, title)), False)
        for order, titles in enumerate(BOUGHT.values())
        for title in titles
    ]
    np.random.default_rng(seed).shuffle(rows)
    frame = pl.DataFrame(
        rows, schema={ORDER: pl.Int64, PRODUCT: pl.Int64, RETURNED: pl.Boolean}, orient="row"
    )
    return nw.from_native(frame.lazy())


def golden_pairs(*, min_count: int = 1, seed: int = 0) -> tuple[Baskets, PairCounts]:
    baskets = to_matrix(purchases(golden_lines(seed=seed)))
    return baskets, LocalEngine(threads=1).pair_counts(baskets.matrix, min_count=min_count)
