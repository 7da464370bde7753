"""Held-out time: what was known before a day, and what was bought after it."""

from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.shop.columns import CUSTOMER, DAY, PRODUCT
from recommender.interactions import History, positions, purchase_days


@dataclass(frozen=True, slots=True)
class Split:
    """One cut through time for everybody (a global time split): nothing of the test is in the training.

    A split for each customer would let a model see the fashions of the test weeks in other customers' rows.
    """

    train: nw.LazyFrame[Any]  # lines before `cut_day`
    test: nw.LazyFrame[Any]  # lines of [cut_day, as_of_day)
    cut_day: int
    as_of_day: int


def by_time(lines: nw.LazyFrame[Any], *, as_of_day: int, days: int = 30) -> Split:
    """The split that holds out the last `days` local days before `as_of_day`.

    Raises:
        ValueError: `days` is below 1.
    """
    if days < 1:
        raise ValueError(f"days is {days}, wanted at least 1 held-out day")
    cut_day = as_of_day - days
    return Split(
        train=lines.filter(nw.col(DAY) < cut_day),
        test=lines.filter(nw.col(DAY) >= cut_day, nw.col(DAY) < as_of_day),
        cut_day=cut_day,
        as_of_day=as_of_day,
    )


def folds(
    lines: nw.LazyFrame[Any], *, as_of_day: int, days: int = 30, count: int = 3, step: int | None = None
) -> list[Split]:
    """Return `count` splits of `days` held-out days each, the latest first, each `step` days before the last.

    Without `step` the held-out days of the folds do not overlap. Each fold is a world of its own: its training ends
    where its test begins, and nothing after its test exists.

    Raises:
        ValueError: `days`, `count` or `step` is below 1.
    """
    apart = days if step is None else step
    if count < 1 or apart < 1:
        raise ValueError(f"count is {count}, step {apart}; wanted at least 1 fold and 1 day between folds")
    return [by_time(lines, as_of_day=as_of_day - fold * apart, days=days) for fold in range(count)]


@dataclass(frozen=True, slots=True)
class Truth:
    """What customers with a history bought in the held-out days."""

    relevant: csr_matrix  # (customers, products + unseen) float32, 1 where bought
    rows: NDArray[np.int64]  # row of the training history of each customer here
    newcomers: int  # customers of the test without a history, left out: nothing personal can be said of them
    unseen: int  # products of the test that the training does not have: columns after those of the history

    def new_only(self, bought: csr_matrix) -> csr_matrix:
        """The relevant items that the customer had not bought in training (`bought` as `History.matrix`)."""
        held = csr_matrix(bought[self.rows])
        held.resize(self.relevant.shape)
        repeated = self.relevant.multiply(held.astype(bool))
        fresh: csr_matrix = csr_matrix(self.relevant - repeated)
        fresh.eliminate_zeros()
        return fresh


JUDGES_SEED = 20_104


def judges(found: Truth, split: Split, *, most: int) -> Truth:
    """At most `most` customers, drawn at random: the same whoever judges on the same days."""
    return sampled(found, most=most, rng=np.random.default_rng([JUDGES_SEED, split.cut_day]))


def sampled(found: Truth, *, most: int, rng: np.random.Generator) -> Truth:
    """Return at most `most` of the customers of a truth, drawn at random, in order of row."""
    if len(found.rows) <= most:
        return found
    kept = np.sort(rng.choice(len(found.rows), size=most, replace=False))
    return replace(found, relevant=csr_matrix(found.relevant[kept]), rows=found.rows[kept])


def truth(split: Split, history: History) -> Truth:
    """The purchases of the test, net of what was returned in it, in the numbering of the training `history`.

    Products that were never sold in training stay relevant, in columns of their own: no model can hit them,
    and leaving them out would flatter all.
    """
    table = purchase_days(split.test, as_of_day=split.as_of_day).select(CUSTOMER, PRODUCT).unique().collect()
    customer, product = (table.get_column(name).to_numpy() for name in (CUSTOMER, PRODUCT))
    row, known = positions(customer, history.customers)
    newcomers = len(np.unique(customer[~known]))
    row, product = row[known], product[known]
    column, seen = positions(product, history.products)
    fresh, place = np.unique(product[~seen], return_inverse=True)
    column = column.copy()
    column[~seen] = len(history.products) + place
    rows, position = np.unique(row, return_inverse=True)
    relevant = csr_matrix(
        (np.ones(len(row), dtype=np.float32), (position, column)),
        shape=(len(rows), len(history.products) + len(fresh)),
    )
    relevant.sort_indices()
    return Truth(relevant=relevant, rows=rows, newcomers=newcomers, unseen=len(fresh))
