"""The two tables of one block of customers: what they never had, and what they may buy again."""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from recommender.candidates import blend, personal
from recommender.ranking import features
from recommender.ranking.features import Known, Table

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

NEW: Final = "new"
REPEAT: Final = "repeat"
KINDS: Final = (NEW, REPEAT)
LENGTHS: Final = {NEW: 100, REPEAT: 20}
"""Products of a list of each kind."""
OF_EACH = 100
"""Candidates of each source. Fewer find less, more cost more than they find."""
MOST = 200
"""Candidates of a customer that are looked at: those that the blend of all sources puts first. On two real shops the
others found nothing, and took half of the time."""
REPEATS = 100
"""Products that a customer had: those with the strongest habits."""


def tables(
    engine: "Engine",
    known: Known,
    rows: NDArray[np.int64],
    *,
    of_each: int = OF_EACH,
    repeats: int = REPEATS,
) -> dict[str, Table]:
    """NEW and REPEAT → the candidates of the customers at `rows` of the history, with their features."""
    fresh = personal.lists(engine, known.sources, rows=rows, k=of_each, new_only=True)
    held = personal.lists(
        engine, known.sources, rows=rows, k=repeats, new_only=False, names=(personal.BUY_AGAIN,)
    )
    return {
        NEW: features.table(engine, known, fresh, rows, repeated=False, weights=blend.NEW_ITEMS, most=MOST),
        REPEAT: features.table(
            engine, known, held, rows, repeated=True, weights=blend.ALL_ITEMS, most=repeats
        ),
    }
