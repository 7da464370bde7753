"""Names into numbers: the identities of a platform, found or made, a few at a time.

The bulk version, for whole columns of a file, is `importing.customers.identity_numbers`.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import connection

from precision.shop import identity, pii
from precision.shop.models import PERSONAL_KINDS, Identity, Platform

_FIND = """
SELECT w.kind, w.value, i.id
FROM unnest(%(kinds)s::text[], %(values)s::text[]) AS w(kind, value)
JOIN precision_shop_identity i ON i.platform_id = %(platform)s AND i.kind = w.kind AND i.value = w.value
"""
# One statement: a customer is made only for an identity that is new. Foreign keys are checked at commit, so the
# identity may come first. Sorted, so that two writers who add the same names wait for each other in one order.
_ADD = """
WITH wanted AS (
    SELECT kind, value, ciphertext, nextval(pg_get_serial_sequence('precision_shop_customer', 'id')) AS customer
    FROM (SELECT * FROM unnest(%(kinds)s::text[], %(values)s::text[], %(ciphertexts)s::bytea[])
          AS w(kind, value, ciphertext) ORDER BY kind, value) AS sorted
), added AS (
    INSERT INTO precision_shop_identity (platform_id, kind, value, ciphertext, customer_id, created_at)
    SELECT %(platform)s, kind, value, ciphertext, customer, %(now)s FROM wanted
    ON CONFLICT (platform_id, kind, value) DO NOTHING
    RETURNING id, kind, value, customer_id
), people AS (
    INSERT INTO precision_shop_customer (id, organisation_id, created_at)
    SELECT customer_id, %(organisation)s, %(now)s FROM added
)
SELECT kind, value, id FROM added
"""

Name = tuple[str, str]
"""Kind and value as told."""


def resolve(platform: Platform, wanted: Collection[Name], *, now: datetime) -> dict[Name, int]:
    """Return the number of the identity behind each (kind, value), as told; new ones are made, each a person.

    A value that names nobody is not in the answer. Of personal kinds only a keyed digest and a ciphertext are kept. One
    query where all are known, three where some are new.
    """
    stored = stored_names(platform, wanted)
    names = sorted(set(stored.values()))
    if not names:
        return {}
    found = _found(platform, names)
    fresh = [name for name in names if name not in found]
    if fresh:
        tokens = {stored[told]: told for told in stored}
        found |= _added(platform, fresh, [_token(platform, tokens[name]) for name in fresh], now=now)
        lost = [name for name in fresh if name not in found]
        if lost:  # another writer was quicker; it has committed, or the insert would still wait
            found |= _found(platform, lost)
    return {told: found[name] for told, name in stored.items()}


def find(platform: Platform, wanted: Collection[Name]) -> dict[Name, int]:
    """Return the number of each identity of (kind, value), as told, that the platform has. One query."""
    stored = stored_names(platform, wanted)
    found = _found(platform, sorted(set(stored.values()))) if stored else {}
    return {told: found[name] for told, name in stored.items() if name in found}


def stored_names(platform: Platform, wanted: Iterable[Name]) -> dict[Name, Name]:
    """Return what the table holds for each (kind, value) as told: the normalised value, or its digest.

    A value that names nobody is not in the answer.
    """
    names: dict[Name, Name] = {}
    for kind, told in wanted:
        value = identity.normalise(kind, told, region=platform.region)
        if value is None:
            continue
        if kind in PERSONAL_KINDS:
            value = pii.match(pii.match_key(platform.organisation_id), kind, value)
        names[kind, told] = (kind, value)
    return names


def shown(name: Identity) -> str:
    """Return the value of an identity as people may see it: a personal one masked, like `a***@shop.de`."""
    if name.kind not in PERSONAL_KINDS:
        return name.value
    return identity.masked(name.kind, pii.decrypt(name.ciphertext)) if name.ciphertext else "***"


def matching(organisation_ids: Iterable[int], text: str) -> set[str]:
    """Return the digests under which a typed e-mail address, phone number or card may stand in the tables."""
    found = set()
    for organisation in organisation_ids:
        key = pii.match_key(organisation)
        for kind in (Identity.Kind.EMAIL, Identity.Kind.PHONE, Identity.Kind.CARD):
            value = identity.normalise(kind.value, text)
            if value is not None:
                found.add(pii.match(key, kind.value, value))
    return found


def _token(platform: Platform, told: Name) -> bytes | None:
    """Return the ciphertext of the value of a personal kind; None of any other."""
    kind, value = told
    if kind not in PERSONAL_KINDS:
        return None
    return pii.encrypt(identity.normalise(kind, value, region=platform.region))


def _found(platform: Platform, names: Collection[Name]) -> dict[Name, int]:
    return _rows(_FIND, names, platform=platform.pk)


def _added(
    platform: Platform, names: Collection[Name], tokens: list[bytes | None], *, now: datetime
) -> dict[Name, int]:
    return _rows(
        _ADD, names, platform=platform.pk, organisation=platform.organisation_id, ciphertexts=tokens, now=now
    )


def _rows(statement: str, names: Collection[Name], **parameters: Any) -> dict[Name, int]:
    """Run a statement on the names; return the number that it gives for each."""
    columns: dict[str, Any] = {"kinds": [kind for kind, _ in names], "values": [value for _, value in names]}
    with connection.cursor() as cursor:
        cursor.execute(statement, {**columns, **parameters})
        return {(kind, value): number for kind, value, number in cursor.fetchall()}
