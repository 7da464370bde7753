"""What a platform tells about the people behind its customer ids, a few at a time.

The bulk version, for whole columns of a file, is `importing.customers.load_customers`; both merge personal values with
`merged`.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from django.db import connection
from psycopg.types.json import Jsonb

from precision.shop import homes, pii
from precision.shop.records import CUSTOMER

PERSONAL: Final = tuple(field.name for field in CUSTOMER.fields if field.personal)
TEXTS: Final = (
    "gender", "country", "city", "occupation", "education", "income", "marital_status", "timezone", "language",
)  # fmt: skip
MOMENTS: Final = ("registered_at", "birth_date")
_READ = """
SELECT identity_id, personal, traits, {columns} FROM precision_shop_profile
WHERE identity_id = ANY(%s) ORDER BY identity_id FOR UPDATE
"""
_WRITE = """
INSERT INTO precision_shop_profile (identity_id, personal, home_match, traits, updated_at, {columns})
VALUES (%s, %s, %s, %s, %s, {places})
ON CONFLICT (identity_id) DO UPDATE SET personal = excluded.personal, home_match = excluded.home_match,
    traits = excluded.traits,
    updated_at = excluded.updated_at, {changes}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was told about one person; nothing in it is empty."""

    identity: int
    """Number of the identity of their customer id."""
    personal: Mapping[str, Any] = field(default_factory=dict)
    """E-mail, phone, name (texts) and address (object)."""
    texts: Mapping[str, str] = field(default_factory=dict)
    registered_at: datetime | None = None
    birth_date: date | None = None
    traits: Mapping[str, Any] = field(default_factory=dict)
    trusted: bool = False
    """Told by the shop's server, or with a valid user_hash. What anybody may have told only fills what is empty."""


def tell(told: Iterable[Told], *, organisation_id: int, now: datetime) -> int:
    """Write what was told, in order, into the running transaction; return how many profiles changed.

    Personal values are kept encrypted. What is not told stays as it is; objects are merged key by key.
    """
    by_identity: dict[int, list[Told]] = {}
    for one in told:
        by_identity.setdefault(one.identity, []).append(one)
    if not by_identity:
        return 0
    columns = (*MOMENTS, *TEXTS)
    with connection.cursor() as cursor:
        cursor.execute(_READ.format(columns=", ".join(columns)), [sorted(by_identity)])
        stored = {row[0]: row[1:] for row in cursor.fetchall()}
        rows = []
        for identity, some in sorted(by_identity.items()):
            sealed, traits, *values = stored.get(identity, (None, "{}", *([None] * len(columns))))
            before = _Profile(
                pii.decrypt(sealed) if sealed else {},
                dict(zip(columns, values, strict=True)),
                json.loads(traits),  # Django leaves it to its fields to read JSON
            )
            after = before
            for one in some:
                after = _with(after, one)
            if identity in stored and after == before:
                continue
            token = sealed if after.personal == before.personal else pii.encrypt(after.personal)
            kept = [after.columns[name] for name in MOMENTS]
            kept += [after.columns[name] or "" for name in TEXTS]
            match = homes.digest(organisation_id, after.personal)
            rows.append([identity, token, match, Jsonb(after.traits), now, *kept])
        if rows:
            cursor.executemany(
                _WRITE.format(
                    columns=", ".join(columns),
                    places=", ".join(["%s"] * len(columns)),
                    changes=", ".join(f"{name} = excluded.{name}" for name in columns),
                ),
                rows,
            )
    return len(rows)


def merged(before: Mapping[str, Any], told: Mapping[str, Any], *, overwrite: bool = True) -> dict[str, Any]:
    """Return the personal values after something was told; an address is merged key by key."""
    after = {**before, **told} if overwrite else {**told, **before}
    if isinstance(told.get("address"), Mapping):
        old = before.get("address") or {}
        new = told["address"]
        after["address"] = {**old, **new} if overwrite else {**new, **old}
    return after


@dataclass(frozen=True, slots=True)
class _Profile:
    personal: dict[str, Any]
    columns: dict[str, Any]
    traits: dict[str, Any]


def _with(before: _Profile, told: Told) -> _Profile:
    """Return the profile after one word about it."""
    columns = dict(before.columns)
    given = {"registered_at": told.registered_at, "birth_date": told.birth_date, **told.texts}
    for name, value in given.items():
        if value and (told.trusted or not columns[name]):
            columns[name] = value
    traits = {**before.traits, **told.traits} if told.trusted else {**told.traits, **before.traits}
    return _Profile(merged(before.personal, told.personal, overwrite=told.trusted), columns, traits)
