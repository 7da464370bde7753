"""The condition language: what it may say, how it is checked, and its two evaluators.

    {"all": [ … ]}    {"any": [ … ]}    {"not": … }
    {"label": "recency_days", "op": "<", "value": 30}
    {"label": "price_class", "op": "in", "value": ["A", "C"]}
    {"label": "birth_year", "op": "known"}
    {"did": "Product Viewed", "where": {"category": "tea"}, "within_days": 7, "at_least": 2}

`to_expression` answers for a whole frame of labels, `matches` for one customer; a property test holds them
together. Both are two-valued: a label without a value satisfies no comparison, not even `!=`, and `not` turns
that into true. Who asks for "not class A" gets the customers without a class too; `known` tells them apart.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any, TypeVar

import narwhals as nw

Scalar = int | float | str | bool
Counts = TypeVar("Counts")

MAX_DEPTH = 8  # levels of all, any and not
MAX_TERMS = 200  # label and did terms together
MAX_VALUES = 1_000  # in the list of one "in"
MAX_DAYS = 3_650
MAX_NUMBER = 2**53  # up to here whole numbers and floats compare alike on every engine


class LabelType(Enum):
    """What the values of a label are."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "yes or no"


OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "=": eq,
    "!=": ne,
}
ORDERED = frozenset({"<", "<=", ">", ">="})
OPS = (*OPERATORS, "in", "known")


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
    where: tuple[tuple[str, Scalar], ...] = ()
    """Properties the event must have, sorted by name."""
    within_days: int | None = None
    at_least: int = 1

    @property
    def key(self) -> str:
        """Names what is counted, as JSON: terms that differ in `at_least` alone share one count.

        Use it as a column name or dictionary key; terms themselves are equal when 1 stands for true.
        """
        return json.dumps([self.event, dict(self.where), self.within_days], ensure_ascii=False)


Condition = All | AnyOf | Not | Label | Did


def parse(
    data: object, *, labels: Mapping[str, LabelType], events: Collection[str] | None = None
) -> Condition:
    """Return the condition that JSON data says.

    `labels` are the labels that may be named, with their types; `events` the events that may, any without it.
    ConditionError names the first thing that is wrong and its place.
    """
    condition = _Parser(labels, events).parse(data, "", 0)
    terms = sum(1 for _ in _terms(condition))
    if terms > MAX_TERMS:
        raise ConditionError(f"it has {terms} terms; at most {MAX_TERMS} are allowed.", path="")
    return condition


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
        case Did():
            data: dict[str, Any] = {"did": condition.event, "at_least": condition.at_least}
            if condition.where:
                data["where"] = dict(condition.where)
            if condition.within_days is not None:
                data["within_days"] = condition.within_days
            return data


def labels_of(condition: Condition) -> frozenset[str]:
    """Return the labels that the condition reads."""
    return frozenset(term.label for term in _terms(condition) if isinstance(term, Label))


def behaviour_of(condition: Condition) -> tuple[Did, ...]:
    """Return one behaviour term per distinct `key`, in order of appearance: what has to be counted."""
    found: dict[str, Did] = {}
    for term in _terms(condition):
        if isinstance(term, Did):
            found.setdefault(term.key, term)
    return tuple(found.values())


def to_expression(condition: Condition, *, counts: Callable[[Did], nw.Expr] | None = None) -> nw.Expr:
    """Return the condition as a Boolean expression, never null, over a frame with one column per label.

    `counts` gives the expression of how often a customer did a term (for example a column joined from events
    aggregated beforehand; null is zero times). Without it a behaviour term is an error. The columns of number
    labels must be numeric without NaN, those of text labels strings, the others Boolean.
    """
    match condition:
        case All(parts):
            return reduce(and_, (to_expression(part, counts=counts) for part in parts))
        case AnyOf(parts):
            return reduce(or_, (to_expression(part, counts=counts) for part in parts))
        case Not(part):
            return ~to_expression(part, counts=counts)
        case Did():
            return (_counter(counts)(condition) >= condition.at_least).fill_null(value=False)
        case Label(label, "known"):
            return ~nw.col(label).is_null()
        case Label(label, _, tuple() as values):
            return _one_of(label, values)
        case Label(label, op, value):
            compared: nw.Expr = OPERATORS[op](nw.col(label), value)
            return compared.fill_null(value=False)


