"""One figure for what people click, put into the cart and order: the weighted recall.

    recall of a kind   Σ over customers of hits / Σ over customers of min(k, relevant)
    weighted recall    .10 × clicks + .30 × carts + .60 × orders

Of a kind that nobody did in the held-out days there is no recall; the others then share its weight in proportion.
A customer with many relevant items weighs more here than in the mean of `metrics.recall`, up to k.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recommender.evaluation.metrics import hits

CLICKS, CARTS, ORDERS = "clicks", "carts", "orders"
WEIGHTS: Mapping[str, float] = {CLICKS: 0.10, CARTS: 0.30, ORDERS: 0.60}
EVENTS: Mapping[str, tuple[str, ...]] = {
    CLICKS: ("Product Clicked", "Product Viewed"),
    CARTS: ("Product Added",),
}
"""The names of the events behind each kind; orders are order lines."""


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
