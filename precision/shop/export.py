"""Everything that is known of a person, as one JSON object, written piece by piece: it may be any size.

One key a table, in the words of the API's records where there are such. What a platform's key gets comes from that
platform's facts; of others' values, the e-mail address of somebody who shares a device say, nothing is told.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.module_loading import import_string

from precision.shop import pii, tokens
from precision.shop.erasure import plugins
from precision.shop.erasure.subject import Subject, subjects_of
from precision.shop.models import (
    PERSONAL_KINDS,
    Assignment,
    Consent,
    DeadLetter,
    Event,
    Exposure,
    Identity,
    IdentityLink,
    Interest,
    Join,
    Order,
    Platform,
    Product,
    Profile,
    Referral,
    Response,
    Send,
)

AT_ONCE: Final = 500
"""Rows that are held at once."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the export."""

    name: str
    table: str
    rows: Callable[[Subject, "Names"], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Names:
    """Inner numbers in the shop's own words."""

    platforms: Mapping[int, str]
    identities: Mapping[int, Mapping[str, str]]
    """Of the person: kind and value, opened."""

    def of(self, identity: int | None) -> Mapping[str, str] | None:
        """Return kind and value of one of the person's identities; None for anybody else's."""
        return None if identity is None else self.identities.get(identity)


def as_json(subject: Subject, *, asked_for: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Yield the text of the JSON object; `asked_for` stands at its beginning (customer id, platform …)."""
    head = {**asked_for, "exported_at": now, "scope": "organisation" if subject.whole else "platform"}
    yield _text(head)[:-1]
    for name, rows in sections(subject):
        yield f",\n{json.dumps(name)}: ["
        for number, row in enumerate(rows):
            yield f"{',' if number else ''}\n{_text(row)}"
        yield "]"
    yield "}\n"


def sections(subject: Subject) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield each part by its name with its rows; those of other apps by the names of their tables."""
    names = Names(
        platforms=dict(Platform.objects.filter(pk__in=subject.platforms).values_list("id", "key")),
        identities=_opened(subject),
    )
    for section in SECTIONS:
        yield section.name, section.rows(subject, names)
    for exporter in plugins.exporters():
        yield from import_string(exporter)(subject)


def _opened(subject: Subject) -> dict[int, dict[str, str]]:
    rows = Identity.objects.filter(pk__in=subject.identities).values_list("id", "kind", "value", "ciphertext")
    return {
        number: {
            "kind": kind,
            "value": str(pii.decrypt(sealed)) if kind in PERSONAL_KINDS and sealed else value,
        }
        for number, kind, value, sealed in rows
    }


def _identities(subject: Subject, names: Names) -> Iterator[Row]:
    for one in Identity.objects.filter(pk__in=subject.identities).order_by("id"):
        yield {
            "platform": names.platforms[one.platform_id], **names.identities[one.pk], "known_since": one.created_at
        }  # fmt: skip


def _profiles(subject: Subject, names: Names) -> Iterator[Row]:
    rows = Profile.objects.filter(identity__in=subject.identities).select_related("identity").order_by("id")
    for one in rows.iterator(chunk_size=AT_ONCE):
        yield {
            "platform": names.platforms[one.identity.platform_id],
            **(pii.decrypt(one.personal) if one.personal else {}),
            **_columns(one, but={"id", "identity", "personal"}),
        }


def _consents(subject: Subject, names: Names) -> Iterator[Row]:
    rows = Consent.objects.filter(identity__in=subject.identities).order_by("at", "id")
    for one in rows.iterator(chunk_size=AT_ONCE):
        yield _fact(one, names, but={"source"})


def _orders(subject: Subject, names: Names) -> Iterator[Row]:
    rows = Order.objects.filter(identity__in=subject.identities).select_related("store", "refers_to")
    rows = rows.prefetch_related("lines__product").order_by("placed_at", "id")
    for one in rows.iterator(chunk_size=AT_ONCE):
        yield {
            **_fact(one, names, but={"fingerprint", "words", "source", "store", "refers_to", "external_id"}),
            "order_id": one.external_id,
            "store_id": one.store.external_id if one.store else None,
            "refers_to": one.refers_to.external_id if one.refers_to else None,
            "lines": [
                {
                    "product_id": line.product.external_id, "title": line.product.title, "quantity": line.quantity,
                    "unit_price": line.unit_price, "list_price": line.list_price,
                }
                for line in one.lines.all()
            ],
        }  # fmt: skip


def _events(subject: Subject, names: Names) -> Iterator[Row]:
    rows = Event.objects.filter(identity_id__in=subject.identities).select_related("product", "store")
    for one in rows.order_by("at", "id").iterator(chunk_size=AT_ONCE):
        yield {
            **_fact(one, names, but={"message", "source", "product", "store"}),
            "product_id": one.product.external_id if one.product else None,
            "store_id": one.store.external_id if one.store else None,
        }


def _exposures(subject: Subject, names: Names) -> Iterator[Row]:
    rows = Exposure.objects.filter(identity_id__in=subject.identities).order_by("at", "id")
    for one in rows.iterator(chunk_size=AT_ONCE):
        titles = dict(Product.objects.filter(pk__in=one.products).values_list("id", "external_id"))
        yield {
            **_fact(one, names, but={"products", "run"}),
            "products": [titles.get(number) for number in one.products],
        }


def _contacts(model: type[Any]) -> Callable[[Subject, Names], Iterator[Row]]:
    def rows(subject: Subject, names: Names) -> Iterator[Row]:
        found = model.objects.filter(identity__in=subject.identities).order_by("at", "id")
        for one in found.iterator(chunk_size=AT_ONCE):
            yield _fact(one, names, but={"message", "product"})

    return rows


def _referrals(subject: Subject, names: Names) -> Iterator[Row]:
    for role, other in (("referred", "referrer"), ("referrer", "referred")):
        rows = Referral.objects.filter(**{f"{role}__in": subject.identities}).order_by("at", "id")
        for one in rows.iterator(chunk_size=AT_ONCE):
            yield {
                "platform": names.platforms[one.platform_id],
                "role": role,
                "identity": names.of(getattr(one, f"{role}_id")),
                other: names.of(getattr(one, f"{other}_id")) or "somebody else",
                "at": one.at,
            }


def _interests(subject: Subject, names: Names) -> Iterator[Row]:
    rows = Interest.objects.filter(identity__in=subject.identities, run__publications__isnull=False)
    for one in rows.select_related("category").order_by("-score", "id").iterator(chunk_size=AT_ONCE):
        yield {
            **_fact(one, names, but={"run", "events", "category"}),
            "category": one.category.path if one.category else None,
        }


def _links(subject: Subject, names: Names) -> Iterator[Row]:
    for role, other in (("first", "second"), ("second", "first")):
        rows = IdentityLink.objects.filter(**{f"{role}__in": subject.identities})
        if role == "second":
            rows = rows.exclude(first__in=subject.identities)
        for one in rows.order_by("id").iterator(chunk_size=AT_ONCE):
            yield {
                "identity": names.of(getattr(one, f"{role}_id")),
                "other": names.of(getattr(one, f"{other}_id")) or "somebody else's, or another platform's",
                **_columns(one, but={"id", "organisation", "first", "second", "decided_by", "position"}),
            }


def _joins(subject: Subject, names: Names) -> Iterator[Row]:
    """Yield the lines of the ledger that moved one of the identities; reads the organisation's ledger."""
    rows = Join.objects.filter(organisation_id=subject.organisation).order_by("id")
    own = frozenset(subject.identities)
    found = rows.values_list("moves", "action", "reason", "rule_version", "at")
    for moves, action, reason, version, at in found.iterator(chunk_size=AT_ONCE):
        moved = [names.of(move[0]) for move in moves if move[0] in own]
        if moved:
            yield {"action": action, "identities": moved, "reason": reason, "rule_version": version, "at": at}


def _letters(subject: Subject, names: Names) -> Iterator[Row]:
    rows = DeadLetter.objects.filter(
        platform_id__in=subject.platforms, subjects__overlap=subjects_of(subject)
    )
    for one in rows.order_by("id").iterator(chunk_size=AT_ONCE):
        yield {
            **_fact(one, names, but={"source", "subjects", "payload"}),
            "payload": tokens.unseal(one.payload),
        }


SECTIONS: Final = tuple(
    Section(name, model._meta.db_table, rows)
    for name, model, rows in (
        ("identities", Identity, _identities),
        ("profiles", Profile, _profiles),
        ("consents", Consent, _consents),
        ("orders", Order, _orders),
        ("events", Event, _events),
        ("exposures", Exposure, _exposures),
        ("sends", Send, _contacts(Send)),
        ("assignments", Assignment, _contacts(Assignment)),
        ("responses", Response, _contacts(Response)),
        ("referrals", Referral, _referrals),
        ("interests", Interest, _interests),
        ("links", IdentityLink, _links),
        ("joins", Join, _joins),
        ("dead_letters", DeadLetter, _letters),
    )
)


def _fact(row: Any, names: Names, *, but: set[str]) -> Row:
    """Return a row by the names of its columns, its platform and identity in the shop's own words."""
    named = {"platform": names.platforms[row.platform_id]}
    if hasattr(row, "identity_id"):
        named["identity"] = names.of(row.identity_id)  # type: ignore[assignment]
    return {**named, **_columns(row, but={"id", "platform", "identity", "position", *but})}


def _columns(row: Any, *, but: set[str]) -> Row:
    return {
        field.name: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in but
    }


def _text(row: Mapping[str, Any]) -> str:
    return json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
