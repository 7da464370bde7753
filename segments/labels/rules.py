"""Labels that staff define: the language of their definitions, and their values over a frame of labels.

    {"when": CONDITION}                                   yes or no
    {"cases": [{"when": CONDITION, "value": "gold"}, …], "otherwise": "none"}   the first case that holds

Conditions read labels (`segments.conditions`): built-in ones, and labels that staff give by hand; not other rules, so
that there are no circles. Behaviour (`did`) belongs into segments, which follow events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import narwhals as nw
import polars as pl

from segments import conditions
from segments.conditions import Condition, ConditionError, LabelType, Scalar

MOST_CASES: Final = 50
LONGEST_TEXT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A checked definition."""

    type: LabelType
    cases: tuple[tuple[Condition, Scalar], ...]
    otherwise: Scalar | None = None
    """The value of who fits no case; None: not known."""


def parse(data: object, *, type: LabelType, labels: Mapping[str, LabelType]) -> Rule:
    """Return the rule that JSON data says; ConditionError names the first thing that is wrong and its place.

    `type` is that of the label's values, `labels` are those that conditions may name.
    """
    if not isinstance(data, Mapping):
        raise ConditionError('an object is wanted: {"when": …} or {"cases": […]}.', path="")
    if "when" in data:
        _only(data, ("when",), "")
        if type is not LabelType.BOOLEAN:
            raise ConditionError(
                f"a single condition gives yes or no, but the label is {type.value}; use cases.", path="when"
            )
        return Rule(type=type, cases=((_condition(data["when"], "when", labels), True),), otherwise=False)
    if "cases" not in data:
        raise ConditionError('one of "when" and "cases" is wanted.', path="")
    _only(data, ("cases", "otherwise"), "")
    cases = data["cases"]
    if not isinstance(cases, list) or not 0 < len(cases) <= MOST_CASES:
        raise ConditionError(f"a list of 1 to {MOST_CASES} cases is wanted.", path="cases")
    otherwise = data.get("otherwise")
    return Rule(
        type=type,
        cases=tuple(_case(case, f"cases[{index}]", type, labels) for index, case in enumerate(cases)),
        otherwise=None if otherwise is None else _value(otherwise, type, "otherwise"),
    )


def labels_of(rule: Rule) -> frozenset[str]:
    """Return the labels that the rule reads."""
    return frozenset(label for condition, _ in rule.cases for label in conditions.labels_of(condition))


def values(rule: Rule, frame: pl.DataFrame) -> pl.Series:
    """Return the value of each row of a frame of labels."""
    rows = nw.from_native(frame)
    column: Any = pl.lit(rule.otherwise, dtype=_dtype(rule))
    held = rows.select(
        conditions.to_expression(condition).alias(str(number))
        for number, (condition, _) in enumerate(rule.cases)
    ).to_native()
    for number, (_, value) in reversed(list(enumerate(rule.cases))):
        column = pl.when(pl.col(str(number))).then(pl.lit(value, dtype=_dtype(rule))).otherwise(column)
    return held.select(column.alias("value"))["value"]


def value_of(rule: Rule, labels: Mapping[str, Scalar | None]) -> Scalar | None:
    """Return the value of one customer with these labels."""
    for condition, value in rule.cases:
        if conditions.matches(condition, labels):
            return value
    return rule.otherwise


def _case(
    case: object, path: str, type: LabelType, labels: Mapping[str, LabelType]
) -> tuple[Condition, Scalar]:
    if not isinstance(case, Mapping) or set(case) != {"when", "value"}:
        raise ConditionError("an object with when and value is wanted.", path=path)
    return _condition(case["when"], f"{path}.when", labels), _value(case["value"], type, f"{path}.value")


def _condition(data: object, path: str, labels: Mapping[str, LabelType]) -> Condition:
    try:
        condition = conditions.parse(data, labels=labels)
    except ConditionError as error:
        raise ConditionError(error.message, path=f"{path}.{error.path}" if error.path else path) from error
    for term in conditions.behaviour_of(condition):
        raise ConditionError(
            f"did {term.event!r}: labels read labels; make a segment for behaviour.", path=path
        )
    return condition


def _value(value: object, type: LabelType, path: str) -> Scalar:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        LabelType.NUMBER: number and -conditions.MAX_NUMBER <= value <= conditions.MAX_NUMBER,  # type: ignore[operator]
        LabelType.BOOLEAN: isinstance(value, bool),
        LabelType.TEXT: isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT and "\0" not in value,
    }[type]
    if not fits:
        raise ConditionError(f"found {repr(value)[:60]}; {type.value} is wanted.", path=path)
    return value  # type: ignore[return-value]


def _only(data: Mapping[Any, Any], allowed: Sequence[str], path: str) -> None:
    extra = sorted(str(key) for key in data if key not in allowed)
    if extra:
        raise ConditionError(
            f"unknown key {extra[0]!r}; allowed here: {', '.join(allowed)}.", path=path or extra[0]
        )


def _dtype(rule: Rule) -> Any:
    if rule.type is LabelType.TEXT:
        return pl.String()
    return pl.Boolean() if rule.type is LabelType.BOOLEAN else pl.Float64()
