"""Half-open spans of time, [start, end), in UTC seconds."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Window:
    """The span [start, end); `start` None means from the beginning. Both are epoch seconds, UTC."""

    start: int | None
    end: int

    def __post_init__(self) -> None:
        if self.start is not None and self.start >= self.end:
            raise ValueError(f"A window must end after it starts; got start {self.start}, end {self.end}.")

    @classmethod
    def before(cls, as_of: date, *, days: int | None = None, timezone: str) -> "Window":
        """Return the window of the `days` local days before `as_of`, which is not in it; all days when None."""
        end = midnight(as_of, timezone=timezone)
        return cls(None if days is None else midnight(as_of - timedelta(days=days), timezone=timezone), end)


def midnight(day: date, *, timezone: str) -> int:
    """Return the epoch second at which the local `day` begins in the named time zone."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).timestamp())


def epoch_day(day: date) -> int:
    """Return the number of days from 1970-01-01 to `day`: what the DAY columns of fact frames hold."""
    return (day - date(1970, 1, 1)).days
