"""How far two ways of putting the same people into classes agree.

Cohen's kappa (1960): agreement beyond what the two shares of classes give by chance. Adjusted Rand index (Hubert,
Arabie 1985): pairs of people put together, or apart, by both, beyond chance; it does not care for the classes' names.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

Letters = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two classifications of the same people, side by side."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """People by class: rows the first way, columns the second, in the order of `classes`."""
    people: int
    same: float | None
    """Share of people with the same class both ways; None without people."""
    kappa: float | None
    """None without people, and where both ways put everybody into one class (`reason` says so)."""
    rand: float | None
    """Adjusted Rand index; None without people."""
    reason: str = ""


def compare(first: Letters, second: Letters, *, classes: Sequence[str]) -> Agreement:
    """Return how two classifications agree, arrays of shape (people,) over `classes`.

    Raises ValueError when the lengths differ or a class is not among `classes`.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f"Classes of shapes {first.shape} and {second.shape} are not about the same people; give one of each."
        )
    unknown = sorted({str(each) for each in np.union1d(first, second)} - set(classes))
    if unknown:
        raise ValueError(f"Unknown classes {', '.join(unknown)}; wanted {', '.join(classes)}.")
    rows, columns = ((each[:, None] == np.array(classes)).argmax(axis=1) for each in (first, second))
    size = len(classes)
    counts = np.bincount(rows * size + columns, minlength=size * size).reshape(size, size)
    table = tuple(tuple(row) for row in counts.tolist())
    people = int(counts.sum())
    if not people:
        return Agreement(
            classes=tuple(classes), counts=table, people=0, same=None, kappa=None, rand=None, reason="nobody"
        )
    same = float(np.trace(counts) / people)
    chance = float((counts.sum(axis=0) / people) @ (counts.sum(axis=1) / people))
    return Agreement(
        classes=tuple(classes),
        counts=table,
        people=people,
        same=same,
        kappa=(same - chance) / (1 - chance) if chance < 1 else None,
        rand=float(adjusted_rand_score(rows, columns)),
        reason="" if chance < 1 else "both ways put everybody into one class",
    )
