"""A learned ranker at work: chances of candidates, and what is new and what repeats in one order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from precision.engine.results import NOBODY, TopItems
from recommender.candidates import personal
from recommender.candidates.blend import CONSTANT
from recommender.ranking import boosting, candidates, pairs
from recommender.ranking.boosting import FARTHEST, Committee
from recommender.ranking.candidates import NEW, REPEAT
from recommender.ranking.features import Known, Table
from recommender.ranking.pairs import Pairs

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

FORMAT = 3
LEAST_ODDS: Final = -60.0  # what screening turned down keeps its order far down, above 0 in float32
SCREENED: Final = {NEW: 60, REPEAT: 40}
"""Pairs of a customer that all trees look at; more of them changed no list of 20 on two real shops."""
BLOCK_ROWS = 1_024
"""Customers ranked at once: 150 MB of features at most."""
GENERAL_WEIGHT = 0.25
"""What a list that is the same for many says of an item, beside a personal one."""


@dataclass(frozen=True, slots=True)
class Ranker:
    """Boosters by kind, and how far new items are lifted against repeats, in log odds."""

    boosters: dict[str, Committee]
    share: float

    def chances(self, kind: str, table: Table) -> NDArray[np.float64]:
        """How likely each pair is bought, in (0, 1), those of all kinds comparable within a customer.

        New items are lifted by the learned share. Only the best candidates by the first trees are looked at by all.
        """
        odds = lifted({kind: self.boosters[kind].screened(table, n=SCREENED[kind])}, self.share)[kind]
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, LEAST_ODDS, FARTHEST))))

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


@dataclass(frozen=True, slots=True)
class Listed:
    """The best items of each customer, and which source spoke most for each."""

    items: NDArray[np.int32]  # (customers, n), -1 where a list is short
    scores: NDArray[np.float32]  # (customers, n) chances, 0 where it is short
    sources: NDArray[np.int64]  # (customers, n) position in `names`, -1 where it is short
    names: tuple[str, ...]

    def from_source(self, name: str) -> NDArray[np.bool_]:
        """Where a source of `names` spoke most, (customers, n)."""
        return self.sources == self.names.index(name) if name in self.names else self.sources < NOBODY

    def top(self) -> TopItems:
        """Without the sources."""
        return TopItems(items=self.items, scores=self.scores)


def rank(
    engine: "Engine",
    ranker: Ranker,
    known: Known,
    rows: NDArray[np.int64],
    *,
    lengths: Mapping[str, int],
    allowed: NDArray[np.bool_] | None = None,
) -> Iterator[tuple[slice, dict[str, Listed]]]:
    """For each block of the customers at `rows`: kind → their lists, of `lengths` each, of the kinds that were learned.

    `allowed` (products,) says what may be listed; without it everything.
    """
    for first in range(0, len(rows), BLOCK_ROWS):
        block = slice(first, min(first + BLOCK_ROWS, len(rows)))
        tables = candidates.tables(engine, known, rows[block])
        yield (
            block,
            {
                kind: listed(tables[kind], ranker.chances(kind, tables[kind]), n=n, allowed=allowed)
                for kind, n in lengths.items()
                if kind in ranker.boosters
            },
        )


def listed(
    table: Table, chances: NDArray[np.floating[Any]], *, n: int, allowed: NDArray[np.bool_] | None = None
) -> Listed:
    """The n best allowed pairs of each customer."""
    places = np.arange(len(table.pairs))
    kept = table.pairs
    if allowed is not None:
        places = np.flatnonzero(allowed[table.pairs.item])
        kept = table.pairs.kept(allowed[table.pairs.item])
    top, where = pairs.best(kept, chances[places], n=n)
    at = np.where(where == NOBODY, NOBODY, places[np.maximum(where, 0)] if len(places) else NOBODY)
    names = tuple(name.removeprefix("rank ") for name in table.names if name.startswith("rank "))
    return Listed(top.items, top.scores, _speaking(table, at, names), names)


def _speaking(table: Table, at: NDArray[np.int64], names: tuple[str, ...]) -> NDArray[np.int64]:
    """The source of the best rank of each listed pair, sources that say the same to many held back."""
    found = np.full(at.shape, NOBODY, dtype=np.int64)
    row, place = np.nonzero(at != NOBODY)
    columns = [table.names.index(f"rank {name}") for name in names]
    weights = [GENERAL_WEIGHT if personal.method(name) == "popular" else 1.0 for name in names]
    ranks = table.values[at[row, place]][:, columns]
    said = np.where(np.isnan(ranks), 0, np.array(weights) * CONSTANT / (CONSTANT + ranks))
    found[row, place] = said.argmax(axis=1) if len(row) else 0
    return found


def lifted(odds: Mapping[str, NDArray[np.float64]], share: float) -> dict[str, NDArray[np.float64]]:
    """The log odds of each kind, new items raised by the share."""
    return {kind: values + share if kind == NEW else values for kind, values in odds.items()}


def together(lists: Sequence[TopItems], *, n: int) -> TopItems:
    """The n best items of lists of the same customers that share none and whose scores can be compared."""
    items = np.concatenate([each.items for each in lists], axis=1)
    scores = np.concatenate([np.where(each.items == NOBODY, -1, each.scores) for each in lists], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    best = np.take_along_axis(items, order, axis=1)
    values = np.take_along_axis(scores, order, axis=1)
    return TopItems(items=best, scores=np.where(best == NOBODY, 0, values).astype(np.float32))


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
