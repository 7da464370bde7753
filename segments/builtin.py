"""The labels that the nightly jobs compute, and the segments that every platform starts with, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segments.conditions import LabelType
from segments.methods.price_classes import PRICE_CLASS
from segments.methods.prices import DISCOUNT_SHARE, PRICE_POSITION
from segments.methods.rfm import (
    FREQUENCY,
    FREQUENCY_SCORE,
    GROUPS,
    MONEY_SCORE,
    RECENCY_DAYS,
    RECENCY_SCORE,
    RFM_GROUP,
)

MONEY = "money"  # what the customer spent net of returns, in currency units

LABELS: Mapping[str, LabelType] = {
    PRICE_CLASS: LabelType.TEXT,
    PRICE_POSITION: LabelType.NUMBER,
    DISCOUNT_SHARE: LabelType.NUMBER,
    RECENCY_DAYS: LabelType.NUMBER,
    FREQUENCY: LabelType.NUMBER,
    MONEY: LabelType.NUMBER,
    RECENCY_SCORE: LabelType.NUMBER,
    FREQUENCY_SCORE: LabelType.NUMBER,
    MONEY_SCORE: LabelType.NUMBER,
    RFM_GROUP: LabelType.TEXT,
}


@dataclass(frozen=True, kw_only=True)
class BuiltinSegment:
    """A segment that comes with the product."""

    key: str
    name: str
    description: str
    condition: Mapping[str, Any]
    """In the language of `segments.conditions`, over LABELS."""


def _is(label: str, value: str) -> dict[str, Any]:
    return {"label": label, "op": "=", "value": value}


def _compared(label: str, op: str, value: int) -> dict[str, Any]:
    return {"label": label, "op": op, "value": value}


_CLASSES = (
    ("a", "Class A: quality", "Tend to buy the dearer goods of their kind, and not for the discounts."),
    (
        "b",
        "Class B: price-sensitive",
        "Save a larger share than most, or buy the cheaper goods of their kind.",
    ),
    ("c", "Class C: price does not matter", "Buy the cheap and the dear alike."),
    ("u", "Class U: not enough evidence", "Ordered too little, or too near the border between two classes."),
)

SEGMENTS = (
    *(
        BuiltinSegment(
            key=f"class-{letter}",
            name=name,
            description=description,
            condition=_is(PRICE_CLASS, letter.upper()),
        )
        for letter, name, description in _CLASSES
    ),
    *(
        BuiltinSegment(
            key=f"rfm-{group.key.replace('_', '-')}",
            name=f"RFM: {group.name.lower()}",
            description=group.action,
            condition=_is(RFM_GROUP, group.key),
        )
        for group in GROUPS
    ),
    BuiltinSegment(
        key="active",
        name="Active",
        description="Ordered in the last 90 days.",
        condition=_compared(RECENCY_DAYS, "<=", 90),
    ),
    BuiltinSegment(
        key="lapsed",
        name="Lapsed",
        description="Ordered once upon a time, but not in the last 180 days.",
        condition=_compared(RECENCY_DAYS, ">", 180),
    ),
    BuiltinSegment(
        key="one-order",
        name="One order only",
        description="Have not come back yet.",
        condition=_compared(FREQUENCY, "=", 1),
    ),
    BuiltinSegment(
        key="big-customers-slipping",
        name="Big customers slipping away",
        description="In the top fifth by money, no order in the last 90 days.",
        condition={"all": [_compared(MONEY_SCORE, "=", 5), _compared(RECENCY_DAYS, ">", 90)]},
    ),
    BuiltinSegment(
        key="bargain-hunters-active",
        name="Active bargain hunters",
        description="Class B, ordered in the last 90 days.",
        condition={"all": [_is(PRICE_CLASS, "B"), _compared(RECENCY_DAYS, "<=", 90)]},
    ),
)
