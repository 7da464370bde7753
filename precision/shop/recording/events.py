"""Events of the API, handed on to the intake of events as calls of its dialect."""

import json
from datetime import datetime
from typing import Any, Final

from precision.shop.intake import Status, receive
from precision.shop.recording.answers import Refusal
from precision.shop.recording.handed_on import HandedOn, Outcomes
from precision.shop.recording.reading import INDEX, read
from precision.shop.records import EVENT, Code

AROUND: Final = (
    "channel",
    "session_id",
    "duration_s",
    "store_id",
    "query",
    "product_id",
    "recommendation_id",
)
"""Fields that the dialect has among the properties."""
NAMES: Final = {
    "event": "event",
    "messageId": "event_id",
    "userId": "customer_id",
    "anonymousId": "anonymous_id",
    "timestamp": "at",
}
"""Field of a call, and field of a record."""
BACK: Final = {f"properties.{name}": name for name in AROUND} | {
    call: name for call, name in NAMES.items() if call != name
}
"""Field of a record by that of the call made of it: refusals name what was sent."""


def tell(call: HandedOn) -> Outcomes:
    """Take in events; a known id is a duplicate whatever else the row says, because what happened does not change."""
    table = read(EVENT, call.rows, timezone=call.platform.timezone, now=call.now)
    made: Outcomes = dict(table.refused)
    call.own_refusals.update(table.refused)
    frame = table.usable().frame
    verdicts = receive(
        call.platform,
        [as_call(row) for row in frame.iter_rows(named=True)],
        source=call.source,
        trusted=call.trusted,
        received_at=call.now,
    )
    for place, verdict in zip(frame.get_column(INDEX), verdicts, strict=True):
        if verdict.status is Status.REJECTED:
            name = BACK.get(verdict.field, verdict.field)
            if verdict.field == "userId" and verdict.code == Code.MISSING.value:
                name = "customer_id"
            made[place] = Refusal(index=place, code=verdict.code, detail=verdict.detail, field=name)
        else:
            made[place] = verdict.status.value
    return made


def as_call(row: dict[str, Any]) -> dict[str, Any]:
    """Return a typed row as a call of the event dialect."""
    properties = json.loads(row["properties"]) if row.get("properties") else {}
    properties |= {name: row[name] for name in AROUND if row.get(name) is not None}
    made: dict[str, Any] = {"type": "track", "properties": properties}
    for name, own in NAMES.items():
        value = row.get(own)
        if value is not None:
            made[name] = value.isoformat() if isinstance(value, datetime) else value
    return made
