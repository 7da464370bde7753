"""What people of the same taste bought lately: neighbours by latent factors (user-based collaborative filtering).

The neighbours of a customer are the NEIGHBOURS others whose factors point the same way (cosine), among at most
MOST_PEOPLE who bought last; the value of a product is the sum of the cosines of those who bought it in a window
(Herlocker and others 1999). Beside what is bought together at any time it knows the fashion within a taste.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY
from recommender.candidates.personal import Sources
from recommender.ranking.customers import visits
from recommender.ranking.pairs import Floats, Pairs

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

NEIGHBOURS: Final = 200
MOST_PEOPLE: Final = 20_000
DAYS: Final = (14, 60)


@dataclass(frozen=True, slots=True)
class People:
    """Those who can be neighbours."""

    tastes: NDArray[np.float32]  # (customers, factors) rows of length 1, or 0 without a history that counts
    known: NDArray[np.int64]  # rows of those who can be neighbours, ascending
    bought: dict[int, csr_matrix]  # days → (known, products) 1 where bought in the last days


def prepare(sources: Sources) -> People:
    """The tastes of all customers, and what those who bought last bought lately."""
    history = sources.history
    # The last column may be the bias, which is the same for everybody and says nothing about taste.
    tastes = np.where(_same(sources.factors.rows), 0, sources.factors.rows)
    length = np.linalg.norm(tastes, axis=1, keepdims=True)
    tastes = np.divide(tastes, length, out=np.zeros_like(tastes), where=length > 0)
    row, day = visits(history)
    last = np.full(len(history.customers), np.iinfo(np.int64).min)
    np.maximum.at(last, row, day)
    has = np.flatnonzero(length.ravel() > 0)
    known = np.sort(has[np.argsort(-last[has], kind="stable")[:MOST_PEOPLE]])
    bought = {}
    for days in DAYS:
        recent = history.day >= history.as_of_day - days
        ones = np.ones(int(recent.sum()), dtype=np.float32)
        matrix = csr_matrix((ones, (history.row[recent], history.column[recent])), shape=history.shape)
        matrix.data[:] = 1  # a buyer of two days counts once: the constructor added them up
        bought[days] = csr_matrix(matrix[known])
    return People(tastes=np.asarray(tastes, dtype=np.float32), known=known, bought=bought)


def features(engine: "Engine", people: People, rows: NDArray[np.int64], pairs: Pairs) -> dict[str, Floats]:
    """NAME → (pairs,): how many of the neighbours bought the product lately, each by their likeness."""
    if not len(people.known) or not len(pairs):
        return {f"people {days}": np.zeros(len(pairs), dtype=np.float32) for days in DAYS}
    near = engine.top_n(
        people.tastes[rows], people.tastes[people.known], n=min(NEIGHBOURS + 1, len(people.known))
    )
    himself = people.known[np.maximum(near.items, 0)] == rows[:, None]
    row, place = np.nonzero((near.items != NOBODY) & (near.scores > 0) & ~himself)
    likeness = csr_matrix(
        (near.scores[row, place], (row, near.items[row, place])), shape=(len(rows), len(people.known))
    )
    return {
        f"people {days}": pairs.values(csr_matrix(likeness @ matrix))
        for days, matrix in people.bought.items()
    }


def _same(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which columns hold one value and 0 only, as that of a bias does."""
    highest = rows.max(axis=0, initial=0)
    return np.asarray(((rows == 0) | (rows == highest)).all(axis=0))
