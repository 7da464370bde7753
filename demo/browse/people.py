"""The people of the generated shop and what they are like; the shop is not told, it only shows in what they do."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CLASSES = ("A", "B", "C")
CLASS_SHARE = (0.25, 0.35, 0.40)
CHANNELS = ("web", "app", "mini-program", "store-kiosk")
TOPS = 5
CITIES = ("Harbourton", "Northfield", "Oakley", "Riverside", "Westbrook", "Kingsmere")
EDUCATION = ("school", "college", "university")
OCCUPATION = ("employee", "self-employed", "student", "retired", "home")
MARRIAGE = ("single", "married", "divorced")
ALREADY_THERE = 0.3
"""Share of the visitors who came before the first week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """One element a visitor in every array."""

    arrival: NDArray[np.int64]
    """Week of the first visit."""
    rate: NDArray[np.float64]
    """Visits per week while the visitor is interested."""
    dropout: NDArray[np.float64]
    """Chance to lose interest after a week with a visit."""
    letter: NDArray[np.int64]
    """Index into CLASSES: how the visitor chooses among cheap and dear."""
    favourite: NDArray[np.int64]
    """Index of the category looked at most."""
    channel: NDArray[np.int64]
    """Index into CHANNELS: the usual one."""
    hour: NDArray[np.int64]
    """Usual hour of visits, 0..23 local."""
    devices: NDArray[np.int64]
    """1 or 2."""
    referrer: NDArray[np.int64]
    """Index of the visitor who brought this one, or -1."""
    responsive: NDArray[np.bool_]
    """Whether e-mails move this visitor."""
    birth_year: NDArray[np.int64]
    income: NDArray[np.int64]
    """Thousand EUR a year; class A earns more."""

    def __len__(self) -> int:
        return len(self.arrival)


def people(rng: np.random.Generator, count: int, *, weeks: int) -> People:
    """Return `count` visitors."""
    letter = rng.choice(len(CLASSES), size=count, p=CLASS_SHARE)
    arrival = np.where(rng.random(count) < ALREADY_THERE, 0, rng.integers(0, weeks, count))
    referrer = np.where(rng.random(count) < 0.04, rng.integers(0, count, count), -1)
    # Only somebody who came earlier can have brought one.
    referrer[(referrer >= 0) & (arrival[referrer] >= arrival)] = -1
    income = np.exp(rng.normal(np.array([3.9, 3.3, 3.5])[letter], 0.35)).astype(np.int64)
    return People(
        arrival=arrival,
        rate=rng.gamma(2.0, 0.3, count),
        dropout=rng.beta(2.0, 1.2, count),
        letter=letter,
        favourite=rng.integers(0, TOPS, count),
        channel=rng.choice(len(CHANNELS), size=count, p=[0.5, 0.3, 0.15, 0.05]),
        hour=np.clip(np.round(rng.normal(np.where(rng.random(count) < 0.6, 20, 12), 2.5)), 0, 23).astype(
            np.int64
        ),
        devices=1 + (rng.random(count) < 0.15),
        referrer=referrer,
        responsive=rng.random(count) < 0.3,
        birth_year=rng.integers(1950, 2006, count),
        income=income,
    )
