"""What became of a call, and how a refusal is raised while it is read."""

from enum import StrEnum
from typing import Any, NamedTuple

from precision.shop.records import REASONS, Code


class Status(StrEnum):
    """What became of a call."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


class Verdict(NamedTuple):
    """What became of one call; code, detail and field only where it was rejected."""

    status: Status
    code: str = ""
    detail: str = ""
    field: str = ""


ACCEPTED = Verdict(Status.ACCEPTED)
DUPLICATE = Verdict(Status.DUPLICATE)


class RefusedError(ValueError):
    """A call cannot be used; says why, and which of its fields it is about."""

    def __init__(self, code: Code, field: str, *, found: Any = None) -> None:
        self.code = code
        self.field = field
        self.found = found
        super().__init__(REASONS[code])

    @property
    def verdict(self) -> Verdict:
        """The refusal as a verdict; repeats no value, which may be personal, but names its type."""
        detail = REASONS[self.code]
        if self.code in TYPED:
            detail = f"{detail} Found: {NAMES.get(type(self.found), 'something else')}."
        return Verdict(Status.REJECTED, self.code.value, detail, self.field)


TYPED = frozenset({Code.NOT_TEXT, Code.NOT_AN_OBJECT, Code.NOT_A_LIST, Code.NOT_A_NUMBER, Code.NOT_A_TIME})
NAMES = {
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "nothing",
}
