"""The label library as data: what each label means, where its values come from, and why somebody has one.

A *source* computes the values of several labels for everybody at once and tells the evidence of one value when asked.
Sources register themselves when their module is imported; `segments.labels` imports them all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import polars as pl

from precision.shop.scopes import Scope
from segments.conditions import LabelType


class Kind(StrEnum):
    """What a value rests on."""

    FACT = "fact"
    """Counted from facts."""
    RULE = "rule"
    """A condition over other labels, or a rule with thresholds."""
    MODEL = "model"
    """Estimated."""
    MANUAL = "manual"
    """Given by staff."""


class Sensitivity(StrEnum):
    """How carefully a value is shown."""

    PLAIN = "plain"
    PERSONAL = "personal"
    """Tells who somebody is."""
    SENSITIVE = "sensitive"
    """May harm: income, marriage, age."""


class Refresh(StrEnum):
    """When a value follows the facts."""

    EVENT = "event"
    MINUTE = "minute"
    NIGHTLY = "nightly"


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A label: what staff read about it."""

    key: str
    """Snake case; conditions name it, so it never changes."""
    title: str
    kind: Kind
    type: LabelType
    unit: str = ""
    formula: str
    """How the value comes about, in one sentence or two."""
    sensitivity: Sensitivity = Sensitivity.PLAIN
    refresh: Refresh = Refresh.NIGHTLY
    version: int = 1
    """Raised whenever the same facts would give another value."""
    owner: str = "Precision"
    values: tuple[str, ...] = ()
    """All that a text may be, where that is known."""


Evidence = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Computes labels of one topic."""

    name: str
    definitions: tuple[Definition, ...]
    frame: Callable[[Scope, date], pl.DataFrame]
    """CUSTOMER (Int64, once each) and one column a definition, null where not known, as of a date."""
    evidence: Callable[[Scope, date, int, str], Evidence | None]
    """What the value of a customer's label was computed from (JSON values); None where there is no value."""


_sources: dict[str, Source] = {}


def register(*found: Source) -> None:
    """Add sources; raise ValueError when two bear one name or define one label."""
    for source in found:
        if _sources.get(source.name, source) != source:
            raise ValueError(f"Two sources of labels are called {source.name!r}; rename one of them.")
        taken = {
            each.key: other.name
            for other in _sources.values()
            if other.name != source.name
            for each in other.definitions
        }
        for each in source.definitions:
            if each.key in taken:
                raise ValueError(
                    f"The label {each.key!r} is defined by {taken[each.key]!r} and {source.name!r}; rename one."
                )
        _sources[source.name] = source


def sources() -> tuple[Source, ...]:
    """Return the sources, as registered."""
    return tuple(_sources.values())


def definitions() -> Mapping[str, Definition]:
    """Return the built-in labels by key, in the order of their sources."""
    return MappingProxyType({each.key: each for source in _sources.values() for each in source.definitions})


def source_of(key: str) -> Source | None:
    """Return the source that computes a label; None for one that is not built in."""
    return next(
        (source for source in _sources.values() if key in {each.key for each in source.definitions}), None
    )
