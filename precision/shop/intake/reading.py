"""One call of the event dialect, read: checked, its time put into ours, its columns taken out of its properties.

Pure, and the hottest code of intake: a call costs some ten microseconds. What is refused is refused before anything is
written, with a code and the name of the field.
"""

import hashlib
import math
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final, NamedTuple

import orjson

from precision.shop import segment_spec
from precision.shop.intake import soundness, surroundings, times
from precision.shop.intake.verdicts import RefusedError
from precision.shop.records import LARGEST, Code

LONGEST_MESSAGE: Final = 100
LONGEST_ID: Final = 200
LONGEST_NAME: Final = 100
TYPES: Final = frozenset({"track", *segment_spec.CALLS})
NAMED: Final = ("page", "screen")
"""Calls whose own name is a property: a page's name."""
TAKEN: Final = frozenset({"channel", "session_id", "duration_s", "query", "recommendation_id"})
"""Properties that become columns of their own. The ids of product and store stay beside theirs, which are empty while
there is no such product or store."""
NESTED: Final = frozenset({dict, list})
REMEMBERED: Final = 10_000


class Fate(Enum):
    """What becomes of a property."""

    KEPT = 1
    NUMBER = 2
    LEFT_OUT = 3


_names: dict[str, str] = {}
_fates: dict[str, Fate] = {}


class Reading(NamedTuple):
    """A call as it is written; texts are never None, and hold no character that PostgreSQL cannot keep."""

    message: bytes
    """16-byte digest of the message id."""
    kind: str
    """track, page, screen, identify, group or alias."""
    name: str
    at: datetime
    user: str
    """User id as told, "" where none."""
    anonymous: str
    previous: str
    """Of an alias: the id that is another name of the user id."""
    product: str
    store: str
    channel: str
    session: str
    duration: float | None
    """Seconds."""
    query: str
    recommendation: str
    properties: bytes
    """JSON object."""
    known_time: bool
    """Whether `at` comes from the sender and not from us: only then it tells that no earlier month can hold it."""
    skewed: bool
    call: dict[str, Any]
    """As it came: orders and profiles are read from it."""


def digest(message_id: str) -> bytes:
    """Return the 16-byte digest by which an event is told from another, whatever its route."""
    return hashlib.blake2b(message_id.encode("utf-8"), digest_size=16).digest()


def read(call: Any, *, received: datetime, lag: timedelta, checked: bool = False) -> Reading:
    """Return the call as it is written; raise RefusedError.

    `lag` is how far our clock is ahead of the sender's, where the call has no `sentAt` of its own. `checked` tells that
    the text it came from was sound: neither NUL nor lone surrogates, only finite numbers.
    """
    if type(call) is not dict:
        raise RefusedError(Code.NOT_AN_OBJECT, "", found=call)
    if not checked:
        soundness.check(call)
    kind = call.get("type")
    if type(kind) is not str or kind not in TYPES:
        raise RefusedError(Code.MISSING if kind is None else Code.NOT_A_CHOICE, "type", found=kind)
    properties = _object(call, "traits" if kind in ("identify", "group") else "properties")
    context = _object(call, "context")
    name = _event_name(call) if kind == "track" else segment_spec.CALLS[kind]
    user = text(call.get("userId"), "userId", LONGEST_ID)
    anonymous = text(call.get("anonymousId"), "anonymousId", LONGEST_ID)
    previous = text(call.get("previousId"), "previousId", LONGEST_ID) if kind == "alias" else ""
    if not user and not anonymous:
        raise RefusedError(Code.MISSING, "userId")
    if kind == "alias" and not previous and not (user and anonymous):
        raise RefusedError(Code.MISSING, "previousId")
    original = times.moment(call.get("originalTimestamp") or call.get("timestamp"), "timestamp")
    if "sentAt" in call:
        lag = times.lag(times.moment(call["sentAt"], "sentAt"), received=received)
    at, skewed = times.happened(original, lag=lag, received=received)
    given = properties if kind != "identify" else {}
    products = given.get("products")
    first = products[0] if type(products) is list and products and type(products[0]) is dict else {}
    product = (
        given.get("product_id") or given.get("productId") or given.get("sku") or first.get("product_id")
        or first.get("productId") or first.get("sku")
    )  # fmt: skip
    channel = given.get("channel") or call.get("channel") or context.get("channel")
    session = given.get("session_id") or context.get("sessionId") or context.get("session_id")
    return Reading(
        message=_message(call),
        kind=kind,
        name=name,
        at=at,
        user=user,
        anonymous=anonymous,
        previous=previous,
        product=text(product, "properties.product_id", LONGEST_ID) if product else "",
        store=text(given["store_id"], "properties.store_id", 100) if "store_id" in given else "",
        channel=text(channel, "properties.channel", 60) if channel else "",
        session=text(session, "properties.session_id", 100) if session else "",
        duration=_duration(given),
        query=text(given["query"], "properties.query", 500) if type(given.get("query")) is str else "",
        recommendation=text(given["recommendation_id"], "properties.recommendation_id", 40)
        if "recommendation_id" in given
        else "",
        properties=_kept(kind, call, given, context),
        known_time=original is not None and not skewed,
        skewed=skewed,
        call=call,
    )


