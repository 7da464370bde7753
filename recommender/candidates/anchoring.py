"""Which of a customer's own purchases speaks most for each product of a list: the anchor that its reason names.

Only what was bought is named, though what was looked at may have spoken too. What was proposed by its description is
explained by what it is like, everything else by what goes with it (`item_item.anchors`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY, TopItems
from recommender.candidates import item_item
from recommender.candidates.lists import best_of_sparse
from recommender.candidates.personal import Sources

ALIKE = 20  # products like each that are looked through


@dataclass(frozen=True, slots=True)
class Anchoring:
    """What anchors are found by, once a day."""

    purchases: csr_matrix  # (customers, products), the profiles without what was only looked at
    neighbours: TopItems
    alike: TopItems | None  # (products, ALIKE) by description
    rare: NDArray[np.floating[Any]]

    def of(
        self, rows: NDArray[np.int64], items: NDArray[np.int32], described: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """The anchors of the listed items (rows, n), -1 where none speaks; `described` (rows, n) came from content."""
        purchases = csr_matrix(self.purchases[rows])
        found = item_item.anchors(purchases, self.neighbours, items, rare=self.rare)
        if self.alike is None or not described.any():
            return found
        asked = np.where(described, items, NOBODY).astype(np.int32)
        by_likeness = item_item.anchors(purchases, self.alike, asked, rare=self.rare)
        return np.where(by_likeness == NOBODY, found, by_likeness)


def prepare(sources: Sources) -> Anchoring:
    """What the anchors of all customers are found by."""
    return Anchoring(
        purchases=csr_matrix(sources.profiles.multiply(sources.bought.astype(bool))),
        neighbours=sources.neighbours,
        alike=None if sources.content is None else best_of_sparse(sources.content, k=ALIKE),
        rare=item_item.rarity(sources.bought),
    )
