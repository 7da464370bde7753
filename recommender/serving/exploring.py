"""A small share of trials: now and then one product of a list makes room for one that ranks lower.

Without trials only what was ranked high is ever seen, and nothing can be learned of the rest. Each shown item keeps the
probability with which it stood at its rank, by which later evaluations weight it (inverse propensity). The draw
comes from the answer's id: nobody can choose it, and everybody can check it.
"""

import hashlib
from typing import Final, NamedTuple

SPARES: Final = 10
"""The next lower ranks, of which one may come up."""
LEAST_SPARES: Final = 5
"""With fewer left over nothing is tried."""


class Trial(NamedTuple):
    """What the draw says: the place in the list that is given away, and which spare gets it; None: nothing is tried."""

    place: int
    spare: int


def draw(answer: str, place: str, *, share: float, places: int, spares: int) -> Trial | None:
    """Return the trial of a list with so many free places and spares, or None.

    `answer` is the id of the answer, `place` the name of the list in it. With probability `share` one place and one
    spare are drawn, each with equal probability.
    """
    if not is_tried(share=share, places=places, spares=spares):
        return None
    digest = hashlib.blake2b(f"{answer}/{place}".encode(), digest_size=16).digest()
    if int.from_bytes(digest[:6], "big") >= share * 2**48:
        return None
    return Trial(int.from_bytes(digest[6:11], "big") % places, int.from_bytes(digest[11:], "big") % spares)


def is_tried(*, share: float, places: int, spares: int) -> bool:
    """Return whether a list takes part at all."""
    return share > 0 and places > 0 and spares >= LEAST_SPARES


def kept(*, share: float, places: int, spares: int) -> float:
    """Return the probability with which an item stays at its place."""
    return 1 - share / places if is_tried(share=share, places=places, spares=spares) else 1.0


def tried(*, share: float, places: int, spares: int) -> float:
    """Return the probability with which one spare comes to one place."""
    return share / (places * spares)
