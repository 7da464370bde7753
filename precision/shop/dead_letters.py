"""What came in and cannot be used: kept with the reason, looked at by staff, sent in again after a fix.

A letter holds the content as it came, personal values as tokens that PII_KEYS open, and the keyed digests of the
identities it names, so that an erasure finds it. Letters are kept for 30 days. A letter that waits for an order is
sent in again by itself as soon as the order is there.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from precision.shop import identities, pii, tokens
from precision.shop.models import DeadLetter, Identity, Order, Platform, Source

KEPT: Final = timedelta(days=30)
MOST_BYTES: Final = 256 * 1024
"""Bytes of JSON of one letter; of a larger one only its short values are kept, and it cannot be sent in again."""
SHORT: Final = 200
LEFT_OUT: Final = "__left_out"
TOO_LARGE: Final = "too_large"
RECEIVER: Final = "precision.shop.replaying.receive"
"""Takes a letter in again: letter -> the reason against it, None where it was used.

A dotted name, because every way in may leave letters behind, so that this module must not import any of them.
"""
ORDER: Final = "order"
AT_ONCE: Final = 500
"""Orders that are looked up among the waiting letters one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Something that cannot be used, and why."""

    kind: str
    """Kind of record (see `records.KINDS`); `event` also for the calls of the event dialect, `change` for what
    changes an order (see `intake.orders`)."""
    code: str
    detail: str = ""
    field: str = ""
    payload: Any
    """As it came: any JSON value."""
    trusted: bool = False
    """It came with a server key, or from staff."""
    waits_for: str = ""
    """Order number whose arrival makes it usable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a letter that was sent in again still cannot be used."""

    code: str
    detail: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of letters that were sent in again."""

    used: int = 0
    refused: int = 0


def keep(platform: Platform, rows: Sequence[Letter], *, source: Source | None) -> list[DeadLetter]:
    """Keep letters in the running transaction; return them as they are stored, in the order given.

    Personal values become tokens here, and the digests of the identities are made here.
    """
    return DeadLetter.objects.bulk_create(_stored(platform, row, source=source) for row in rows)


def replay(letters: Iterable[DeadLetter]) -> Replayed:
    """Send waiting letters in again; those that can be used now are marked, the others get the new reason.

    Letters of any platforms; such that are not waiting any more are left alone. Each is a transaction of its own: who
    holds several orders at once, in the order of their letters, would wait in a circle with others.
    """
    return _together(_replay(letter.pk, holding=False) for letter in letters)


def release(platform: Platform, orders: Collection[str]) -> Replayed:
    """Send in again what waits for one of these orders. One query on a small index where nothing waits.

    Called at the end of everything that brings orders, within its transaction. Looks a second time once that has
    committed: a letter that another process was writing meanwhile did not see the order, and was not seen.
    """
    done = _release(platform, orders, holding=True)
    transaction.on_commit(lambda: _release(platform, orders), robust=True)
    return done


def recheck(platform: Platform, orders: Collection[str]) -> None:
    """Look for these orders once the running transaction has committed, on behalf of letters that wait for them."""

    def look() -> None:
        there = Order.objects.filter(platform=platform, external_id__in=orders)
        _release(platform, list(there.values_list("external_id", flat=True)))

    transaction.on_commit(look, robust=True)


def discard(letters: Iterable[DeadLetter]) -> int:
    """Mark waiting letters as of no use; return how many. They go with the others when their time is over."""
    numbers = [letter.pk for letter in letters]
    return DeadLetter.objects.filter(pk__in=numbers, status=DeadLetter.Status.WAITING).update(
        status=DeadLetter.Status.DISCARDED
    )


def expire(now: datetime) -> int:
    """Delete the letters whose time is over; return how many. First sends in again what waits for an order.

    The latter is for letters whose process ended between keeping them and looking a second time.
    """
    waiting = DeadLetter.objects.filter(status=DeadLetter.Status.WAITING).exclude(waits_for="")
    for platform in Platform.objects.filter(pk__in=waiting.order_by().values("platform")):
        named = set(waiting.filter(platform=platform).order_by().values_list("waits_for", flat=True))
        _release(
            platform, platform.orders.filter(external_id__in=named).values_list("external_id", flat=True)
        )
    gone = 0
    for platform in Platform.objects.all():
        old = DeadLetter.objects.filter(platform=platform, received_at__lt=now - _kept(platform))
        gone += old.delete()[0]
    return gone


