"""The weather over the generated shop, and the visitors who come when it rains."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from demo.browse.events import DAY_S

KINDS = ("sunny", "cloudy", "rain", "snow")
RAIN = "rain"
STAYS = 0.45
"""Chance that tomorrow's weather is today's."""
EVERY = 10
"""One visitor of so many comes, where the week has one, on a rainy day."""
COLDEST_DAY = 20
"""Day of the year about which it is coldest."""


def of_days(rng: np.random.Generator, *, first_day: int, days: int) -> pl.DataFrame:
    """Return `day` (days since 1970), `weather` and `temperature` (°C) of so many days from `first_day` on.

    Snow falls only where it is cold; the rest is as likely in every season.
    """
    every = np.arange(first_day, first_day + days)
    season = -np.cos(2 * np.pi * (every - COLDEST_DAY) / 365.25)
    temperature = np.round(11 + 8 * season + rng.normal(0, 2.5, days), 1)
    fresh = rng.choice(len(KINDS) - 1, size=days, p=(0.35, 0.35, 0.3))
    stays = rng.random(days) < STAYS
    kind = fresh.copy()
    for place in range(1, days):
        if stays[place]:
            kind[place] = kind[place - 1]
    kind[(kind == KINDS.index(RAIN)) & (temperature < 2)] = KINDS.index("snow")
    return pl.DataFrame(
        {"day": every, "weather": np.array(KINDS)[kind], "temperature": temperature},
        schema_overrides={"day": pl.Int64},
    )


def moved(rng: np.random.Generator, visits: pl.DataFrame, sky: pl.DataFrame) -> pl.DataFrame:
    """Return the visits by time; those of every EVERY-th visitor lie on a rainy day of their week where it has one."""
    day = visits.get_column("at").to_numpy() // DAY_S
    first = int(sky.get_column("day").min())  # type: ignore[arg-type]
    wet = (sky.get_column("weather") == RAIN).to_numpy().reshape(-1, 7)
    week, weekday = (day - first) // 7, (day - first) % 7
    chosen = _one_of(rng, wet)[week, rng.integers(0, 7, len(week))]
    goes = (visits.get_column("visitor").to_numpy() % EVERY == 0) & (chosen >= 0)
    at = visits.get_column("at").to_numpy() + np.where(goes, (chosen - weekday) * DAY_S, 0)
    return visits.with_columns(at=pl.Series(at)).sort("at", maintain_order=True)


def _one_of(rng: np.random.Generator, wet: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return seven drawn rainy weekdays of each week, −1 where it has none."""
    drawn = np.full(wet.shape, -1)
    for week, days in enumerate(wet):
        rainy = np.flatnonzero(days)
        if rainy.size:
            drawn[week] = rng.choice(rainy, size=7)
    return drawn