def matches(
    condition: Condition,
    labels: Mapping[str, Scalar | None],
    *,
    counts: Callable[[Did], int | None] | None = None,
) -> bool:
    """Return whether the condition holds for one customer with these label values (missing is unknown).

    `counts` tells how often the customer did a term (None is zero times); without it such a term is an error.
    """
    match condition:
        case All(parts):
            return all(matches(part, labels, counts=counts) for part in parts)
        case AnyOf(parts):
            return any(matches(part, labels, counts=counts) for part in parts)
        case Not(part):
            return not matches(part, labels, counts=counts)
        case Did():
            return (_counter(counts)(condition) or 0) >= condition.at_least
        case Label(label, op, wanted):
            value = labels.get(label)
            if value is None:
                return False
            if isinstance(wanted, tuple):
                return value in wanted
            return op == "known" or bool(OPERATORS[op](value, wanted))


def _one_of(label: str, values: tuple[Scalar, ...]) -> nw.Expr:
    if isinstance(values[0], int | float) and not isinstance(values[0], bool):
        # Engines refuse floats against a column of whole numbers; up to MAX_NUMBER floats are exact.
        found = nw.col(label).cast(nw.Float64).is_in([float(value) for value in values])
    else:
        found = nw.col(label).is_in(list(values))
    return found.fill_null(value=False)


def _counter(counts: Counts | None) -> Counts:
    if counts is None:
        raise ValueError("The condition has a behaviour term (did); pass counts= to evaluate it.")
    return counts


def _terms(condition: Condition) -> Iterator[Label | Did]:
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _terms(part)
        case Not(part):
            yield from _terms(part)
        case _:
            yield condition


