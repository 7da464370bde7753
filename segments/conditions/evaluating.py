"""The two evaluators of conditions: one for a whole frame, one for a single customer."""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import and_, eq, ge, gt, le, lt, ne, or_
from typing import Any, TypeVar

import narwhals as nw

from segments.conditions.terms import All, AnyOf, Condition, Did, InSegment, Label, Not, Scalar

Given = TypeVar("Given")

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "=": eq,
    "!=": ne,
}


COMPARED = 8
"""So many texts are compared one by one: of a few, that takes a third of the time of looking them up in a set."""


def to_expression(
    condition: Condition,
    *,
    counts: Callable[[Did], nw.Expr] | None = None,
    segments: Callable[[str], nw.Expr] | None = None,
) -> nw.Expr:
    """Return the condition as a Boolean expression, never null, over a frame with one column per label.

    `counts` gives the expression of how often a customer did a term (for example a column joined from events
    aggregated beforehand; null is zero times), `segments` the one of whether a customer is in a segment (null is no).
    Without them such terms are an error. The columns of number labels must be numeric without NaN, those of text
    labels strings, the others Boolean.
    """
    match condition:
        case All(parts):
            return reduce(and_, (to_expression(part, counts=counts, segments=segments) for part in parts))
        case AnyOf(parts):
            return reduce(or_, (to_expression(part, counts=counts, segments=segments) for part in parts))
        case Not(part):
            return ~to_expression(part, counts=counts, segments=segments)
        case Did():
            return (_given(counts, "counts")(condition) >= condition.at_least).fill_null(value=False)
        case InSegment(key):
            return _given(segments, "segments")(key).fill_null(value=False)
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
    segments: Callable[[str], bool] | None = None,
) -> bool:
    """Return whether the condition holds for one customer with these label values (missing is unknown).

    `counts` tells how often the customer did a term (None is zero times), `segments` whether they are in a segment;
    without them such a term is an error.
    """
    match condition:
        case All(parts):
            return all(matches(part, labels, counts=counts, segments=segments) for part in parts)
        case AnyOf(parts):
            return any(matches(part, labels, counts=counts, segments=segments) for part in parts)
        case Not(part):
            return not matches(part, labels, counts=counts, segments=segments)
        case Did():
            return (_given(counts, "counts")(condition) or 0) >= condition.at_least
        case InSegment(key):
            return _given(segments, "segments")(key)
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
    elif len(values) <= COMPARED:
        found = reduce(or_, (nw.col(label) == value for value in values))
    else:
        found = nw.col(label).is_in(list(values))
    return found.fill_null(value=False)


def _given(function: Given | None, name: str) -> Given:
    if function is None:
        what = "a behaviour term (did)" if name == "counts" else "a segment term"
        raise ValueError(f"The condition has {what}; pass {name}= to evaluate it.")
    return function
