"""What the people write: search words, reviews, questions to the shop."""

import numpy as np
from numpy.typing import NDArray

from demo.browse.catalogue import KINDS, TIERS

NAMES = [name for kinds in KINDS.values() for name, _, _ in kinds]
REVIEWS = (
    "Lovely, exactly what I wanted. Next I want a {other}.",
    "Works as promised. Do you have a {other} that goes with it?",
    "Not bad, but I do not need a {other} for now.",
    "Broke after a week, I will not buy this {own} again.",
    "Good value. I am looking for a {other} too.",
    "Fast delivery, thank you.",
)
QUESTIONS = (
    "Is the {own} in stock at the store in Oakley?",
    "I want a {own}, which one would you take?",
    "I don't want a {other}, only the {own}. Is there a set without it?",
    "When will the {own} be on offer again?",
)


def queries(rng: np.random.Generator, kinds: NDArray[np.int64], *, tiers: NDArray[np.int64]) -> list[str]:
    """Return search words for goods of the given kinds; every third names the tier too."""
    precise = rng.random(len(kinds)) < 1 / 3
    return [
        f"{TIERS[tier]} {NAMES[kind]}".lower() if more else NAMES[kind].lower()
        for kind, tier, more in zip(kinds, tiers, precise, strict=True)
    ]


def reviews(rng: np.random.Generator, kinds: NDArray[np.int64]) -> list[str]:
    """Return a review of goods of each kind."""
    return _fill(rng, REVIEWS, kinds)


def questions(rng: np.random.Generator, kinds: NDArray[np.int64]) -> list[str]:
    """Return a question about goods of each kind."""
    return _fill(rng, QUESTIONS, kinds)


def _fill(rng: np.random.Generator, patterns: tuple[str, ...], kinds: NDArray[np.int64]) -> list[str]:
    which = rng.integers(0, len(patterns), len(kinds))
    others = rng.integers(0, len(NAMES), len(kinds))
    return [
        patterns[one].format(own=NAMES[kind].lower(), other=NAMES[other].lower())
        for one, kind, other in zip(which, kinds, others, strict=True)
    ]