def text(value: Any, field: str, longest: int) -> str:
    """Return a text without spaces around it, a whole number as its digits, "" for nothing; raise RefusedError."""
    if type(value) is str:
        read: str = value.strip()
    elif value is None:
        return ""
    elif type(value) is int:
        read = str(value)
    elif type(value) is float and value.is_integer():
        read = str(int(value))
    else:
        raise RefusedError(Code.NOT_TEXT, field, found=value)
    if len(read) > longest:
        raise RefusedError(Code.TOO_LONG, field)
    return read


def _object(call: dict[str, Any], field: str) -> dict[str, Any]:
    value = call.get(field)
    if value is None:
        return {}
    if type(value) is not dict:
        raise RefusedError(Code.NOT_AN_OBJECT, field, found=value)
    return value


def _event_name(call: dict[str, Any]) -> str:
    told = call.get("event")
    known = _names.get(told) if type(told) is str else None
    if known is not None:
        return known
    name = segment_spec.canonical(text(told, "event", LONGEST_NAME))
    if not name:
        raise RefusedError(Code.MISSING, "event")
    if type(told) is str and len(_names) < REMEMBERED:
        _names[told] = name
    return name


def _message(call: dict[str, Any]) -> bytes:
    told = text(call.get("messageId"), "messageId", LONGEST_MESSAGE)
    if told:
        return digest(told)
    content = {name: value for name, value in call.items() if name not in ("sentAt", "messageId")}
    try:
        return hashlib.blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
    except orjson.JSONEncodeError as error:
        raise RefusedError(Code.TOO_DEEP, "properties") from error


def _duration(given: dict[str, Any]) -> float | None:
    value = given.get("duration_s")
    if value is None:
        value = given.get("duration")
        if value is None:
            return None
    if type(value) is str:
        try:
            value = float(value)
        except ValueError as error:
            raise RefusedError(Code.NOT_A_NUMBER, "properties.duration_s", found=value) from error
    if type(value) not in (int, float) or not math.isfinite(value):
        raise RefusedError(Code.NOT_A_NUMBER, "properties.duration_s", found=value)
    if value < 0:
        raise RefusedError(Code.NEGATIVE, "properties.duration_s", found=value)
    if value > LARGEST:
        raise RefusedError(Code.OUT_OF_RANGE, "properties.duration_s", found=value)
    return float(value)


def _kept(kind: str, call: dict[str, Any], given: dict[str, Any], context: dict[str, Any]) -> bytes:
    """Return the properties that the event keeps, as JSON."""
    found = {}
    for name, value in given.items():
        fate = _fates.get(name)
        if fate is None:
            fate = _fate(name)
        if fate is Fate.KEPT:
            found[name] = value if type(value) not in NESTED else surroundings.impersonal(value)
        elif fate is Fate.NUMBER:
            found[name] = number(value) if type(value) is str else value
        elif name == "query" and type(value) in NESTED:  # a query may be an object: of filters
            found[name] = surroundings.impersonal(value)
    if kind in NAMED:
        found = surroundings.page(found)
        if (told := text(call.get("name"), "name", 500)) and "name" not in found:
            found["name"] = told
    elif kind == "group":
        found["group_id"] = text(call.get("groupId"), "groupId", LONGEST_ID)
    if context:
        around = surroundings.kept(context)
        if around and "context" not in found:
            found["context"] = around
    try:
        made = orjson.dumps(found)
    except orjson.JSONEncodeError as error:
        raise RefusedError(Code.TOO_DEEP, "properties") from error
    if not soundness.is_shallow(made):
        soundness.check(call)
    return made


def _fate(name: str) -> Fate:
    """Return what becomes of a property of that name."""
    if name in TAKEN or surroundings.is_personal(name):
        fate = Fate.LEFT_OUT
    else:
        fate = Fate.NUMBER if name in segment_spec.NUMBERS else Fate.KEPT
    if len(_fates) < REMEMBERED:
        _fates[name] = fate
    return fate


def number(value: str) -> Any:
    """Return the number that a text is, whole where it is whole; the text itself where it is none."""
    try:
        read = float(value)
    except ValueError:
        return value
    if not math.isfinite(read) or "_" in value:
        return value
    return int(read) if read.is_integer() and abs(read) < 2**53 and "." not in value else read
