"""Groups of customers by which a model is judged: how long their history is, and their price class.

A group is a mask over the judged customers: name → (customers,) bool.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from recommender.interactions import History, positions

EVERYONE = "all"
LENGTHS: tuple[tuple[int, int | None], ...] = ((1, 1), (2, 4), (5, 9), (10, None))
"""Numbers of days with a purchase, first and last included."""

Mask = NDArray[np.bool_]


def purchase_day_counts(history: History) -> NDArray[np.int64]:
    """Return on how many different days each customer of the history bought something, (customers,)."""
    if not len(history):
        return np.zeros(len(history.customers), dtype=np.int64)
    first = int(history.day.min())
    span = int(history.day.max()) - first + 1
    visits = np.unique(history.row.astype(np.int64) * span + (history.day - first))
    return np.bincount(visits // span, minlength=len(history.customers)).astype(np.int64)


def by_history(counts: NDArray[np.int64]) -> dict[str, Mask]:
    """Return the groups of LENGTHS of customers with these numbers of purchase days: “history:2-4”."""
    return {
        _name(least, most): (counts >= least) & (counts <= (np.inf if most is None else most))
        for least, most in LENGTHS
    }


def groups(
    history: History, rows: NDArray[np.int64], classes: Mapping[str, NDArray[np.int64]]
) -> dict[str, Mask]:
    """Return all groups of the customers at `rows` of the history: those of `by_class` and of `by_history`."""
    return by_class(history.customers[rows], classes) | by_history(purchase_day_counts(history)[rows])


def by_class(customers: NDArray[np.int64], classes: Mapping[str, NDArray[np.int64]]) -> dict[str, Mask]:
    """Return the groups of customers (inner ids) by class: “class:A”.

    `classes` names the inner ids of the customers of each class, ascending; who is in none is in no group.
    """
    return {f"class:{name}": positions(customers, ids)[1] for name, ids in sorted(classes.items())}


def _name(least: int, most: int | None) -> str:
    if most is None:
        return f"history:{least}+"
    return f"history:{least}" if least == most else f"history:{least}-{most}"
