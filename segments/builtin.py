"""The labels that the nightly jobs compute, and the segments that every platform starts with, as data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from segments.conditions import LabelType
from segments.labels import registry
from segments.methods.price_classes import PRICE_CLASS
from segments.methods.rfm import FREQUENCY, GROUPS, MONEY_SCORE, RECENCY_DAYS, RFM_GROUP


class _Types(Mapping[str, LabelType]):
    """The types of the built-in labels by key: a view of the library, so that whatever registers later is in it."""

    def __getitem__(self, key: str) -> LabelType:
        return registry.definitions()[key].type

    def __iter__(self) -> Iterator[str]:
        return iter(registry.definitions())

    def __len__(self) -> int:
        return len(registry.definitions())


LABELS: Final[Mapping[str, LabelType]] = _Types()


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
