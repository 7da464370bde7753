"""Bought together: one product hidden from each of 8,000 held-out baskets; is it among the first ten?

The shops' held-out baskets are their latest, and everything is learned from the days before. Other data (`--data`,
files with the columns basket and item) know no days: their held-out baskets are drawn at random.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.sparse import csr_matrix, diags

from benchmarks.basket_data import encoded, shop_of_file
from benchmarks.errors import BenchmarkError
from benchmarks.quality_shops import Facts, Shops
from precision.engine.backends.local import LocalEngine
from precision.shop.columns import DAY, ORDER, PRODUCT, RETURNED
from recommender.candidates.lists import to_sparse
from recommender.evaluation.compare import paired_bootstrap
from recommender.methods.together import above_chance, together

BASKETS = 8_000
SHOWN = 10
MOST_ITEMS = 1_000
"""Larger baskets teach nothing, as in the job."""
MOST_SHARE = 0.2
"""Of the baskets of a file are held out at most."""
SEED = 42
WIDTH = 120  # characters that the table needs, where the output is no terminal
SAMPLES = 2_000
BLOCK_ROWS = 256
OURS = "ours"
COMPARED = ("confidence sum", "cosine", "popularity")
"""What ours has to be above; raw lift is shown too."""


@dataclass(frozen=True)
class Hidden:
    """Baskets to learn from, and what is left of held-out ones after one product of each was hidden."""

    learned: csr_matrix  # (baskets, products), 1 where the basket holds the product
    ages: NDArray[np.int64] | None  # days before the first held-out day; None: not told
    asked: csr_matrix  # (held-out baskets, products)
    wanted: NDArray[np.int64]  # (held-out baskets,) the hidden product of each

    @cached_property
    def pairs(self) -> csr_matrix:
        """In how many baskets each two different products stand together."""
        found = csr_matrix(self.learned.T @ self.learned)
        found.setdiag(0)
        found.eliminate_zeros()
        return found

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """In how many baskets each product stands; 1 for those in none, of which nothing is known."""
        return np.asarray(np.maximum(self.learned.sum(axis=0), 1.0), dtype=np.float64).ravel()

    def rule(self, *, from_power: float, to_power: float) -> csr_matrix:
        """Return the pair counts, each divided by powers of the counts of its two products."""
        return csr_matrix(diags(self.counts**-from_power) @ self.pairs @ diags(self.counts**-to_power))


def run(shops: Shops) -> dict[str, Any]:
    """Print the table and return the hit rates of each shop or file."""
    if shops.baskets:
        given = {path.stem: hidden_of_file(path) for path in shops.baskets}
    else:
        given = {facts.key: hidden_of_shop(facts) for facts in (shops.gifts, shops.grocer)}
    table = Table(
        title=f"Bought together: hit rate of the first {SHOWN}",
        caption="one product hidden from each held-out basket; intervals of 95 %, paired bootstrap over baskets",
    )
    for name in ("data", "baskets", "score", "hit rate", "ratio of ours", "ours above it", "goal"):
        table.add_column(name, justify="left" if name in ("data", "score") else "right")
    found: dict[str, Any] = {"shown": SHOWN}
    for name, hidden in given.items():
        found[name] = measured(hidden)
        _rows(table, name, found[name])
    Console(width=max(WIDTH, Console().width)).print(table)
    return found


def measured(hidden: Hidden) -> dict[str, Any]:
    """Return the hit rate of each score, and how far ours is above each other."""
    rng = np.random.default_rng(SEED)
    found = {name: hits(hidden, make(hidden)) for name, make in SCORES.items()}
    rates = {name: float(each.mean()) for name, each in found.items()}
    against = {}
    for name in SCORES:
        if name == OURS:
            continue
        difference = paired_bootstrap(found[OURS], found[name], rng=rng, samples=SAMPLES)
        against[name] = {
            "ratio": rates[OURS] / rates[name] if rates[name] else None, "difference": difference.difference,
            "low": difference.low, "high": difference.high, "excludes_0": difference.a_wins,
        }  # fmt: skip
    return {
        "baskets": len(hidden.wanted), "hit_rate": rates, "ours_above": against,
        "reached": all(against[name]["excludes_0"] for name in COMPARED),
    }  # fmt: skip


def hits(hidden: Hidden, scores: csr_matrix | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 for each held-out basket whose hidden product is among the first SHOWN, else 0.

    `scores` is (products, products): a basket's score of a product is the sum over what it holds; or (products,), the
    same for all. What the basket holds is not shown. Of equal scores the hidden product comes last; 0 is no score.
    """
    made = np.zeros(len(hidden.wanted))
    for start in range(0, len(made), BLOCK_ROWS):
        asked = hidden.asked[start : start + BLOCK_ROWS]
        wanted = hidden.wanted[start : start + BLOCK_ROWS]
        if isinstance(scores, np.ndarray):
            table = np.tile(scores, (asked.shape[0], 1))
        else:
            table = np.asarray((asked @ scores).todense(), dtype=np.float64)
        table[asked.nonzero()] = 0
        row = np.arange(len(wanted))
        own = table[row, wanted].copy()
        table[row, wanted] = 0
        before = (table >= own[:, None]).sum(axis=1)
        made[start : start + BLOCK_ROWS] = (own > 0) & (before < SHOWN)
    return made


