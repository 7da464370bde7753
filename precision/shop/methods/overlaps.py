"""How many people platforms share."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Counts of people; places are those of the platforms given."""

    together: Ints
    """Shape (platforms, platforms): people known on both; on the diagonal those known on the one."""
    only: Ints
    """Shape (platforms,): people known on this platform and no other."""
    people: int
    """People known on any platform."""


def overlaps(people: Ints, platforms: Ints, *, count: int) -> Overlaps:
    """Return how many people each pair of platforms shares.

    `people` and `platforms` run in step: somebody's number (any whole number), and the place (0 to `count` − 1) of a
    platform that knows them; a pair may come several times. With X the 0/1 matrix of people × platforms it is XᵀX.
    """
    distinct, rows = np.unique(people, return_inverse=True)
    ones = np.ones(len(rows), dtype=np.int64)
    known = coo_array((ones, (rows, platforms)), shape=(len(distinct), count)).tocsr()
    known.data[:] = 1  # what came several times was added up
    widths = known.sum(axis=1)
    alone = known[widths == 1].sum(axis=0) if len(distinct) else np.zeros(count, dtype=np.int64)
    return Overlaps(
        together=(known.T @ known).toarray().astype(np.int64),
        only=np.asarray(alone, dtype=np.int64).reshape(count),
        people=len(distinct),
    )
