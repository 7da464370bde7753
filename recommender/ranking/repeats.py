"""Features of what a customer had before: how often, how lately, in which rhythm."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from recommender.candidates import buy_again
from recommender.candidates.personal import Sources
from recommender.ranking.customers import visits
from recommender.ranking.pairs import Floats, Pairs

HALF_LIVES = (15.0, 60.0, 200.0)
MIN_INTERVAL = 7.0


@dataclass(frozen=True, slots=True)
class Habits:
    """One row of figures for each pair of the history, and where it is found."""

    place: csr_matrix  # (customers, products) 1 + position in the arrays below
    figures: dict[str, NDArray[np.float64]]  # NAME → (pairs of the history,)


def prepare(sources: Sources) -> Habits:
    """The figures of every pair that a customer has."""
    history = sources.history
    starts = history.pair_starts()
    row, column = history.row[starts], history.column[starts]
    rhythm = buy_again.intervals(history)
    visit_row, visit_day = visits(history)
    size = len(history.customers)
    count = np.maximum(np.bincount(visit_row, minlength=size), 1)
    ends = np.append(starts[1:], len(history)) - 1 if len(starts) else starts
    last_visit = np.full(size, -1, dtype=np.int64)
    np.maximum.at(last_visit, visit_row, visit_day)
    since_visit = history.as_of_day - last_visit
    usual = _usual_intervals(column, rhythm.days, len(history.products))
    interval = np.where(np.isnan(rhythm.days), usual[column], rhythm.days)
    figures: dict[str, NDArray[Any]] = {
        "times": rhythm.purchases,
        "days since": rhythm.since,
        "own interval": rhythm.days,
        "usual interval": usual[column],
        "overdue": rhythm.since / np.maximum(rhythm.days, MIN_INTERVAL),
        "overdue usual": rhythm.since / np.maximum(interval, MIN_INTERVAL),
        "share of visits": rhythm.purchases / count[row],
        "visits since": _visits_since(visit_row, visit_day, row, history.day[ends]),
        "in last order": (rhythm.since <= since_visit[row]).astype(np.float64),
        "days since first": history.as_of_day - history.day[starts],
        "habit": sources.habits.data,
    }
    for days in HALF_LIVES:
        figures[f"own {days:g}"] = history.matrix(half_life_days=days).data
    figures["share since first"] = rhythm.purchases / (
        1 + _visits_since(visit_row, visit_day, row, history.day[starts])
    )
    place = history.of_pairs(np.zeros(len(starts)))
    place = csr_matrix(
        (np.arange(1, len(starts) + 1, dtype=np.int64), place.indices, place.indptr), shape=history.shape
    )
    return Habits(place=place, figures={name: values.astype(np.float64) for name, values in figures.items()})


def features(habits: Habits, rows: NDArray[np.int64], pairs: Pairs) -> dict[str, Floats]:
    """NAME → (pairs,) float32, nan for what the customer never had."""
    found = np.zeros(0, dtype=np.int64)
    if len(pairs):
        found = np.asarray(habits.place[rows[pairs.row], pairs.item], dtype=np.int64).ravel()
    has = found > 0
    made = {}
    for name, values in habits.figures.items():
        column = np.full(len(pairs), np.nan, dtype=np.float32)
        column[has] = values[found[has] - 1]
        made[name] = column
    return made


def _usual_intervals(
    column: NDArray[np.int64], days: NDArray[np.float64], products: int
) -> NDArray[np.float64]:
    """The mean interval of each product over the customers who bought it on several days, nan where none did."""
    known = ~np.isnan(days)
    count = np.bincount(column[known], minlength=products)
    total = np.bincount(column[known], weights=days[known], minlength=products)
    usual: NDArray[np.float64] = np.divide(total, count, out=np.full(products, np.nan), where=count > 0)
    return usual


def _visits_since(
    visit_row: NDArray[np.int64], visit_day: NDArray[np.int64], row: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many days with a purchase each customer has after a day."""
    if not len(visit_row):
        return np.zeros(len(row), dtype=np.int64)
    lowest = int(min(visit_day.min(), day.min(initial=visit_day.min())))
    width = int(max(visit_day.max(), day.max(initial=0))) - lowest + 2
    keys = visit_row.astype(np.int64) * width + (visit_day - lowest)
    after = np.searchsorted(keys, row.astype(np.int64) * width + (day - lowest), side="right")
    return np.searchsorted(keys, (row.astype(np.int64) + 1) * width, side="left") - after
