"""One figure for what people click, put into the cart and order: the weighted recall.

    recall of a kind   Σ over customers of hits / Σ over customers of min(k, relevant)
    weighted recall    .10 × clicks + .30 × carts + .60 × orders

Of a kind that nobody did in the held-out days there is no recall; the others then share its weight in proportion.
A customer with many relevant items weighs more here than in the mean of `metrics.recall`, up to k.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.shop.columns import CUSTOMER, DAY, EVENT, PRODUCT
from recommender.evaluation.metrics import hits
from recommender.evaluation.splits import Split, Truth
from recommender.interactions import History, positions

CLICKS, CARTS, ORDERS = "clicks", "carts", "orders"
WEIGHTS: Mapping[str, float] = {CLICKS: 0.10, CARTS: 0.30, ORDERS: 0.60}
EVENTS: Mapping[str, tuple[str, ...]] = {
    CLICKS: ("Product Clicked", "Product Viewed"),
    CARTS: ("Product Added",),
}
"""The names of the events behind each kind; orders are order lines."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What customers with a history did in the held-out days: a matrix a kind of WEIGHTS, the same rows in all."""

    rows: NDArray[np.int64]  # row of the training history of each customer here, ascending
    relevant: dict[
        str, csr_matrix
    ]  # (customers, products and those of the test that the training does not have)


def behaviour(events: nw.LazyFrame[Any], split: Split, history: History, truth: Truth) -> Behaviour:
    """Return what was clicked, put into carts and ordered in the held-out days of `split`.

    `events` are rows with CUSTOMER, EVENT, PRODUCT and DAY; those outside the held-out days do not count. `truth` are
    the orders. A product that the training does not have stays relevant, as in `splits.truth`.
    """
    held_out = events.filter(
        nw.col(DAY) >= split.cut_day, nw.col(DAY) < split.as_of_day,
        ~nw.col(CUSTOMER).is_null(), ~nw.col(PRODUCT).is_null(),
    )  # fmt: skip
    did: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
    for kind, names in EVENTS.items():
        found = held_out.filter(nw.col(EVENT).is_in(names)).select(CUSTOMER, PRODUCT).unique().collect()
        customer, product = (found.get_column(name).to_numpy() for name in (CUSTOMER, PRODUCT))
        row, known = positions(customer, history.customers)
        did[kind] = row[known], product[known]
    rows = np.unique(np.concatenate([truth.rows, *(row for row, _ in did.values())]))
    relevant = {ORDERS: _at(rows, truth)}
    for kind, (row, product) in did.items():
        column, seen = positions(product, history.products)
        fresh, place = np.unique(product[~seen], return_inverse=True)
        column = column.copy()
        column[~seen] = len(history.products) + place
        relevant[kind] = csr_matrix(
            (np.ones(len(row), dtype=np.float32), (np.searchsorted(rows, row), column)),
            shape=(len(rows), len(history.products) + len(fresh)),
        )
    return Behaviour(rows=rows, relevant=relevant)


def _at(rows: NDArray[np.int64], truth: Truth) -> csr_matrix:
    """Return the relevant items of `truth` at these rows of the history, empty rows for the others."""
    lengths = np.zeros(len(rows), dtype=np.int64)
    lengths[np.searchsorted(rows, truth.rows)] = np.diff(truth.relevant.indptr)
    indptr = np.concatenate(([0], np.cumsum(lengths)))
    return csr_matrix(
        (truth.relevant.data, truth.relevant.indices, indptr), shape=(len(rows), truth.relevant.shape[1])
    )


@dataclass(frozen=True, slots=True)
class Weighted:
    """The weighted recall and what it is made of."""

    value: float | None  # None where nobody did anything
    of_kind: dict[str, float | None]
    customers: dict[str, int]  # with a relevant item of the kind


def weighted_recall(items: NDArray[np.integer[Any]], relevant: Mapping[str, csr_matrix]) -> Weighted:
    """Return the weighted recall of lists (customers, k) for the relevant items of each kind of WEIGHTS.

    Each matrix has a row for each list and an entry for each relevant product. A kind that is missing counts as done
    by nobody.

    Raises:
        ValueError: a kind that has no weight.
    """
    unknown = sorted(set(relevant) - set(WEIGHTS))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} has no weight; wanted some of {', '.join(WEIGHTS)}")
    of_kind: dict[str, float | None] = dict.fromkeys(WEIGHTS)
    customers = dict.fromkeys(WEIGHTS, 0)
    for kind, wanted in relevant.items():
        counts = np.diff(wanted.indptr)
        reachable = int(np.minimum(counts, items.shape[1]).sum())
        customers[kind] = int((counts > 0).sum())
        if reachable:
            of_kind[kind] = int(hits(items, wanted).sum()) / reachable
    told = {kind: value for kind, value in of_kind.items() if value is not None}
    total = sum(WEIGHTS[kind] for kind in told)
    value = sum(WEIGHTS[kind] * each for kind, each in told.items()) / total if told else None
    return Weighted(value=value, of_kind=of_kind, customers=customers)