@dataclass(frozen=True)
class _Parser:
    """Walks the data and knows what may be named; every method takes the place in the tree."""

    labels: Mapping[str, LabelType]
    events: Collection[str] | None

    def parse(self, data: object, path: str, depth: int) -> Condition:
        if not isinstance(data, Mapping):
            raise ConditionError(
                f"found {_shown(data)}; an object such as {{'all': […]}} is wanted.", path=path
            )
        if depth > MAX_DEPTH:
            raise ConditionError(f"nested deeper than {MAX_DEPTH} levels; split it into segments.", path=path)
        kinds = [key for key in ("all", "any", "not", "label", "did") if key in data]
        if len(kinds) != 1:
            raise ConditionError(
                f"found {_shown(sorted(map(str, data)))}; one of all, any, not, label, did is wanted.",
                path=path,
            )
        kind = kinds[0]
        if kind == "label":
            return self.label(data, path)
        if kind == "did":
            return self.did(data, path)
        _only(data, (kind,), path)
        if kind == "not":
            return Not(self.parse(data["not"], _under(path, "not"), depth + 1))
        parts = self.parts(data[kind], _under(path, kind), depth + 1)
        return All(parts) if kind == "all" else AnyOf(parts)

    def parts(self, data: object, path: str, depth: int) -> tuple[Condition, ...]:
        if not isinstance(data, list) or not data:
            raise ConditionError(
                f"found {_shown(data)}; a list of conditions, not empty, is wanted.", path=path
            )
        if len(data) > MAX_TERMS:
            raise ConditionError(f"it has {len(data)} parts; at most {MAX_TERMS} are allowed.", path=path)
        return tuple(self.parse(part, f"{path}[{index}]", depth) for index, part in enumerate(data))

    def label(self, data: Mapping[Any, Any], path: str) -> Label:
        _only(data, ("label", "op", "value"), path)
        name, op = data["label"], data.get("op")
        kind = self.labels.get(name) if isinstance(name, str) else None
        if kind is None:
            raise ConditionError(f"there is no label {_shown(name)}.", path=_under(path, "label"))
        if op not in OPS:
            raise ConditionError(
                f"found {_shown(op)}; one of {' '.join(OPS)} is wanted.", path=_under(path, "op")
            )
        if op in ORDERED and kind is not LabelType.NUMBER:
            raise ConditionError(
                f"{op} compares numbers, but the label {name} is {kind.value}; use = != in or known.",
                path=_under(path, "op"),
            )
        value_path = _under(path, "value")
        if op == "known":
            if "value" in data:
                raise ConditionError("known takes no value.", path=value_path)
            return Label(name, op)
        if "value" not in data:
            raise ConditionError(f"{op} needs a value.", path=value_path)
        value = data["value"]
        if op != "in":
            return Label(name, op, _scalar(value, kind, value_path))
        if not isinstance(value, list) or not 0 < len(value) <= MAX_VALUES:
            raise ConditionError(
                f"found {_shown(value)}; a list of 1 to {MAX_VALUES} values is wanted.", path=value_path
            )
        return Label(name, op, tuple(_scalar(one, kind, f"{value_path}[{i}]") for i, one in enumerate(value)))

    def did(self, data: Mapping[Any, Any], path: str) -> Did:
        _only(data, ("did", "where", "within_days", "at_least"), path)
        event = data["did"]
        if not isinstance(event, str) or not event or (self.events is not None and event not in self.events):
            raise ConditionError(f"there is no event {_shown(event)}.", path=_under(path, "did"))
        where = data.get("where", {})
        where_path = _under(path, "where")
        if not isinstance(where, Mapping) or not all(isinstance(key, str) for key in where):
            raise ConditionError(
                f"found {_shown(where)}; an object of properties and their values is wanted.", path=where_path
            )
        properties = tuple(
            (key, _scalar(value, None, f"{where_path}.{key}")) for key, value in sorted(where.items())
        )
        days = data.get("within_days")
        return Did(
            event,
            properties,
            None if days is None else _count(days, _under(path, "within_days"), MAX_DAYS),
            _count(data.get("at_least", 1), _under(path, "at_least"), MAX_NUMBER),
        )


def _under(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _only(data: Mapping[Any, Any], allowed: tuple[str, ...], path: str) -> None:
    extra = sorted(str(key) for key in data if key not in allowed)
    if extra:
        raise ConditionError(
            f"unknown key {extra[0]!r}; allowed here: {', '.join(allowed)}.", path=_under(path, extra[0])
        )


def _scalar(value: object, kind: LabelType | None, path: str) -> Scalar:
    """The value if it is of the kind (any kind without one)."""
    if isinstance(value, bool):
        found: LabelType | None = LabelType.BOOLEAN
    elif isinstance(value, int | float):
        # Written so that NaN and the infinities fail too.
        if not -MAX_NUMBER <= value <= MAX_NUMBER:
            raise ConditionError(f"found {_shown(value)}; a number within ±2^53 is wanted.", path=path)
        found = LabelType.NUMBER
    else:
        found = LabelType.TEXT if isinstance(value, str) else None
    if found is None or (kind is not None and found is not kind):
        wanted = kind.value if kind else "text, number or yes or no"
        raise ConditionError(f"found {_shown(value)}; {wanted} is wanted.", path=path)
    assert isinstance(value, int | float | str)
    return value


def _count(value: object, path: str, limit: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= limit:
        raise ConditionError(f"found {_shown(value)}; a whole number from 1 to {limit} is wanted.", path=path)
    return value


def _shown(value: object) -> str:
    """The value as an error may show it: short, whatever was sent."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
