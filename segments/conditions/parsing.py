"""From JSON data to a condition: every refusal names the place in the tree."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from segments.conditions.evaluating import OPERATORS
from segments.conditions.terms import (
    DIMENSIONS,
    MAX_DAYS,
    MAX_DEPTH,
    MAX_NUMBER,
    MAX_TERMS,
    MAX_TEXT,
    MAX_VALUES,
    All,
    AnyOf,
    Condition,
    ConditionError,
    Did,
    InSegment,
    Label,
    LabelType,
    Not,
    Scalar,
    terms,
    under,
)

KINDS: Final = ("all", "any", "not", "label", "did", "segment")
ORDERED: Final = frozenset({"<", "<=", ">", ">="})
OPS: Final = (*OPERATORS, "in", "known")


def parse(
    data: object,
    *,
    labels: Mapping[str, LabelType],
    events: Collection[str] | None = None,
    segments: Collection[str] = (),
) -> Condition:
    """Return the condition that JSON data says.

    `labels` are the labels that may be named, with their types; `events` the events that may, any without it;
    `segments` the keys of the segments that may. ConditionError names the first thing that is wrong and its place.
    """
    condition = _Parser(labels, events, segments).parse(data, "", 0)
    found = sum(1 for _ in terms(condition))
    if found > MAX_TERMS:
        raise ConditionError(f"it has {found} terms; at most {MAX_TERMS} are allowed.", path="")
    return condition


@dataclass(frozen=True)
class _Parser:
    """Walks the data and knows what may be named; every method takes the place in the tree."""

    labels: Mapping[str, LabelType]
    events: Collection[str] | None
    segments: Collection[str]

    def parse(self, data: object, path: str, depth: int) -> Condition:
        if not isinstance(data, Mapping):
            raise ConditionError(
                f"found {_shown(data)}; an object such as {{'all': […]}} is wanted.", path=path
            )
        if depth > MAX_DEPTH:
            raise ConditionError(f"nested deeper than {MAX_DEPTH} levels; split it into segments.", path=path)
        kinds = [key for key in KINDS if key in data]
        if len(kinds) != 1:
            raise ConditionError(
                f"found {_shown(sorted(map(str, data)))}; one of {', '.join(KINDS)} is wanted.", path=path
            )
        kind = kinds[0]
        if kind == "label":
            return self.label(data, path)
        if kind == "did":
            return self.did(data, path)
        if kind == "segment":
            return self.segment(data, path)
        _only(data, (kind,), path)
        if kind == "not":
            return Not(self.parse(data["not"], under(path, "not"), depth + 1))
        parts = self.parts(data[kind], under(path, kind), depth + 1)
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
            raise ConditionError(f"there is no label {_shown(name)}.", path=under(path, "label"))
        if op not in OPS:
            raise ConditionError(
                f"found {_shown(op)}; one of {' '.join(OPS)} is wanted.", path=under(path, "op")
            )
        if op in ORDERED and kind is not LabelType.NUMBER:
            raise ConditionError(
                f"{op} compares numbers, but the label {name} is {kind.value}; use = != in or known.",
                path=under(path, "op"),
            )
        value_path = under(path, "value")
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

    def segment(self, data: Mapping[Any, Any], path: str) -> InSegment:
        _only(data, ("segment",), path)
        key = data["segment"]
        if not isinstance(key, str) or key not in self.segments:
            raise ConditionError(f"there is no segment {_shown(key)}.", path=under(path, "segment"))
        return InSegment(key)

    def did(self, data: Mapping[Any, Any], path: str) -> Did:
        _only(data, ("did", "where", "within_days", "at_least"), path)
        event = data["did"]
        if not isinstance(event, str) or not event or (self.events is not None and event not in self.events):
            raise ConditionError(f"there is no event {_shown(event)}.", path=under(path, "did"))
        where_path = under(path, "where")
        where = data.get("where", {})
        if not isinstance(where, Mapping) or not all(isinstance(key, str) for key in where):
            raise ConditionError(
                f"found {_shown(where)}; an object of dimensions and their values is wanted.", path=where_path
            )
        properties = tuple(
            (name, _dimension(name, value, f"{where_path}.{name}")) for name, value in sorted(where.items())
        )
        days = data.get("within_days")
        return Did(
            event,
            properties,
            None if days is None else _count(days, under(path, "within_days"), MAX_DAYS),
            _count(data.get("at_least", 1), under(path, "at_least"), MAX_NUMBER),
        )


def _dimension(name: str, value: object, path: str) -> str:
    """The value of a dimension, which is text."""
    if name not in DIMENSIONS:
        raise ConditionError(
            f"there is no dimension {_shown(name)}; one of {', '.join(DIMENSIONS)} is wanted.", path=path
        )
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or "\0" in value:
        raise ConditionError(f"found {_shown(value)}; text is wanted.", path=path)
    return value


def _only(data: Mapping[Any, Any], allowed: tuple[str, ...], path: str) -> None:
    extra = sorted(str(key) for key in data if key not in allowed)
    if extra:
        raise ConditionError(
            f"unknown key {extra[0]!r}; allowed here: {', '.join(allowed)}.", path=under(path, extra[0])
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