def subjects(platform: Platform, content: Any) -> list[int]:
    """Return the keyed digests of the identities that unsealed content names, ascending."""
    named = [
        (kind, value)
        for kind, value in set(tokens.names(content))
        if kind in Identity.Kind.values and tokens.is_storable(value)
    ]
    key = pii.match_key(platform.organisation_id)
    stored = identities.stored_names(platform, named)
    return sorted({pii.subject(key, kind, value) for kind, value in stored.values()})


def _stored(platform: Platform, row: Letter, *, source: Source | None) -> DeadLetter:
    payload, personal = tokens.seal(_bounded(row.payload))
    return DeadLetter(
        platform=platform,
        source=source,
        kind=row.kind[:20],
        code=row.code[:40],
        detail=_detail(row.detail, personal),
        field=tokens.storable(row.field)[:100],
        payload=payload,
        subjects=subjects(platform, row.payload),
        trusted=row.trusted,
        waits_for=row.waits_for[:200],
        status=DeadLetter.Status.WAITING,
    )


def _detail(text: str, personal: Iterable[str]) -> str:
    """Return the words for people, without the personal values that they may repeat."""
    for value in sorted(personal, key=len, reverse=True):
        if len(value) > 2:
            text = text.replace(value, "(personal)")
    return tokens.storable(text)[:2_000]


def _bounded(payload: Any) -> Any:
    """Return the content, or of too large a one its short values and the names of what was left out."""
    try:
        if len(json.dumps(payload, default=str)) <= MOST_BYTES:
            return payload
    except (RecursionError, ValueError):
        pass
    if not isinstance(payload, dict):
        return {LEFT_OUT: ["everything"]}
    short = {
        str(key)[:SHORT]: value
        for key, value in payload.items()
        if isinstance(value, str | int | float | bool | None) and len(str(value)) <= SHORT
    }
    kept = dict(list(short.items())[:100])
    return {**kept, LEFT_OUT: [str(key)[:SHORT] for key in payload if str(key) not in kept][:100]}


def _kept(platform: Platform) -> timedelta:
    """Return how long the platform's letters are kept."""
    days = platform.retention.get("dead_letters")
    return timedelta(days=days) if isinstance(days, int) and days > 0 else KEPT


def _release(platform: Platform, orders: Iterable[str], *, holding: bool = False) -> Replayed:
    waiting = (
        DeadLetter.objects.filter(~Q(waits_for=""), platform=platform, status=DeadLetter.Status.WAITING)
        .order_by("id")
        .only("id", "waits_for")
    )
    here = set(orders)
    if len(here) <= AT_ONCE:  # of a large import there is less that waits than what came
        waiting = waiting.filter(waits_for__in=here)
    return _together(_replay(letter.pk, holding=holding) for letter in waiting if letter.waits_for in here)


def _replay(number: int, *, holding: bool) -> Replayed:
    """Send a letter in again. Who is `holding` orders does not wait for a letter that somebody else sends in.

    That somebody waits for the order, or has not seen it; then it is sent in once more after the commit.
    """
    with transaction.atomic():
        # Locked, so that two people who press the button do not send the same letter in twice.
        rows = DeadLetter.objects.select_for_update(of=("self",), skip_locked=holding)
        found = rows.select_related("platform", "source").filter(pk=number, status=DeadLetter.Status.WAITING)
        letter = found.first()
        if letter is None:
            return Replayed()
        refusal: Refusal | None = import_string(RECEIVER)(letter)
        letter.replayed_at = timezone.now()
        if refusal is None:
            letter.status = DeadLetter.Status.REPLAYED
        else:
            letter.code, letter.field = refusal.code[:40], tokens.storable(refusal.field)[:100]
            letter.detail = _detail(refusal.detail, _personal(letter))
        letter.save(update_fields=["status", "code", "field", "detail", "replayed_at"])
        if refusal is None and letter.kind == ORDER and isinstance(letter.payload, dict):
            release(letter.platform, [str(letter.payload.get("order_id"))])
    return Replayed(used=int(refusal is None), refused=int(refusal is not None))


def _personal(letter: DeadLetter) -> list[str]:
    """Return the personal values of a letter that was kept; none where no key opens them."""
    try:
        return tokens.seal(tokens.unseal(letter.payload))[1]
    except ImproperlyConfigured:
        return []


def _together(parts: Iterable[Replayed]) -> Replayed:
    done = list(parts)
    return Replayed(used=sum(one.used for one in done), refused=sum(one.refused for one in done))
