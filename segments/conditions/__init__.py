"""The condition language: what it may say, how it is checked, and its two evaluators (docs/conditions.md).

    {"all": [ … ]}    {"any": [ … ]}    {"not": … }
    {"label": "recency_days", "op": "<", "value": 30}
    {"label": "price_class", "op": "in", "value": ["A", "C"]}
    {"label": "age", "op": "known"}
    {"did": "Product Viewed", "where": {"category": "tea"}, "within_days": 7, "at_least": 2}
    {"segment": "big-customers"}

`to_expression` answers for a whole frame of labels, `matches` for one customer; a property test holds them
together. Both are two-valued: a label without a value satisfies no comparison, not even `!=`, and `not` turns
that into true. Who asks for "not class A" gets the customers without a class too; `known` tells them apart.
"""

from segments.conditions.evaluating import OPERATORS, matches, to_expression
from segments.conditions.graph import CycleError, needed, needed_by, ordered, users
from segments.conditions.parsing import KINDS, OPS, ORDERED, parse
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
    Term,
    as_data,
    behaviour_of,
    labels_of,
    segments_of,
    terms,
)

__all__ = [
    "DIMENSIONS",
    "KINDS",
    "MAX_DAYS",
    "MAX_DEPTH",
    "MAX_NUMBER",
    "MAX_TERMS",
    "MAX_TEXT",
    "MAX_VALUES",
    "OPERATORS",
    "OPS",
    "ORDERED",
    "All",
    "AnyOf",
    "Condition",
    "ConditionError",
    "CycleError",
    "Did",
    "InSegment",
    "Label",
    "LabelType",
    "Not",
    "Scalar",
    "Term",
    "as_data",
    "behaviour_of",
    "labels_of",
    "matches",
    "needed",
    "needed_by",
    "ordered",
    "parse",
    "segments_of",
    "terms",
    "to_expression",
    "users",
]
