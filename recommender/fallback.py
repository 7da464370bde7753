"""The fallback ladder: an answer is filled from the best source down, and is never empty without need.

personal → session → segment → category → popular → catalogue
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from precision.engine.results import NOBODY

PERSONAL, SESSION, SEGMENT = "personal", "session", "segment"
CATEGORY, POPULAR, CATALOGUE = "category", "popular", "catalogue"
RUNGS = (PERSONAL, SESSION, SEGMENT, CATEGORY, POPULAR, CATALOGUE)


@dataclass(frozen=True, slots=True)
class Rung:
    """One source of an answer and what it offers, best first."""

    source: str
    items: NDArray[np.integer]  # column positions; -1 is passed over


@dataclass(frozen=True, slots=True)
class Filled:
    """An answer: items and their sources in step, best first."""

    items: NDArray[np.int64]
    source: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.items)


def fill(ladder: Sequence[Rung], *, count: int, allowed: Sequence[NDArray[np.bool_]]) -> Filled:
    """Up to `count` items, each once, from the rungs in their order; each with the rung that it came from.

    `allowed` are masks (products,), the strictest first (say: in the price tier and new; sellable): the whole
    ladder is climbed under the first, and only what is missing then is filled under the next. Below the
    ladder stands the catalogue: every product that the last mask allows, in order of position. So the answer
    is shorter than `count` only if the last mask allows fewer products.

    Raises:
        ValueError: `count` is below 1, there is no mask, or masks differ in length.
    """
    if count < 1:
        raise ValueError(f"count is {count}, wanted at least 1")
    if not allowed or len({len(mask) for mask in allowed}) > 1:
        raise ValueError(
            f"masks have lengths {[len(mask) for mask in allowed]}; wanted one or more, all equal"
        )
    products = len(allowed[0])
    taken = np.zeros(products, dtype=np.bool_)
    items: list[int] = []
    source: list[str] = []
    rungs = list(ladder)
    for mask in allowed:
        if mask is allowed[-1]:
            rungs.append(Rung(CATALOGUE, np.flatnonzero(mask)))
        for rung in rungs:
            if len(items) >= count:
                break
            offered = rung.items[rung.items != NOBODY]
            offered = offered[mask[offered] & ~taken[offered]]
            # A rung may name an item twice: its first place counts.
            _, first = np.unique(offered, return_index=True)
            chosen = offered[np.sort(first)][: count - len(items)]
            taken[chosen] = True
            items.extend(int(item) for item in chosen)
            source.extend([rung.source] * len(chosen))
    return Filled(items=np.array(items, dtype=np.int64), source=tuple(source))
