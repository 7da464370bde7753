"""A learned ranker at work: chances of candidates, and what is new and what repeats in one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from precision.engine.results import TopItems
from recommender.ranking import boosting, pairs
from recommender.ranking.boosting import FARTHEST, Boosted
from recommender.ranking.candidates import NEW
from recommender.ranking.features import Table
from recommender.ranking.pairs import Pairs

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Ranker:
    """Boosters by kind, and how far new items are lifted against repeats, in log odds."""

    boosters: dict[str, Boosted]
    share: float

    def chances(self, kind: str, table: Table) -> NDArray[np.float64]:
        """How likely each pair is bought, in (0, 1), those of all kinds comparable within a customer.

        New items are lifted by the learned share.
        """
        odds = lifted({kind: self.boosters[kind].log_odds(table)}, self.share)[kind]
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -FARTHEST, FARTHEST))))

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON values."""
        return {
            "format": FORMAT,
            "share": self.share,
            "boosters": {kind: each.state() for kind, each in self.boosters.items()},
        }


def restore(state: Mapping[str, Any]) -> Ranker | None:
    """The ranker that `state` was taken from; None for nothing, or another release's."""
    if not state or state.get("format") != FORMAT:
        return None
    boosters = {kind: boosting.restore(each) for kind, each in state["boosters"].items()}
    return Ranker(boosters=boosters, share=float(state["share"]))


def lifted(odds: Mapping[str, NDArray[np.float64]], share: float) -> dict[str, NDArray[np.float64]]:
    """The log odds of each kind, new items raised by the share."""
    return {kind: values + share if kind == NEW else values for kind, values in odds.items()}


def merged(parts: Sequence[Pairs], scores: Sequence[NDArray[np.floating[Any]]], *, n: int) -> TopItems:
    """The n best of the pairs of several kinds, whose pairs are distinct, by their scores."""
    together = Pairs(
        row=np.concatenate([part.row for part in parts]),
        item=np.concatenate([part.item for part in parts]),
        rows=parts[0].rows,
        columns=parts[0].columns,
    )
    order = np.lexsort((together.item, together.row))
    joined = Pairs(
        row=together.row[order], item=together.item[order], rows=together.rows, columns=together.columns
    )
    return pairs.best(joined, np.concatenate(scores)[order], n=n)[0]
