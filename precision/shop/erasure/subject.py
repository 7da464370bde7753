"""Who is meant: the identities of a person, on one platform or on all of the organisation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from precision.shop import identities, pii
from precision.shop.erasure.matching import texts
from precision.shop.models import PERSONAL_KINDS, Customer, Identity, Platform, Profile

WHOLE: Final = "*"
"""Scope of an erasure of the whole joined person."""
STREET: Final = re.compile("street|line|address|name", re.IGNORECASE)
"""Members of an address that lead to somebody's door."""
# Names that joined nobody, because a browser told them or because they only propose: they are this person's where
# nobody else goes by them. Another platform's equal name is that platform's business.
_OTHER = "NOT other.id = ANY(%(ids)s) AND (other.kind, other.value) <> (name.kind, name.value)"
_LONE = f"""
SELECT name.id FROM precision_shop_identity name
WHERE name.platform_id = ANY(%(platforms)s) AND name.kind = ANY(%(kinds)s) AND NOT name.id = ANY(%(ids)s)
  AND (
    name.id IN (
        SELECT second_id FROM precision_shop_identitylink WHERE first_id = ANY(%(ids)s)
        UNION ALL SELECT first_id FROM precision_shop_identitylink WHERE second_id = ANY(%(ids)s))
    OR (name.kind, name.value) IN (SELECT * FROM unnest(%(told_kinds)s::text[], %(told_values)s::text[])))
  AND NOT EXISTS (
    SELECT FROM precision_shop_identitylink l JOIN precision_shop_identity other ON other.id = l.second_id
    WHERE l.first_id = name.id AND {_OTHER})
  AND NOT EXISTS (
    SELECT FROM precision_shop_identitylink l JOIN precision_shop_identity other ON other.id = l.first_id
    WHERE l.second_id = name.id AND {_OTHER})
  AND NOT EXISTS (
    SELECT FROM precision_shop_identity other
    WHERE other.customer_id = name.customer_id AND other.id <> name.id AND NOT other.id = ANY(%(ids)s)
      AND other.kind <> name.kind)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The person whose rows are meant, as far as they are meant."""

    organisation: int
    platforms: tuple[int, ...]
    """Platforms whose facts are meant."""
    scopes: tuple[str, ...]
    """Their keys, which are the scopes of what was computed for them."""
    identities: tuple[int, ...]
    customers: tuple[int, ...]
    """Customers that the identities belong to, or came with."""
    whole: bool
    """Everything of the joined person is meant, what was computed over all platforms too."""


def of_identity(identity: Identity, *, whole: bool) -> Subject:
    """Return the person behind an identity: what its own platform knows, or with `whole` the joined person."""
    rows = Identity.objects.filter(customer_id=identity.customer_id)
    platform = identity.platform
    return _subject(platform.organisation_id, rows if whole else rows.filter(platform=platform), whole=whole)


def of_customer(customer: Customer) -> Subject:
    """Return the whole joined person."""
    return _subject(
        customer.organisation_id, Identity.objects.filter(customer=customer), customer=customer.pk, whole=True
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What a person is known by, as text, sorted."""

    ids: list[str]
    """Customer ids, anonymous ids and the like: text that may stand for something else elsewhere."""
    personal: list[str]
    """E-mail addresses, phone numbers, cards, full names and streets."""


def known_of(subject: Subject) -> Known:
    """Return the names, addresses and numbers that the person is known by."""
    ids: set[str] = set()
    personal: set[str] = set()
    for kind, value, token in Identity.objects.filter(pk__in=subject.identities).values_list(
        "kind", "value", "ciphertext"
    ):
        if kind not in PERSONAL_KINDS:
            ids.add(value)
        elif token:
            personal.add(str(pii.decrypt(token)))
    for told in _personal(subject.identities):
        address = told.pop("address", {})
        personal.update(texts(told))
        if isinstance(address, dict):  # towns and countries are others' too
            personal.update(texts({key: each for key, each in address.items() if STREET.search(key)}))
    return Known(
        ids=sorted(text.strip() for text in ids if text.strip()),
        personal=sorted(text.strip() for text in personal if text.strip()),
    )


def subjects_of(subject: Subject) -> list[int]:
    """Return the keyed digests by which free content names the person (see `pii.subject`), ascending."""
    key = pii.match_key(subject.organisation)
    names = set(Identity.objects.filter(pk__in=subject.identities).values_list("kind", "value"))
    names.update(_told(subject.platforms, subject.identities))
    return sorted({pii.subject(key, kind, value) for kind, value in names})


def _subject(organisation: int, rows: Any, *, customer: int | None = None, whole: bool) -> Subject:
    found = list(rows.values_list("id", "platform_id", "customer_id", "home_id"))
    if whole:
        platforms = dict(Platform.objects.filter(organisation_id=organisation).values_list("id", "key"))
    else:
        platforms = dict(
            Platform.objects.filter(pk__in={platform for _, platform, _, _ in found}).values_list("id", "key")
        )
    numbers = [number for number, *_ in found]
    lone = list(
        Identity.objects.filter(pk__in=_lone(list(platforms), numbers)).values_list(
            "id", "platform_id", "customer_id", "home_id"
        )
    )
    people = {
        number for _, _, owner, home in [*found, *lone] for number in (owner, home) if number is not None
    }
    return Subject(
        organisation=organisation,
        platforms=tuple(sorted(platforms)),
        scopes=tuple(sorted(platforms.values())),
        identities=tuple(sorted({number for number, *_ in [*found, *lone]})),
        customers=tuple(sorted(people | ({customer} if customer is not None else set()))),
        whole=whole,
    )


def _lone(platforms: list[int], ids: list[int]) -> list[int]:
    """Return the identities of personal kinds that nobody but the person goes by."""
    if not ids:
        return []
    told = sorted(_told(platforms, ids))
    with connection.cursor() as cursor:
        cursor.execute(
            _LONE,
            {
                "platforms": platforms,
                "ids": ids,
                "kinds": sorted(PERSONAL_KINDS),
                "told_kinds": [kind for kind, _ in told],
                "told_values": [value for _, value in told],
            },
        )
        return [number for (number,) in cursor.fetchall()]


def _told(platforms: Iterable[int], ids: Iterable[int]) -> set[tuple[str, str]]:
    """Return kind and digest of the personal values in the profiles of the identities."""
    told = [
        (kind, text)
        for personal in _personal(ids)
        for kind in sorted(PERSONAL_KINDS)
        for text in [personal.get(kind)]
        if isinstance(text, str)
    ]
    names: set[tuple[str, str]] = set()
    for platform in Platform.objects.filter(pk__in=list(platforms)) if told else ():
        names.update(identities.stored_names(platform, told).values())
    return names


def _personal(ids: Iterable[int]) -> list[dict[str, Any]]:
    """Return the opened personal values of the profiles."""
    tokens = Profile.objects.filter(identity_id__in=list(ids), personal__isnull=False).values_list(
        "personal", flat=True
    )
    return [pii.decrypt(token) for token in tokens if token]
