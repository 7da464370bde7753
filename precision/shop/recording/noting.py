"""What became of rows, written down: counts per source, and what was refused as dead letters."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from precision.shop import bulk, dead_letters, tallies
from precision.shop.dead_letters import Letter
from precision.shop.models import Platform, Source
from precision.shop.recording.answers import Answer, Refusal
from precision.shop.tallies import Outcome


def answer_of(outcomes: Mapping[int, str], refused: Mapping[int, Refusal]) -> Answer:
    """Return the answer from the outcome, or the refusal, of each place."""
    counts = Counter(outcomes.values())
    return Answer(
        accepted=counts[bulk.ACCEPTED],
        updated=counts[bulk.UPDATED],
        duplicate=counts[bulk.DUPLICATE],
        rejected=[refused[place] for place in sorted(refused)],
    )


def count(platform: Platform, source: Source, kind: str, answer: Answer, *, now: datetime) -> None:
    """Append the counts to those of the source, in the running transaction."""
    counts: Counter[tuple[Outcome, str]] = Counter(
        {
            (Outcome.ACCEPTED, ""): answer.accepted,
            (Outcome.UPDATED, ""): answer.updated,
            (Outcome.DUPLICATE, ""): answer.duplicate,
        }
    )
    counts.update((Outcome.REJECTED, one.code) for one in answer.rejected)
    tallies.append(platform, source, counts, kind=kind, day=now.date())


def keep(
    platform: Platform, source: Source, kind: str, rows: Sequence[Any], answer: Answer, *, trusted: bool
) -> None:
    """Keep the refused rows, so that they can be sent in again after a fix."""
    letters = [
        Letter(
            kind=kind,
            code=one.code,
            detail=one.detail,
            field=one.field,
            payload=rows[one.index],
            trusted=trusted,
        )
        for one in answer.rejected
    ]
    if letters:
        dead_letters.keep(platform, letters, source=source)
