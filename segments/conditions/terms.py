"""What a condition is made of, its limits, and what can be read off it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

Scalar = int | float | str | bool

MAX_DEPTH = 8  # levels of all, any and not
MAX_TERMS = 200  # label, did and segment terms together
MAX_VALUES = 1_000  # in the list of one "in"
MAX_DAYS = 3_650
MAX_NUMBER = 2**53  # up to here whole numbers and floats compare alike on every engine
MAX_TEXT = 500  # characters of a value in `where`

DIMENSIONS: Final = ("brand", "category", "channel", "product", "store")
"""What `where` may ask of an event: brand and category of its product, its channel, shop's ids of product and store."""


class LabelType(Enum):
    """What the values of a label are."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "yes or no"


class ConditionError(ValueError):
    """A condition that cannot be used; `path` is the place in its tree, such as `all[1].not.value`."""

    def __init__(self, message: str, *, path: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path or 'condition'}: {message}")


@dataclass(frozen=True)
class All:
    """Every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True)
class Label:
    """A comparison of one label; `value` is None for "known" and a tuple for "in"."""

    label: str
    op: str
    value: Scalar | tuple[Scalar, ...] | None = None


@dataclass(frozen=True)
class Did:
    """An event seen at least so often; `within_days` None means ever."""

    event: str
    where: tuple[tuple[str, str], ...] = ()
    """Dimensions and the value that each must have, sorted by name."""
    within_days: int | None = None
    """Whole local days, today the last of them."""
    at_least: int = 1

    @property
    def key(self) -> str:
        """Names what is counted, as JSON: terms that differ in `at_least` alone share one count.

        Use it as a column name or dictionary key.
        """
        return json.dumps([self.event, dict(self.where), self.within_days], ensure_ascii=False)


@dataclass(frozen=True)
class InSegment:
    """The customer is in another segment, as that is defined now."""

    segment: str
    """Its key."""


Term = Label | Did | InSegment
Condition = All | AnyOf | Not | Term


def as_data(condition: Condition) -> dict[str, Any]:
    """Return the JSON data that `parse` turns into this condition."""
    match condition:
        case All(parts):
            return {"all": [as_data(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [as_data(part) for part in parts]}
        case Not(part):
            return {"not": as_data(part)}
        case Label(label, "known"):
            return {"label": label, "op": "known"}
        case Label(label, op, tuple() as values):
            return {"label": label, "op": op, "value": list(values)}
        case Label(label, op, value):
            return {"label": label, "op": op, "value": value}
        case InSegment(segment):
            return {"segment": segment}
        case Did():
            data: dict[str, Any] = {"did": condition.event, "at_least": condition.at_least}
            if condition.where:
                data["where"] = dict(condition.where)
            if condition.within_days is not None:
                data["within_days"] = condition.within_days
            return data


def terms(condition: Condition, path: str = "") -> Iterator[tuple[str, Term]]:
    """Yield the terms with their places in the tree, in order of appearance."""
    match condition:
        case All(parts) | AnyOf(parts):
            kind = under(path, "all" if isinstance(condition, All) else "any")
            for index, part in enumerate(parts):
                yield from terms(part, f"{kind}[{index}]")
        case Not(part):
            yield from terms(part, under(path, "not"))
        case _:
            yield path, condition


def labels_of(condition: Condition) -> frozenset[str]:
    """Return the labels that the condition reads itself, not through other segments."""
    return frozenset(term.label for _, term in terms(condition) if isinstance(term, Label))


def segments_of(condition: Condition) -> frozenset[str]:
    """Return the keys of the segments that the condition names."""
    return frozenset(term.segment for _, term in terms(condition) if isinstance(term, InSegment))


def behaviour_of(*conditions: Condition) -> tuple[Did, ...]:
    """Return one behaviour term per distinct `key`, in order of appearance: what has to be counted."""
    found: dict[str, Did] = {}
    for condition in conditions:
        for _, term in terms(condition):
            if isinstance(term, Did):
                found.setdefault(term.key, term)
    return tuple(found.values())


def under(path: str, key: str) -> str:
    """Return the place of a key within a place."""
    return f"{path}.{key}" if path else key
