"""What this app has of a person, for their export and for their erasure: nothing, its tables describe places."""

from collections.abc import Iterator
from typing import Any

from precision.shop.erasure.subject import Subject


def erase(subject: Subject) -> dict[str, int]:
    """Return the tables with rows about people, and how many were deleted: there is no such table."""
    return {}


def export(subject: Subject) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield the tables with rows about people: there is none."""
    yield from ()
