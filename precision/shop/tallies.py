"""Counting what became of what came in: a row per source, day and outcome, appended, never updated.

Writers that update one shared row would wait for each other's commits; appended rows are added up by night.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from precision.shop.models import Platform, Source, Tally


class Outcome(StrEnum):
    """What can become of a record; the first four are exclusive, the others are told beside them."""

    ACCEPTED = "accepted"
    UPDATED = "updated"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    LATE = "late"  # it happened more than a day before it came in
    CLOCK_SKEWED = "clock_skewed"  # its sender's clock ran ahead; the time was clamped
    UNKNOWN_PRODUCT = "unknown_product"
    BOT = "bot"


def append(
    platform: Platform,
    source: Source | None,
    counts: Mapping[tuple[Outcome, str], int],
    *,
    kind: str,
    day: date,
) -> None:
    """Append the counts of (outcome, reason) in the running transaction, so that they are true after any crash."""
    Tally.objects.bulk_create(
        Tally(
            platform=platform, source=source, day=day, kind=kind, outcome=outcome, reason=reason, count=number
        )
        for (outcome, reason), number in counts.items()
        if number
    )
