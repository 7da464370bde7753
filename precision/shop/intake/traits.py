"""What an `identify` tells about a person, in the words of the wire format; pure.

Traits are named as in the specification of the dialect (Twilio Segment documentation, “Spec: Identify”), or as in the
wire format. A trait that is known is read and checked like the field of a customer; any other is kept as it is.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from precision.shop.intake import surroundings, times
from precision.shop.intake.reading import text
from precision.shop.intake.verdicts import RefusedError
from precision.shop.records import CUSTOMER, EARLIEST, Code

SPELLINGS: Final = {
    "email": ("email", "e_mail", "emailAddress"),
    "phone": ("phone", "phone_number", "phoneNumber", "mobile"),
    "name": ("name", "full_name", "fullName"),
    "gender": ("gender", "sex"),
    "country": ("country",),
    "city": ("city",),
    "occupation": ("occupation", "title"),
    "education": ("education",),
    "income": ("income",),
    "marital_status": ("marital_status", "maritalStatus"),
    "timezone": ("timezone",),
    "language": ("language", "locale"),
}
"""Texts, and the traits that give them; the first that is there counts."""
PARTS_OF_NAME: Final = (("firstName", "first_name"), ("lastName", "last_name"))
REGISTERED: Final = ("registered_at", "createdAt", "created_at")
BORN: Final = ("birth_date", "birthday", "birthDate")
IDENTITIES: Final = {
    "email": SPELLINGS["email"],
    "phone": SPELLINGS["phone"],
    "card": ("card", "membership_card", "membershipCard", "card_number"),
    "external_id": ("external_id", "externalId"),
}
"""Kinds of identities, and the traits that give them."""
LONGEST: Final = {field.name: field.longest for field in CUSTOMER.fields}
_USED: Final = frozenset(
    {
        *(name for names in SPELLINGS.values() for name in names),
        *(name for names in IDENTITIES.values() for name in names),
        *(name for names in PARTS_OF_NAME for name in names), *REGISTERED, *BORN, "address", "traits", "user_hash",
        "userHash", "id",
    }
)  # fmt: skip


class Traits(NamedTuple):
    """What was told, ready for a profile; nothing in it is empty."""

    personal: dict[str, Any]
    texts: dict[str, str]
    registered_at: datetime | None
    birth_date: date | None
    traits: dict[str, Any]
    identities: list[tuple[str, str]]
    """Further names of the person: kind and value as told."""


def read(given: Mapping[str, Any]) -> Traits:
    """Return what the traits say; raise RefusedError naming one that cannot be used."""
    texts = {
        name: value
        for name, spellings in SPELLINGS.items()
        if (value := _text(given, spellings, LONGEST[name]))
    }
    personal: dict[str, Any] = {name: texts.pop(name) for name in ("email", "phone", "name") if name in texts}
    parts = [part for names in PARTS_OF_NAME if (part := _text(given, names, 100))]
    if parts and "name" not in personal:
        personal["name"] = " ".join(parts)
    address = given.get("address")
    if isinstance(address, dict) and address:
        personal["address"] = address
        for name in ("city", "country"):
            if name not in texts and (value := _text(address, (name,), LONGEST[name], within="address.")):
                texts[name] = value
    elif address:
        personal["address"] = {"text": text(address, "traits.address", 500)}
    identities = [(kind, value) for kind, names in IDENTITIES.items() if (value := _text(given, names, 320))]
    registered = times.moment(_first(given, REGISTERED)[1], "traits.registered_at")
    return Traits(
        personal=personal,
        texts=texts,
        registered_at=registered.astimezone(UTC) if registered else None,
        birth_date=_born(given),
        traits={
            name: surroundings.impersonal(value)
            for name, value in given.items()
            if name not in _USED and value is not None and not surroundings.is_personal(name)
        },
        identities=identities,
    )


def _born(given: Mapping[str, Any]) -> date | None:
    name, value = _first(given, BORN)
    if value is None:
        return None
    if type(value) is not str:
        raise RefusedError(Code.NOT_A_TIME, f"traits.{name}", found=value)
    try:
        born = date.fromisoformat(value.strip()[:10])
    except ValueError as error:
        raise RefusedError(Code.NOT_A_TIME, f"traits.{name}", found=value) from error
    if born < EARLIEST.date():
        raise RefusedError(Code.TOO_EARLY, f"traits.{name}")
    return born


def _text(given: Mapping[str, Any], names: tuple[str, ...], longest: int, *, within: str = "") -> str:
    name, value = _first(given, names)
    return text(value, f"traits.{within}{name}", longest)


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, Any]:
    """Return the first of the traits that says anything, with its name."""
    return next(
        ((name, given[name]) for name in names if given.get(name) not in (None, "")), (names[0], None)
    )
