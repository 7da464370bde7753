"""What people agreed to: each word by identity, channel and purpose, with its legal basis; the latest counts.

Words are never overwritten, so that what somebody had said on any day can be shown. They come late and in any order:
what counts is when the person said so (`at`), not when we heard of it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from precision.shop.models import Platform, Source

EVERY_CHANNEL: Final = "*"
AT_ONCE: Final = 10_000
"""Words that one statement writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What the person behind an identity said about one purpose and channel."""

    identity: int
    channel: str
    """email, sms, push, phone, web …; EVERY_CHANNEL for all of them."""
    purpose: str
    """marketing, personalisation, analytics …"""
    granted: bool
    basis: str = ""
    """Legal basis: consent, contract, legitimate interest …"""
    at: datetime | None = None
    """When the person said so; None: not told, so that it is new only where it differs from the latest word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of words."""

    accepted: int = 0
    updated: int = 0
    """Words of a known time whose content was another one."""
    duplicate: int = 0


_Key = tuple[int, str, str]
_LATEST = """
SELECT DISTINCT ON (c.identity_id, c.channel, c.purpose) c.identity_id, c.channel, c.purpose, c.granted, c.basis
FROM unnest(%(identities)s::bigint[], %(channels)s::text[], %(purposes)s::text[]) AS w(identity, channel, purpose)
JOIN precision_shop_consent c ON c.identity_id = w.identity AND c.channel = w.channel AND c.purpose = w.purpose
ORDER BY c.identity_id, c.channel, c.purpose, c.at DESC
"""
# Of two words of the very same time the refusal stands, whichever came first.
_ADD = """
INSERT INTO precision_shop_consent AS c
    (platform_id, identity_id, channel, purpose, granted, basis, at, source_id, received_at)
SELECT %(platform)s, w.identity, w.channel, w.purpose, w.granted, w.basis, w.at, %(source)s, %(now)s
FROM unnest(%(identities)s::bigint[], %(channels)s::text[], %(purposes)s::text[], %(granted)s::bool[],
            %(bases)s::text[], %(ats)s::timestamptz[]) AS w(identity, channel, purpose, granted, basis, at)
ORDER BY w.identity, w.channel, w.purpose, w.at
ON CONFLICT (identity_id, channel, purpose, at) DO UPDATE
SET granted = c.granted AND excluded.granted, basis = coalesce(nullif(excluded.basis, ''), c.basis)
WHERE (c.granted AND NOT excluded.granted) OR (excluded.basis <> '' AND excluded.basis <> c.basis)
RETURNING xmax = 0
"""
# Per identity of the person: the latest word on the channel and the latest on every channel, each by the unique index.
_ALLOWED = """
SELECT wanted.id, bool_and(CASE
    WHEN own.granted IS NULL THEN every.granted
    WHEN every.at > own.at AND NOT every.granted THEN false
    ELSE own.granted END)
FROM unnest(%(identities)s::bigint[]) AS wanted(id)
JOIN precision_shop_identity told ON told.id = wanted.id
JOIN precision_shop_identity mine ON mine.customer_id = told.customer_id AND mine.platform_id = told.platform_id
LEFT JOIN LATERAL (
    SELECT c.granted, c.at FROM precision_shop_consent c
    WHERE c.identity_id = mine.id AND c.channel = %(channel)s AND c.purpose = %(purpose)s
    ORDER BY c.at DESC LIMIT 1) own ON true
LEFT JOIN LATERAL (
    SELECT c.granted, c.at FROM precision_shop_consent c
    WHERE c.identity_id = mine.id AND c.channel = %(every)s AND c.purpose = %(purpose)s
    ORDER BY c.at DESC LIMIT 1) every ON true
GROUP BY wanted.id
"""


def record(platform: Platform, words: Iterable[Word], *, source: Source | None, now: datetime) -> Recorded:
    """Keep words of people of the platform; return what became of them. Repeating it changes nothing.

    A word without a time counts as said now, unless the latest one says the same. Channel and purpose are compared
    without case. Raises ValueError when an identity is not of this platform; then nothing is written.
    """
    told = [replace(word, channel=_plain(word.channel), purpose=_plain(word.purpose)) for word in words]
    with transaction.atomic():
        _check(platform, {word.identity for word in told})
        timed = _timed(told, now=now)
        once: dict[tuple[_Key, datetime], Word] = {}
        for word in timed:
            key = (_key(word), word.at or now)
            before = once.get(key)
            once[key] = (
                word
                if before is None
                else replace(
                    before, granted=before.granted and word.granted, basis=word.basis or before.basis
                )
            )
        kept = list(once.values())
        new: list[bool] = []
        for start in range(0, len(kept), AT_ONCE):
            new += _add(platform, kept[start : start + AT_ONCE], source=source, now=now)
    accepted = sum(new)
    return Recorded(accepted=accepted, updated=len(new) - accepted, duplicate=len(told) - len(new))


def allowed(identities: Collection[int], *, channel: str, purpose: str) -> dict[int, bool | None]:
    """Return, for each identity, whether its person allows the purpose by the channel; None: nobody knows. One query.

    Asked are all identities of the person on the same platform, and the strictest answer counts. For each the latest
    word on the channel counts, else that on every channel; a later refusal of every channel counts too, a later
    consent to every channel lifts no refusal of this one. An identity that is gone is not in the answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _ALLOWED,
            {
                "identities": list(set(identities)),
                "channel": _plain(channel),
                "purpose": _plain(purpose),
                "every": EVERY_CHANNEL,
            },
        )
        return dict(cursor.fetchall())


def _check(platform: Platform, identities: Collection[int]) -> None:
    own = set(platform.identities.filter(pk__in=identities).values_list("pk", flat=True))
    strange = sorted(set(identities) - own)
    if strange:
        raise ValueError(
            f"Identities {strange[:5]} are not of platform {platform.key!r}; a consent belongs to an identity of the "
            "platform that heard it."
        )


def _timed(words: Sequence[Word], *, now: datetime) -> list[Word]:
    """Return the words with their times; those without one are left out where they say what the latest says."""
    untimed = [word for word in words if word.at is None]
    if not untimed:
        return list(words)
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, _columns(untimed))
        latest: dict[_Key, tuple[bool, str]] = {
            (identity, channel, purpose): (granted, basis)
            for identity, channel, purpose, granted, basis in cursor.fetchall()
        }
    kept = []
    for word in words:
        if word.at is not None:
            kept.append(word)
            continue
        granted, basis = latest.get(_key(word), (None, ""))
        if granted is not word.granted or (word.basis and word.basis != basis):
            kept.append(replace(word, at=now))
    return kept


def _add(platform: Platform, words: Sequence[Word], *, source: Source | None, now: datetime) -> list[bool]:
    """Write words that differ in key and time; return for each that changed anything whether it is new."""
    values: dict[str, Any] = {
        **_columns(words),
        "granted": [word.granted for word in words],
        "bases": [word.basis.strip() for word in words],
        "ats": [word.at for word in words],
        "platform": platform.pk,
        "source": None if source is None else source.pk,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADD, values)
        return [new for (new,) in cursor.fetchall()]


def _columns(words: Iterable[Word]) -> dict[str, list[Any]]:
    keys = [_key(word) for word in words]
    return {
        "identities": [identity for identity, _, _ in keys],
        "channels": [channel for _, channel, _ in keys],
        "purposes": [purpose for _, _, purpose in keys],
    }


def _key(word: Word) -> _Key:
    return word.identity, word.channel, word.purpose


def _plain(name: str) -> str:
    return name.strip().lower()
