"""How segments overlap: for each two, how many customers are in both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments import membership
from segments.membership import SEGMENT
from segments.models import Segment

MOST: Final = 50
"""Segments of one matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Counts of customers in two segments at once."""

    segments: list[Segment]
    counts: NDArray[np.int64]
    """(n, n); on the diagonal the sizes."""

    def shares(self) -> list[list[float | None]]:
        """Return of the members of each row's segment the share who are in the column's; None of an empty one."""
        return [
            [float(count / size) if (size := int(row[place])) else None for count in row]
            for place, row in enumerate(self.counts)
        ]

    def jaccard(self) -> list[list[float | None]]:
        """Return those in both over those in either; None where nobody is in either."""
        sizes = np.diag(self.counts)
        either = sizes[:, None] + sizes[None, :] - self.counts
        return [
            [float(both / all_) if all_ else None for both, all_ in zip(row, line, strict=True)]
            for row, line in zip(self.counts, either, strict=True)
        ]


def overlap(scope: Scope, segments: Sequence[Segment]) -> Overlap:
    """Return the overlap of these segments as they are now. The queries of `membership.state`."""
    numbers = [segment.pk for segment in segments]
    frame = membership.state(scope, numbers)
    return Overlap(segments=list(segments), counts=counts(frame, numbers))


def counts(frame: pl.DataFrame, numbers: Sequence[int]) -> NDArray[np.int64]:
    """Return MᵀM of the 0/1 matrix of customers by segments, in the order of `numbers`."""
    place = {number: index for index, number in enumerate(numbers)}
    people = frame[c.CUSTOMER].rank("dense").to_numpy().astype(np.int64)
    if not people.size:
        return np.zeros((len(numbers), len(numbers)), dtype=np.int64)
    columns = frame[SEGMENT].replace_strict(place, return_dtype=pl.Int64).to_numpy()
    ones = np.ones(people.size, dtype=np.int64)
    inside = csr_matrix((ones, (people - 1, columns)), shape=(int(people.max()), len(numbers)))
    product: NDArray[np.int64] = (inside.T @ inside).toarray()
    return product
