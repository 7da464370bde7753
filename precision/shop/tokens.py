"""Free content made fit to be kept: personal values as tokens, text that PostgreSQL refuses in another form; and back.

`seal` replaces values by objects of one member, whose name says what stands in it:

- `{"token": "…"}` a personal value, encrypted under PII_KEYS;
- `{"raw": "…"}` the JSON text of a value that jsonb cannot hold (NUL, lone surrogates, NaN);
- `{"plain": {…}}` an object that came in looking like one of these.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from precision.shop import pii

TOKEN: Final = "token"
RAW: Final = "raw"
PLAIN: Final = "plain"
MARKS: Final = frozenset({TOKEN, RAW, PLAIN})
CALLS: Final = frozenset({"page", "screen", "track", "group"})
"""Calls of the event dialect whose `name` is no person's."""
DEEPEST: Final = 40
"""Levels that are looked into; what lies deeper is kept as one token, since nobody knows what it holds."""

PERSONAL_KEYS: Final = frozenset(
    {
        "firstname", "lastname", "middlename", "surname", "givenname", "familyname", "fullname", "username", "email",
        "mail", "phone", "mobile", "telephone", "phonenumber", "fax", "address", "street", "postcode", "postalcode",
        "zip", "zipcode", "birthday", "birthdate", "dateofbirth", "card", "cardnumber", "membershipcard", "ip",
    }
)  # fmt: skip
"""Names of personal values, in lower case and without signs."""
PERSONAL_ENDINGS: Final = (
    "email",
    "emailaddress",
    "phone",
    "phonenumber",
    "address",
    "firstname",
    "lastname",
)
NAMED: Final = frozenset({"", "traits", "properties", "customer", "user", "recipient"})
"""Where a member `name` is that of a person, unless it is a page or a screen that is named; "" is the top."""
PERSONAL_KINDS_OF_IDENTITIES: Final = frozenset({"email", "phone", "card", "name", "address"})

CUSTOMER_KEYS: Final = frozenset({"userid", "customerid", "referredby"})
ANONYMOUS_KEYS: Final = frozenset({"anonymousid"})
EITHER_KEYS: Final = frozenset({"previousid"})
EMAIL: Final = re.compile(r"[^\s@<>()\[\],;:\\\"]{1,64}@[^\s@<>()\[\],;:\\\"/?&]{1,250}\.[^\W\d_]{2,24}")

