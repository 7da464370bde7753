"""Features of customers as of a day: how often, how much and how adventurously they buy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.candidates.personal import Sources
from recommender.interactions import History

WINDOWS = (30, 90)
PRICE_HALF_LIFE = 180.0
Floats = NDArray[np.float32]


def features(sources: Sources) -> dict[str, Floats]:
    """NAME → (customers,) float32, nan where nothing is known, in the order of `sources.history.customers`."""
    history = sources.history
    size = len(history.customers)
    starts = history.pair_starts()
    row, day = visits(history)
    count = np.bincount(row, minlength=size)
    first = np.full(size, history.as_of_day, dtype=np.int64)
    last = np.full(size, history.as_of_day, dtype=np.int64)
    opening = np.flatnonzero(np.diff(row, prepend=-1))
    first[row[opening]] = day[opening]
    closing = np.flatnonzero(np.diff(row, append=size))
    last[row[closing]] = day[closing]
    bought = np.bincount(history.row, minlength=size)
    products = np.bincount(history.row[starts], minlength=size)
    found: dict[str, NDArray[Any]] = {
        "visits": count,
        "customer idle": history.as_of_day - last,
        "tenure": history.as_of_day - first,
        "mean interval": np.where(count > 1, (last - first) / np.maximum(count - 1, 1), np.nan),
        "products": products,
        "products a visit": bought / np.maximum(count, 1),
        "new share": products / np.maximum(bought, 1),
    }
    for days in WINDOWS:
        since = history.as_of_day - days
        found[f"visits {days}"] = np.bincount(row[day >= since], minlength=size)
        fresh = history.day[starts] >= since
        found[f"new products {days}"] = np.bincount(history.row[starts][fresh], minlength=size)
    found["price level"] = _price_level(sources)
    return {name: np.asarray(values, dtype=np.float32) for name, values in found.items()}


def visits(history: History) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and day of each day on which a customer bought, in order of both."""
    if not len(history):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    lowest = int(history.day.min())
    width = int(history.day.max()) - lowest + 1
    keys = np.unique(history.row.astype(np.int64) * width + (history.day - lowest))
    return keys // width, keys % width + lowest


def _price_level(sources: Sources) -> NDArray[np.float64]:
    """The mean ln(price) of what each customer bought, decayed; nan where no price is known."""
    known = np.isfinite(sources.prices) & (sources.prices > 0)
    weights = sources.history.matrix(half_life_days=PRICE_HALF_LIFE)
    total = np.asarray(weights @ known.astype(np.float64)).ravel()
    level = np.asarray(weights @ np.where(known, np.log(np.where(known, sources.prices, 1)), 0)).ravel()
    mean: NDArray[np.float64] = np.divide(level, total, out=np.full(len(total), np.nan), where=total > 0)
    return mean
