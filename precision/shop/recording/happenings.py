"""Shipments and tickets of the API: events about an order, by the person who placed it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from precision.engine.copying import copy_rows
from precision.shop import dead_letters, identities, partitions
from precision.shop.bulk import ACCEPTED, DUPLICATE
from precision.shop.dead_letters import Letter
from precision.shop.intake.reading import digest
from precision.shop.models import Event, Identity, Order
from precision.shop.recording.batch import Batch
from precision.shop.recording.reading import INDEX
from precision.shop.records import REASONS, Code

EVENTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "shipment": MappingProxyType(
            {
                "shipped": "Shipment Sent", "delivered": "Shipment Delivered", "returned": "Shipment Returned",
                "lost": "Shipment Lost",
            }
        ),
        "ticket": MappingProxyType({"opened": "Ticket Opened", "closed": "Ticket Closed"}),
    }
)  # fmt: skip
"""Name of the event by kind and status; the first status is meant where none is given."""
OWN: Final = frozenset({"at", "customer_id", "properties"})
"""Fields that are no properties of the event."""
CUSTOMER: Final = Identity.Kind.CUSTOMER_ID.value


def write(batch: Batch) -> Mapping[int, str]:
    """Write the shipments or tickets as events, each status of each once; what they name is among the properties.

    A row whose order is not there waits for it as a dead letter, and counts as accepted.
    """
    named: set[str] = set()
    if "order_id" in batch.frame.columns:
        named.update(batch.frame.get_column("order_id").drop_nulls())
    orders = Order.objects.filter(platform=batch.platform, external_id__in=named)
    owners = dict(orders.values_list("external_id", "identity_id"))
    people = _people(batch)
    outcomes: dict[int, str] = {}
    events: dict[bytes, tuple[int, Event]] = {}
    letters: list[Letter] = []
    for row in batch.frame.iter_rows(named=True):
        index = row[INDEX]
        told = {name: value for name, value in row.items() if name != INDEX and value is not None}
        order = told.get("order_id")
        if order is not None and order not in owners:
            letters.append(_waiting(batch, index, order))
            outcomes[index] = ACCEPTED
            continue
        identity = people.get(told.get("customer_id", "")) or (owners[order] if order else None)
        event = _event(batch, told, identity=identity)
        outcomes[index] = DUPLICATE
        events.setdefault(bytes(event.message), (index, event))
    known = _known(batch, events)
    fresh = [(index, event) for message, (index, event) in events.items() if message not in known]
    _insert([event for _, event in fresh])
    outcomes |= {index: ACCEPTED for index, _ in fresh}
    if letters:
        dead_letters.keep(batch.platform, letters, source=batch.source)
        dead_letters.recheck(batch.platform, [letter.waits_for for letter in letters])
    return outcomes


def _insert(events: Sequence[Event]) -> None:
    """Write the events by COPY, in the month in which they came in."""
    if not events:
        return
    rows: list[dict[str, Any]] = [
        {
            "platform_id": event.platform_id, "source_id": event.source_id, "identity_id": event.identity_id,
            "name": event.name, "at": event.at, "received_at": event.received_at,
            "message": "\\x" + bytes(event.message).hex(),
            "properties": json.dumps(event.properties, ensure_ascii=False),
        }
        for event in events
    ]  # fmt: skip
    partitions.ensure_month(events[0].received_at.date())
    copy_rows(Event, pl.DataFrame(rows, schema_overrides={"identity_id": pl.Int64}, infer_schema_length=None))


def _known(batch: Batch, messages: Iterable[bytes]) -> set[bytes]:
    """Return those of the messages that the platform has; nobody adds any while its lock is held."""
    rows = Event.objects.filter(platform=batch.platform, message__in=list(messages))
    return {bytes(message) for message in rows.values_list("message", flat=True)}


def _people(batch: Batch) -> dict[str, int]:
    """Return our number of each customer id that the rows name themselves."""
    if "customer_id" not in batch.frame.columns:
        return {}
    named = {(CUSTOMER, value) for value in batch.frame.get_column("customer_id").drop_nulls()}
    found = identities.resolve(batch.platform, named, now=batch.now)
    return {value: number for (_, value), number in found.items()}


def _event(batch: Batch, told: Mapping[str, Any], *, identity: int | None) -> Event:
    """Return the event as it is written; its id is that of the record with its status, else its content."""
    names = EVENTS[batch.kind.name]
    status = told.get("status", next(iter(names)))
    at: datetime = told["at"]
    number = told.get(batch.kind.key)
    properties = json.loads(told.get("properties", "{}"))
    properties |= {name: value for name, value in told.items() if name not in OWN}
    if number is None:
        content = {**properties, "at": at.isoformat(), "customer_id": told.get("customer_id")}
        number = json.dumps(content, sort_keys=True)
    return Event(
        platform=batch.platform,
        source=batch.source,
        identity_id=identity,
        name=names[status],
        at=at,
        received_at=batch.now,
        message=digest(f"{batch.kind.name}\0{number}\0{status}"),
        properties={**properties, "status": status},
    )


def _waiting(batch: Batch, index: int, order: str) -> Letter:
    """Return the letter that keeps a row until its order is there."""
    return Letter(
        kind=batch.kind.name,
        code=Code.UNKNOWN_ORDER.value,
        detail=f"{REASONS[Code.UNKNOWN_ORDER]} It waits for it.",
        field="order_id",
        payload=batch.rows[index],
        trusted=batch.trusted,
        waits_for=order,
    )