def ours(hidden: Hidden) -> csr_matrix:
    """Return the lists that the job writes, as a matrix: served baskets add them up."""
    engine = LocalEngine()
    counted = engine.pair_counts(hidden.learned.astype(np.int32), min_count=1)
    found = above_chance(together(engine, hidden.learned, ages=hidden.ages), counted)
    return to_sparse(found, columns=hidden.learned.shape[1])


SCORES: Mapping[str, Callable[[Hidden], csr_matrix | NDArray[np.float64]]] = {
    OURS: ours,
    "confidence sum": lambda hidden: hidden.rule(from_power=1, to_power=0),
    "cosine": lambda hidden: hidden.rule(from_power=0.5, to_power=0.5),
    "popularity": lambda hidden: np.asarray(hidden.learned.sum(axis=0), dtype=np.float64).ravel(),
    "raw lift": lambda hidden: hidden.rule(from_power=1, to_power=1),
}


def hidden_of_shop(facts: Facts) -> Hidden:
    """Hide a product of BASKETS of the shop's latest baskets, at most half; all that is older is learned from.

    Raises:
        BenchmarkError: there are too few baskets, or all of one day.
    """
    lines = (
        facts.frame("lines")
        .filter(
            ~pl.col(RETURNED).fill_null(value=False), pl.col(PRODUCT).is_not_null(), pl.col(DAY) < facts.day
        )
        .group_by(ORDER, PRODUCT)
        .agg(pl.col(DAY).min())
        .collect()
    )
    orders = lines.group_by(ORDER).agg(pl.col(DAY).min(), pl.len().alias("items")).sort(DAY, ORDER)
    usable = orders.filter(pl.col("items") >= 2)
    most = min(BASKETS, usable.height // 2)
    if not most:
        raise BenchmarkError(f"{facts.key} has {usable.height} baskets of two and more products; wanted many")
    cut = usable.tail(most)[DAY][0]
    before, after = orders.filter(pl.col(DAY) < cut), usable.filter(pl.col(DAY) >= cut)
    if before.is_empty():
        raise BenchmarkError(
            f"all baskets of {facts.key} are of day {cut} or later; wanted some to learn from"
        )
    return _hidden(lines, before, after[ORDER].to_numpy(), cut=cut)


def hidden_of_file(path: Path) -> Hidden:
    """Hide a product of BASKETS baskets of a file, at most MOST_SHARE of them, drawn at random.

    Raises:
        BenchmarkError: the file cannot be read or has no basket of two products.
    """
    lines = encoded(shop_of_file(path, min_count=None), scale=1.0)
    orders = lines.group_by(ORDER).agg(pl.len().alias("items")).sort(ORDER)
    usable = orders.filter(pl.col("items") >= 2)[ORDER].to_numpy()
    most = min(BASKETS, int(len(usable) * MOST_SHARE))
    if not most:
        raise BenchmarkError(f"{path} has {len(usable)} baskets of two and more products; wanted at least 5")
    drawn = np.sort(np.random.default_rng(SEED).choice(usable, size=most, replace=False))
    return _hidden(lines, orders.filter(~pl.col(ORDER).is_in(drawn.tolist())), drawn, cut=None)


def _hidden(
    lines: pl.DataFrame, before: pl.DataFrame, after: NDArray[np.int64], *, cut: int | None
) -> Hidden:
    rng = np.random.default_rng(SEED)
    held_out = np.sort(after if len(after) <= BASKETS else rng.choice(after, size=BASKETS, replace=False))
    products = np.unique(lines[PRODUCT].to_numpy())
    before = before.filter(pl.col("items") <= MOST_ITEMS).sort(ORDER)
    asked = _matrix(lines, held_out, products)
    place = asked.indptr[:-1] + (rng.random(len(held_out)) * np.diff(asked.indptr)).astype(np.int64)
    wanted = asked.indices[place].astype(np.int64)
    asked.data[place] = 0
    asked.eliminate_zeros()
    ages = None if cut is None else (cut - before[DAY].to_numpy()).astype(np.int64)
    return Hidden(
        learned=_matrix(lines, before[ORDER].to_numpy(), products), ages=ages, asked=asked, wanted=wanted
    )


def _matrix(lines: pl.DataFrame, orders: NDArray[np.int64], products: NDArray[np.int64]) -> csr_matrix:
    """Return the baskets of `orders` (ascending), columns in order of `products`."""
    chosen = lines.filter(pl.col(ORDER).is_in(orders.tolist()))
    row = np.searchsorted(orders, chosen[ORDER].to_numpy())
    column = np.searchsorted(products, chosen[PRODUCT].to_numpy())
    made = csr_matrix((np.ones(len(row)), (row, column)), shape=(len(orders), len(products)))
    made.sort_indices()
    return made


def _rows(table: Table, name: str, figures: dict[str, Any]) -> None:
    """Add the scores of one data set, best first."""
    for score, rate in sorted(figures["hit_rate"].items(), key=lambda item: -item[1]):
        each = figures["ours_above"].get(score)
        told = ["", "", ""]
        if each is not None:
            interval = f"{each['difference']:+.4f} ({each['low']:+.4f} to {each['high']:+.4f})"
            ratio = "–" if each["ratio"] is None else f"{each['ratio']:.2f} ×"
            goal = f"above 0 {'reached' if each['excludes_0'] else 'missed'}" if score in COMPARED else ""
            told = [ratio, interval, goal]
        table.add_row(name, f"{figures['baskets']:,}", score, f"{rate:.4f}", *told)
