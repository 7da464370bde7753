"""What this app has of a person, for their export and their erasure: labels, classes, scores, stages, memberships."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Model, QuerySet

from precision.shop.erasure.subject import Subject
from segments import membership, snapshots
from segments.models import (
    ClusterMember,
    CustomerClass,
    CustomerValue,
    CustomerWorth,
    LabelOverride,
    LabelRow,
    RfmScore,
    SegmentListing,
    SegmentMember,
    SegmentSpell,
    StageChange,
    StageNow,
    TargetScore,
)

TABLES: tuple[type[Model], ...] = (
    CustomerClass, LabelRow, RfmScore, SegmentMember, StageNow, StageChange, CustomerValue, TargetScore,
    CustomerWorth, ClusterMember,
)  # fmt: skip


def erase(subject: Subject) -> dict[str, int]:
    """Delete what was computed about the person; return how many rows of each table.

    The files of labels and of members are written anew without them.
    """
    counts = {model._meta.db_table: _rows(model, subject).delete()[0] for model in TABLES}
    counts |= {rows.model._meta.db_table: rows.delete()[0] for rows in (_spells(subject), _listings(subject))}
    scopes = None if subject.whole else subject.scopes
    snapshots.forget(scopes, subject.organisation, subject.customers)
    membership.forget(scopes, subject.organisation, subject.customers)
    return {**counts, LabelOverride._meta.db_table: _pins(subject).delete()[0]}


def export(subject: Subject) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield the tables with what the published runs say about the person."""
    for model in TABLES:
        beside = ("run", "segment") if model is SegmentMember else ("run",)
        rows = _rows(model, subject).filter(run__publications__isnull=False).select_related(*beside)
        yield model._meta.db_table, (_plain(row) for row in rows.iterator(chunk_size=1_000))
    stays = _spells(subject).values("segment__key", "entered_at", "left_at").order_by("id")
    yield SegmentSpell._meta.db_table, (dict(stay) for stay in stays.iterator(chunk_size=1_000))
    lists = _listings(subject).values("segment__key", "added_at").order_by("id")
    yield SegmentListing._meta.db_table, (dict(entry) for entry in lists.iterator(chunk_size=1_000))
    pins = _pins(subject).values(
        "platform__key", "label", "value", "reason", "created_at", "expires_at", "ended_at"
    )
    yield LabelOverride._meta.db_table, (dict(pin) for pin in pins.order_by("id").iterator(chunk_size=1_000))


def _spells(subject: Subject) -> QuerySet[SegmentSpell]:
    """Return the person's stays in segments; of one platform only those of its segments."""
    rows = SegmentSpell.objects.filter(customer_id__in=subject.customers)
    return rows if subject.whole else rows.filter(segment__platform_id__in=subject.platforms)


def _listings(subject: Subject) -> QuerySet[SegmentListing]:
    """Return the lists that name the person."""
    return SegmentListing.objects.filter(identity_id__in=subject.identities)


def _pins(subject: Subject) -> QuerySet[LabelOverride]:
    """Return what people pinned to the person's labels."""
    return LabelOverride.objects.filter(identity_id__in=subject.identities)


def _rows(model: type[Model], subject: Subject) -> QuerySet[Any]:
    """Return the rows about the person, of all runs; of one platform only what was computed for that."""
    rows = model._default_manager.filter(customer_id__in=subject.customers)
    return rows if subject.whole else rows.filter(run__scope__in=subject.scopes)


def _plain(row: Any) -> dict[str, Any]:
    """Return a row by the names of its columns, with the run that it is of."""
    values = {
        field.name: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in {"id", "run", "customer", "segment"}
    }
    if isinstance(row, SegmentMember):
        values["segment"] = row.segment.key
    return {"platform": row.run.scope, "as_of": row.run.as_of, **values}
