"""Random histories of customers, and their stages told day by day, by a second, plain way."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl
from hypothesis import strategies as st

from precision.shop import columns as c
from segments.lifecycle.stages import LIMIT_DAYS, NEW, WIN_BACK_DAYS, Stage
from segments.methods.gaps import NEXT_DAY

FIRST_DAY = 18_000
LAST_DAY = FIRST_DAY + 60


@dataclass(frozen=True)
class Person:
    """What somebody did: day of the first behaviour, of the first inquiry, and of each order with its two limits."""

    seen: int | None
    asked: int | None
    orders: dict[int, tuple[int, int]]

    def stages(self, as_of: int) -> list[tuple[int, str]]:
        """Return (day, stage at its end) for each day before `as_of`; NEW before the first."""
        found = []
        stage, last = NEW, None
        for day in range(FIRST_DAY, as_of):
            if self.seen == day and stage == NEW:
                stage = Stage.CONTACT
            if self.asked == day and stage in {NEW, Stage.CONTACT}:
                stage = Stage.ACQUISITION
            if day in self.orders:
                stage, last = Stage.DEVELOPMENT, day
            elif last is not None:
                late, silent = self.orders[last]
                if day - last > silent:
                    stage = Stage.WIN_BACK
                elif day - last > late:
                    stage = Stage.RETENTION
            found.append((day, str(stage)))
        return found

    def changes(self, as_of: int) -> list[tuple[int, str, str]]:
        """Return (day, stage before, stage) of each change."""
        told = self.stages(as_of)
        before = [NEW, *(stage for _, stage in told)]
        return [(day, old, stage) for (day, stage), old in zip(told, before, strict=False) if stage != old]


DAYS = st.integers(FIRST_DAY, LAST_DAY - 1)
LIMITS = st.tuples(st.integers(1, 12), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
PERSON = st.builds(
    Person,
    seen=st.none() | DAYS,
    asked=st.none() | DAYS,
    orders=st.dictionaries(DAYS, LIMITS, max_size=8),
)
PEOPLE = st.lists(PERSON, max_size=5)


def frames(people: list[Person]) -> tuple[Any, Any, Any]:
    """Return the contacts, inquiries and purchases as `stages.changes` wants them."""
    seen = [(key, each.seen) for key, each in enumerate(people) if each.seen is not None]
    asked = [(key, each.asked) for key, each in enumerate(people) if each.asked is not None]
    orders = [
        (key, day, following, *each.orders[day])
        for key, each in enumerate(people)
        for day, following in zip(sorted(each.orders), [*sorted(each.orders)[1:], None], strict=False)
    ]
    days = {c.CUSTOMER: pl.Int64, c.DAY: pl.Int64}
    spans = {**days, NEXT_DAY: pl.Int64, LIMIT_DAYS: pl.Int64, WIN_BACK_DAYS: pl.Int64}
    return tuple(
        nw.from_native(pl.LazyFrame(rows, schema=schema, orient="row"))
        for rows, schema in ((seen, days), (asked, days), (orders, spans))
    )  # type: ignore[return-value]
