"""Calls in, verdicts out: read each call, then write all of them, together with those of other requests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from precision.shop.intake import committing, reading, surroundings, traits
from precision.shop.intake.reading import Reading
from precision.shop.intake.verdicts import RefusedError, Verdict
from precision.shop.intake.writing import Submission
from precision.shop.models import Platform, Source
from precision.shop.records import Code


def receive(
    platform: Platform,
    calls: Sequence[Any],
    *,
    source: Source,
    trusted: bool,
    received_at: datetime,
    lag: timedelta = timedelta(),
    checked: bool = False,
    largest: int | None = None,
) -> list[Verdict]:
    """Take in calls of the SDK dialect (`type`, `userId`, `anonymousId`, `messageId`, `timestamp` …) of one platform.

    Returns what became of each, in the order given. What is accepted or a duplicate is durable on return, unless the
    caller has opened a transaction: then it is with that. What is rejected is kept as a dead letter. `trusted`: the
    shop itself calls, with a server key or from its own files. `lag` is how far our clock is ahead of the sender's, for
    calls without a `sentAt`; `checked`: the calls hold neither NUL, lone surrogates nor numbers that are not finite;
    `largest`: bytes of JSON that each may take.
    Raises BusyError (`committing`) when too much waits to be written; then nothing of it was.
    """
    one = Submission(platform=platform, source=source, trusted=trusted, received=received_at)
    for place, call in enumerate(calls):
        try:
            if largest is not None:
                _refuse_oversized(call, largest)
            read = reading.read(call, received=received_at, lag=lag, checked=checked)
            if read.kind == "identify" and read.call.get("traits"):
                traits.read(read.call["traits"])
            _refuse_programs(platform, read)
        except RefusedError as error:
            one.refused[place] = (error.verdict, call)
        else:
            one.readings[place] = read
    committing.commit(one)
    return [
        one.verdicts[place] if place in one.verdicts else one.refused[place][0] for place in range(len(calls))
    ]


def _refuse_oversized(call: Any, largest: int) -> None:
    """Raise RefusedError when the call takes more than `largest` bytes of JSON."""
    try:
        size = len(orjson.dumps(call))
    except orjson.JSONEncodeError:  # what cannot be written as JSON is refused by the reader, with the reason
        return
    if size > largest:
        raise RefusedError(Code.EVENT_TOO_LARGE, "")


def _refuse_programs(platform: Platform, read: Reading) -> None:
    """Raise RefusedError when a program sent the call that reads pages, unless the platform wants those too."""
    context = read.call.get("context")
    agent = context.get("userAgent") or context.get("user_agent") if context else None
    if type(agent) is str and surroundings.is_bot(agent) and not platform.keep_bots:
        raise RefusedError(Code.BOT, "context.userAgent")
