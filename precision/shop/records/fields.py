"""What fields of records hold, and their bounds."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
CLOCK_SKEW: Final = timedelta(days=1)
"""How far ahead of our clock a time may lie: clocks differ, and a day begins earlier in the east."""
LARGEST: Final = 10**12
"""Bound of amounts and quantities: kept in eight bytes, sums of a million rows included."""
NAMES_SEPARATOR: Final = "|"
"""Between several names in one cell of a text file."""


class Type(StrEnum):
    """What a field holds."""

    ID = "id"  # text without spaces around it; a whole number counts as its digits
    TEXT = "text"
    MONEY = "money"  # 1/10,000 of the currency unit once read
    QUANTITY = "quantity"  # 1/1,000 of a unit once read
    WHOLE = "whole number"
    NUMBER = "number"
    TIME = "time"  # with zone, or in the zone of the mapping
    DATE = "date"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CURRENCY = "currency"
    URL = "address"
    PATH = "path"  # list of texts, from the root
    NAMES = "names"  # list of texts
    OBJECT = "object"  # anything, by key
    RECORDS = "records"  # list of records of another kind (`of`)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a record and its bounds."""

    name: str
    type: Type
    required: bool = False
    longest: int = 200
    """Characters of a text, or of each text of a list."""
    least: int | None = None
    """Smallest allowed number, in whole units; None: no bound but LARGEST."""
    most: int | None = None
    choices: tuple[str, ...] = ()
    personal: bool = False
    """Kept encrypted, and never repeated in a rejects file."""
    of: str = ""
    """Kind of the records in a list of records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of record; its rows belong together when they share `key`."""

    name: str
    key: str
    """Field whose value tells its records apart; empty: nothing does, or several fields together."""
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """Return the field of that name, or None when the kind has none."""
        return next((field for field in self.fields if field.name == name), None)
