"""What became of rows that were sent."""

from dataclasses import asdict, dataclass, field
from typing import Any

from precision.shop.records import REASONS, Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why one row was not taken."""

    index: int
    """Place in the list that was sent, from 0."""
    code: str
    detail: str
    """For people; repeats no value that was sent."""
    field: str = ""
    """Where in the row, like `lines[2].quantity`; empty: the row as a whole."""


def refusal(index: int, code: Code, name: str = "") -> Refusal:
    """Return the refusal of a row with the words that belong to the code."""
    return Refusal(index=index, code=code.value, detail=REASONS[code], field=name)


@dataclass(slots=True, kw_only=True)
class Answer:
    """Counts of the rows, and each refusal by its place; every row is counted once."""

    accepted: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: list[Refusal] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the answer of the API."""
        return {
            "accepted": self.accepted,
            "updated": self.updated,
            "duplicate": self.duplicate,
            "rejected": [asdict(one) for one in self.rejected],
        }