_SIGNS = re.compile(r"[^a-z0-9]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_personal(key: str, *, parent: str = "properties") -> bool:
    """Return whether a member of that name, within an object of the name `parent`, holds a personal value."""
    bare = _bare(key)
    if bare == "name":
        return _bare(parent) in NAMED
    return bare in PERSONAL_KEYS or bare.endswith(PERSONAL_ENDINGS)


def seal(value: Any) -> tuple[Any, list[str]]:
    """Return the content as it can be kept, and the texts of the personal values that became tokens."""
    found: list[str] = []
    named = not (isinstance(value, dict) and str(value.get("type")) in CALLS)
    sealed = _seal(value, parent="" if named else "page", depth=0, found=found)
    return {
        RAW: "null"
    } if sealed is None else sealed, found  # a column that must hold something holds no null


def unseal(value: Any) -> Any:
    """Return what `seal` took. Raises ImproperlyConfigured when none of the PII_KEYS opens a token."""
    if isinstance(value, list):
        return [unseal(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        mark, inner = next(iter(value.items()))
        if mark == TOKEN and isinstance(inner, str):
            return json.loads(pii.decrypt(inner.encode("ascii")))
        if mark == RAW and isinstance(inner, str):
            return json.loads(inner)
        if mark == PLAIN and isinstance(inner, dict):
            return {key: unseal(each) for key, each in inner.items()}
    return {key: unseal(each) for key, each in value.items()}


def masked(value: Any) -> Any:
    """Return sealed content for people to look at: tokens hidden, text that jsonb cannot hold escaped."""
    if isinstance(value, list):
        return [masked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        mark, inner = next(iter(value.items()))
        if mark == TOKEN and isinstance(inner, str):
            return "(personal)"
        if mark == RAW and isinstance(inner, str):
            return inner
        if mark == PLAIN and isinstance(inner, dict):
            return {key: masked(each) for key, each in inner.items()}
    return {key: masked(each) for key, each in value.items()}


def names(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, value) of every identity that unsealed content names, as it stands there."""
    pending: list[tuple[Any, str, int]] = [(value, "", 0)]
    while pending:
        current, key, depth = pending.pop()
        if isinstance(current, dict):
            yield from _listed(current)
            if depth < DEEPEST * 4:
                pending.extend((each, str(name), depth + 1) for name, each in current.items())
        elif isinstance(current, list | tuple):
            pending.extend((each, key, depth + 1) for each in current if depth < DEEPEST * 4)
        elif isinstance(current, str | int) and not isinstance(current, bool):
            yield from _named(_bare(key), str(current))


def is_storable(text: str) -> bool:
    """Return whether PostgreSQL can keep the text."""
    return _UNSTORABLE.search(text) is None


def storable(text: str) -> str:
    """Return the text with the characters that PostgreSQL cannot keep replaced by the replacement character."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _listed(current: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Yield the identity that an entry `{"kind": …, "value": …}` (or `type`, `id`) tells."""
    kind, value = current.get("kind", current.get("type")), current.get("value", current.get("id"))
    if isinstance(kind, str) and isinstance(value, str | int) and not isinstance(value, bool):
        yield kind.strip().lower(), str(value)


def _named(bare: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield the identities that a value tells by the name of its member, or by looking like an e-mail address."""
    if bare in CUSTOMER_KEYS or bare in EITHER_KEYS:
        yield "customer_id", text
    if bare in ANONYMOUS_KEYS or bare in EITHER_KEYS:
        yield "anonymous_id", text
    if bare.endswith(("phone", "phonenumber", "mobile", "telephone")):
        yield "phone", text
    if bare in {"card", "cardnumber", "membershipcard"}:
        yield "card", text
    if "@" in text:
        for match in EMAIL.finditer(text):
            yield "email", match.group()


def _seal(value: Any, *, parent: str, depth: int, found: list[str]) -> Any:
    if isinstance(value, str):
        if "@" in value and EMAIL.search(value):
            return _token(value, found)
        return value if is_storable(value) else {RAW: json.dumps(value)}
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        # jsonb keeps decimal digits: no infinity, no −0.0, and 1e300 would come back as a whole number.
        plain = math.isfinite(value) and "e" not in repr(value) and repr(value) != "-0.0"
        return value if plain else {RAW: json.dumps(value)}
    if depth >= DEEPEST:
        return _token(value, found)
    if isinstance(value, list | tuple):
        return [_seal(each, parent=parent, depth=depth + 1, found=found) for each in value]
    if isinstance(value, Mapping):
        return _seal_object(value, parent=parent, depth=depth, found=found)
    return _seal(str(value), parent=parent, depth=depth, found=found)  # a moment, a decimal number


def _seal_object(value: Mapping[Any, Any], *, parent: str, depth: int, found: list[str]) -> Any:
    if not all(is_storable(str(key)) for key in value):
        return _token(value, found)
    identity = str(value.get("kind", value.get("type", ""))).strip().lower() in PERSONAL_KINDS_OF_IDENTITIES
    sealed = {}
    for name, each in value.items():
        key = str(name)
        personal = is_personal(key, parent=parent) or (identity and key in {"value", "id"})
        if personal and each not in (None, "", [], {}) and not isinstance(each, bool):
            sealed[key] = _token(each, found)
        else:
            sealed[key] = _seal(each, parent=key, depth=depth + 1, found=found)
    if len(value) == 1 and next(iter(sealed)) in MARKS:
        return {PLAIN: sealed}
    return sealed


def _token(value: Any, found: list[str]) -> dict[str, str]:
    try:
        text = json.dumps(value, default=str)  # ASCII, so that lone surrogates survive
    except (RecursionError, ValueError):
        text = json.dumps("(nested too deeply to be kept)")
    if isinstance(value, str | int):
        found.append(str(value))
    return {TOKEN: pii.encrypt(text).decode("ascii")}


def _bare(key: str) -> str:
    return _SIGNS.sub("", key.lower())
