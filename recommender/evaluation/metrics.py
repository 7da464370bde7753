"""Measures of recommendation lists, one value a customer.

`items` is (customers, k): column positions, best first, -1 where a list is short. `relevant` is a sparse
(customers, products) matrix with an entry for each product that the customer did buy; nothing is sampled, so
every product that could be recommended competes.

A customer without a relevant item has no recall: the value is nan, and `mean` counts how many it left out.
With rel(r) = 1 if the item of rank r is relevant and 0 if not, and R relevant items in all:

    recall@k   Σ rel(r) / min(k, R)      capped: a list of k can be perfect also for who bought more than k
    hit@k      1 if Σ rel(r) > 0
    NDCG@k     Σ rel(r)/log2(r+1) / Σ_{r ≤ min(k, R)} 1/log2(r+1)         (Järvelin and Kekäläinen 2002)
    AP@k       Σ rel(r) × precision@r / min(k, R); its mean over customers is MAP (Manning et al. 2008, ch. 8)
    novelty@k  mean of −log2 of the share of customers who had the item    (Zhou et al. 2010, self-information)
    new share  share of the listed items that the customer had not bought before
    coverage   share of the sellable catalogue that stands in at least one list
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY

Values = NDArray[np.float64]  # (customers,), nan where undefined


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over the customers for whom a measure is defined."""

    value: float | None  # None when it is defined for nobody
    customers: int  # how many it is the mean of
    undefined: int  # how many were left out


def hits(items: NDArray[np.integer[Any]], relevant: csr_matrix) -> NDArray[np.bool_]:
    """Whether each listed item is relevant, (customers, k); False where there is no item.

    Raises:
        ValueError: lists and relevant items are of different numbers of customers, or a list repeats an item.
    """
    if len(items) != relevant.shape[0]:
        raise ValueError(
            f"{len(items)} lists for {relevant.shape[0]} rows of relevant items; wanted one list a customer"
        )
    ordered = np.sort(items, axis=1)
    repeated = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NOBODY)).any(axis=1)
    if repeated.any():
        raise ValueError(
            f"the list of row {int(np.flatnonzero(repeated)[0])} holds an item twice; wanted each item once, "
            "or hits would count double"
        )
    listed = items != NOBODY
    rows, places = np.nonzero(listed)
    found = np.zeros(items.shape, dtype=np.bool_)
    width = relevant.shape[1]
    wanted = np.repeat(np.arange(relevant.shape[0]), np.diff(relevant.indptr)) * width + relevant.indices
    found[rows, places] = np.isin(rows * width + items[rows, places], wanted)
    return found


def recall(items: NDArray[np.integer[Any]], relevant: csr_matrix) -> Values:
    """Capped recall of each list."""
    return _share(hits(items, relevant).sum(axis=1), _reachable(items, relevant))


def hit_rate(items: NDArray[np.integer[Any]], relevant: csr_matrix) -> Values:
    """1 for each list with at least one relevant item, 0 for the others."""
    found = hits(items, relevant).any(axis=1).astype(np.float64)
    return np.where(_reachable(items, relevant) > 0, found, np.nan)


def ndcg(items: NDArray[np.integer[Any]], relevant: csr_matrix) -> Values:
    """Normalised discounted cumulative gain of each list, gains 0 or 1."""
    discounts = 1 / np.log2(np.arange(2, items.shape[1] + 2))
    ideal = np.concatenate(([0.0], np.cumsum(discounts)))[_reachable(items, relevant)]
    # Added up in the order of the ideal, so that a perfect list is worth 1 and not a rounding error less or more.
    gain = np.cumsum(hits(items, relevant) * discounts, axis=1)[:, -1]
    return _share(gain, ideal)


def average_precision(items: NDArray[np.integer[Any]], relevant: csr_matrix) -> Values:
    """Average precision of each list."""
    found = hits(items, relevant)
    precision = np.cumsum(found, axis=1) / np.arange(1, items.shape[1] + 1)
    return _share((found * precision).sum(axis=1), _reachable(items, relevant))


def novelty(items: NDArray[np.integer[Any]], bought: csr_matrix) -> Values:
    """Mean self-information of the items of each list, in bits; nan for an empty list.

    `bought` (customers, products) is the training. One imagined customer has everything, so that an
    item nobody bought has a share above 0.
    """
    customers, products = bought.shape
    buyers = np.bincount(bought.indices[bought.data != 0], minlength=products)
    bits = -np.log2((buyers + 1) / (customers + 1))
    listed = items != NOBODY
    return _share(np.where(listed, bits[items], 0).sum(axis=1), listed.sum(axis=1))


def new_share(items: NDArray[np.integer[Any]], held: csr_matrix) -> Values:
    """Share of each list that the customer did not have; nan for an empty list.

    `held` (the customers of the lists, products) has an entry for whatever the customer bought in the training.
    """
    listed = items != NOBODY
    return _share((listed & ~hits(items, held)).sum(axis=1), listed.sum(axis=1))


def coverage(items: NDArray[np.integer[Any]], sellable: NDArray[np.bool_]) -> float | None:
    """The share of sellable products that are in at least one list; None when nothing is sellable."""
    if not sellable.any():
        return None
    shown = np.zeros(len(sellable), dtype=np.bool_)
    shown[items[items != NOBODY]] = True
    return float((shown & sellable).sum() / sellable.sum())


MEASURES: Mapping[str, Callable[[NDArray[np.integer[Any]], csr_matrix], Values]] = {
    "recall": recall,
    "hit_rate": hit_rate,
    "ndcg": ndcg,
    "map": average_precision,
}


def mean(values: Values) -> Mean:
    """The mean of the defined values, and how many were left out."""
    defined = values[~np.isnan(values)]
    return Mean(
        value=float(defined.mean()) if len(defined) else None,
        customers=len(defined),
        undefined=len(values) - len(defined),
    )


def _reachable(items: NDArray[np.integer[Any]], relevant: csr_matrix) -> NDArray[np.int64]:
    """The most hits that a list of this length can have: min(k, R)."""
    counts: NDArray[np.int64] = np.minimum(np.diff(relevant.indptr), items.shape[1]).astype(np.int64)
    return counts


def _share(part: NDArray[Any], whole: NDArray[Any]) -> Values:
    """part / whole, nan where whole is 0."""
    share: Values = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return share
