"""Rows that another way in takes, with its own reading, counting and dead letters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from precision.shop.models import Platform, Source
from precision.shop.recording.answers import Refusal


@dataclass(slots=True, kw_only=True)
class HandedOn:
    """The rows of one call, as they came."""

    platform: Platform
    rows: Sequence[Any]
    replace: bool
    source: Source
    now: datetime
    trusted: bool
    letters: bool
    """Keep what is refused as dead letters."""
    own_refusals: set[int] = field(default_factory=set)
    """Places of rows that were refused before they were handed on: to be counted and kept by who hands on."""


Outcomes = dict[int, str | Refusal]
"""By place: accepted, updated or duplicate, or why it was refused."""
Teller = Callable[[HandedOn], Outcomes]
