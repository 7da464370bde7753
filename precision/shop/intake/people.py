"""Who calls: names of people into numbers, and which names are told to be one person."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from precision.shop import identities, pii, profiles
from precision.shop.intake import traits
from precision.shop.intake.known import Known
from precision.shop.intake.reading import Reading
from precision.shop.models import Identity, Platform
from precision.shop.stitching import Link

USER: Final = Identity.Kind.CUSTOMER_ID.value
ANONYMOUS: Final = Identity.Kind.ANONYMOUS_ID.value
ORIGINS: Final = {"identify": "identify", "alias": "alias"}
"""Origin of a link by the kind of call; any other call that names both ids is an `event`."""


def resolve(platform: Platform, known: Known, readings: Iterable[Reading], *, now: datetime) -> None:
    """Learn the numbers of all names in the readings; new ones are made. No query where all are known."""
    users, anonymous = known.users, known.anonymous
    wanted: set[tuple[str, str]] = set()
    for reading in readings:
        if reading.user and reading.user not in users:
            wanted.add((USER, reading.user))
        if reading.anonymous and reading.anonymous not in anonymous:
            wanted.add((ANONYMOUS, reading.anonymous))
        if reading.previous:
            kind = previous_kind(reading)
            if reading.previous not in (users if kind == USER else anonymous):
                wanted.add((kind, reading.previous))
    if not wanted:
        return
    found = identities.resolve(platform, wanted, now=now)
    for kind, value in wanted:
        (users if kind == USER else anonymous)[value] = found.get((kind, value))


def previous_kind(reading: Reading) -> str:
    """Return the kind of an alias's previous id: SDKs send the anonymous id, unless another one is told beside it."""
    return USER if reading.anonymous and reading.anonymous != reading.previous else ANONYMOUS


def owner(known: Known, reading: Reading) -> int | None:
    """Return the identity that did it: the user where one is told, else the anonymous visitor; None: nobody's name."""
    number = known.users[reading.user] if reading.user else None
    if number is None and reading.anonymous:
        number = known.anonymous[reading.anonymous]
    return number


def is_verified(platform: Platform, known: Known, reading: Reading, *, trusted: bool) -> bool:
    """Return whether it is certain that the caller speaks for the user: the shop's own server, or a valid user_hash."""
    if trusted or not reading.user:
        return trusted
    told = _user_hash(reading.call)
    if not told:
        return False
    if not known.secret:
        known.secret = pii.decrypt(platform.user_hash_secret)
    wanted = hmac.new(known.secret.encode(), reading.user.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), told.strip().lower().encode())


def _user_hash(call: Mapping[str, Any]) -> str:
    """Return the `user_hash` of a call, in its context, properties or traits; "" where there is none."""
    for part in (call, call.get("context"), call.get("properties"), call.get("traits")):
        told = part.get("user_hash") if isinstance(part, dict) else None
        if isinstance(told, str):
            return told
    return ""


def links(platform: Platform, known: Known, readings: Iterable[Reading], *, trusted: bool) -> list[Link]:
    """Return the links that the calls tell and this process has not yet seen written."""
    made: list[Link] = []
    for reading in readings:
        if not reading.user and not reading.previous:
            continue
        pairs = []
        if reading.user and reading.anonymous:
            pairs.append((known.users[reading.user], known.anonymous[reading.anonymous]))
        if reading.previous:
            ids = known.users if previous_kind(reading) == USER else known.anonymous
            pairs.append((owner(known, reading), ids[reading.previous]))
        for first, second in pairs:
            if first is None or second is None or first == second or known.links.get((first, second)):
                continue
            verified = is_verified(platform, known, reading, trusted=trusted)
            if verified or (first, second) not in known.links:
                known.links[first, second] = verified
                made.append(Link(first, second, ORIGINS.get(reading.kind, "event"), verified, reading.at))
    return made


def tell(
    platform: Platform, known: Known, readings: Iterable[Reading], *, trusted: bool, now: datetime
) -> list[Link]:
    """Write what `identify` calls tell into the profiles; return the links to further names told."""
    told, named = [], []
    for reading in readings:
        if reading.kind != "identify" or not (given := reading.call.get("traits")):
            continue
        number = owner(known, reading)
        if number is None:
            continue
        verified = is_verified(platform, known, reading, trusted=trusted)
        read = traits.read(given)
        told.append(
            profiles.Told(
                identity=number,
                personal=read.personal,
                texts=read.texts,
                registered_at=read.registered_at,
                birth_date=read.birth_date,
                traits=read.traits,
                trusted=verified,
            )
        )
        named += [(name, number, verified, reading.at) for name in read.identities]
    if told:
        profiles.tell(told, organisation_id=platform.organisation_id, now=now)
    if not named:
        return []
    numbers = identities.resolve(platform, {name for name, *_ in named}, now=now)
    return [
        Link(number, numbers[name], "profile", verified, at)
        for name, number, verified, at in named
        if name in numbers
    ]
