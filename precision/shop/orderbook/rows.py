"""Orders and their credit notes between the tables and their states.

Rows are locked in the order of their ids while they are changed, so that two writers never wait for each other in
a circle.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final

from django.db import connection

from precision.shop.models import Order, Platform, Source
from precision.shop.orderbook.refunds import Asked, Note, Refund, notes
from precision.shop.orderbook.words import CONTEXT, DEFAULTS, LINES, WHOLE, Line, Rank, State

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
LONGEST: Final = 200
"""Characters of an order number."""
MARK: Final = "#refund-"

_COLUMNS: Final = (
    "id", "external_id", "identity_id", "placed_at", "status", "currency", "channel", "store_id", "coupon",
    "payment_method", "context", "confirmed", "version_at", "words", "fingerprint", "refers_to_id", "source_id",
)  # fmt: skip
_READ = f"""
SELECT {", ".join(_COLUMNS)} FROM precision_shop_order
WHERE platform_id = %s AND external_id = ANY(%s) ORDER BY id FOR UPDATE
"""
_NOTES = """
SELECT id, refers_to_id, external_id, words, fingerprint FROM precision_shop_order
WHERE refers_to_id = ANY(%s) AND words ? 'refund' ORDER BY id
"""
_LINES = """
SELECT order_id, product_id, quantity, unit_price, list_price FROM precision_shop_orderline
WHERE order_id = ANY(%s) ORDER BY id
"""
_WRITTEN: Final = {
    "external_id": "text", "identity_id": "bigint", "placed_at": "timestamptz", "status": "text", "currency": "text",
    "channel": "text", "store_id": "bigint", "coupon": "text", "payment_method": "text", "context": "jsonb",
    "fingerprint": "bigint", "refers_to_id": "bigint", "confirmed": "boolean", "version_at": "timestamptz",
    "words": "jsonb", "source_id": "bigint",
}  # fmt: skip
_NAMES = ", ".join(_WRITTEN)
_VALUES = ", ".join(f"%({name})s::{kind}[]" for name, kind in _WRITTEN.items())
_INSERT = f"""
INSERT INTO precision_shop_order (platform_id, received_at, {_NAMES})
SELECT %(platform)s, %(now)s, * FROM unnest({_VALUES}) AS w({_NAMES}) ORDER BY external_id
ON CONFLICT (platform_id, external_id) DO NOTHING
RETURNING id, external_id
"""
_UPDATE = f"""
UPDATE precision_shop_order AS o SET {", ".join(f"{name} = w.{name}" for name in _WRITTEN)}
FROM unnest(%(ids)s::bigint[], {_VALUES}) AS w(id, {_NAMES}) WHERE o.id = w.id
"""
_REMOVE_LINES = "DELETE FROM precision_shop_orderline WHERE order_id = ANY(%s)"
_REMOVE = "DELETE FROM precision_shop_order WHERE id = ANY(%s)"
_ADD_LINES = """
INSERT INTO precision_shop_orderline (order_id, product_id, quantity, unit_price, list_price)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
"""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One order of the platform with its refunds; `id` is None while there is no row."""

    number: str
    state: State = field(default_factory=State)
    refunds: list[Refund] = field(default_factory=list)
    id: int | None = None
    fingerprint: int = 0
    source_id: int | None = None
    refers_to_id: int | None = None
    stored_lines: tuple[Line, ...] = ()
    note_rows: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Row and digest of the credit note of each refund."""
    worded: bool = True
    """The row remembers when each field was told; off: a file told it as a whole, and nothing since."""
    touched: bool = False
    refunded: bool = False
    """The credit notes have to be looked at again."""


def microseconds(moment: datetime) -> int:
    """Return the time as whole microseconds since 1970, UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    """Return the time of so many microseconds since 1970."""
    return EPOCH + at * MICROSECOND


def read(platform: Platform, numbers: Collection[str]) -> dict[str, Entry]:
    """Return the orders of these numbers that there are, locked until the transaction ends. One to three queries."""
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in _rows(_READ, [platform.pk, list(numbers)])]
    if not found:
        return {}
    ids = [row["id"] for row in found]
    lines = _lines(ids)
    entries = {row["id"]: _entry(row, lines[row["id"]]) for row in found}
    for note_id, order_id, external_id, words, digest in _rows(_NOTES, [ids]):
        refund = _refund(json.loads(words)["refund"])
        entries[order_id].refunds.append(refund)
        entries[order_id].note_rows[external_id] = (note_id, digest)
    return {entry.number: entry for entry in entries.values()}


def write(platform: Platform, entries: Iterable[Entry], *, source: Source | None, now: datetime) -> set[str]:
    """Write the touched entries with their credit notes; return the numbers of new ones that another writer had put
    there meanwhile: they have to be read and told again.
    """
    touched = [entry for entry in entries if entry.touched or entry.refunded]
    fresh = [entry for entry in touched if entry.id is None]
    changed = [entry for entry in touched if entry.id is not None and entry.touched]
    for entry in touched:
        entry.source_id = (
            source.pk if source and (entry.id is None or entry.source_id is None) else entry.source_id
        )
    if fresh:
        columns = _columns([_order_row(entry) for entry in fresh])
        added = {
            number: row for row, number in _rows(_INSERT, {**columns, "platform": platform.pk, "now": now})
        }
        for entry in fresh:
            entry.id = added.get(entry.number)
    if changed:
        columns = _columns([_order_row(entry) for entry in changed])
        _run(_UPDATE, {**columns, "ids": [entry.id for entry in changed]})
    written = [entry for entry in touched if entry.id is not None]
    relined = [entry for entry in written if entry.state.fields[LINES] != entry.stored_lines]
    _put_lines({entry.id: entry.state.fields[LINES] for entry in relined if entry.id}, new=not changed)
    _put_notes(platform, [entry for entry in written if entry.refunds or entry.note_rows], now=now)
    return {entry.number for entry in fresh if entry.id is None}


def note_number(order: str, refund: str) -> str:
    """Return the number of the credit note of a refund; that of a long one ends in a digest."""
    text = f"{order}{MARK}{refund}"
    if len(text) <= LONGEST:
        return text
    return f"{order[:100]}{MARK}{blake2b(text.encode(), digest_size=16).hexdigest()}"


def _entry(row: Mapping[str, Any], lines: tuple[Line, ...]) -> Entry:
    fields: dict[str, Any] = {
        **DEFAULTS,
        "person": row["identity_id"], "placed_at": microseconds(row["placed_at"]), "status": row["status"],
        "currency": row["currency"], "store": row["store_id"], LINES: lines,
        **{name: row[name] for name in ("channel", "coupon", "payment_method")},
        **{CONTEXT + name: value for name, value in json.loads(row["context"]).items()},
    }  # fmt: skip
    words = json.loads(row["words"] or "{}")  # Django's cursors give jsonb as its text
    if "at" in words:
        told = {name: Rank(trusted=bool(trusted), at=at) for name, (at, trusted) in words["at"].items()}
        if not told.keys() & {"placed_at", WHOLE}:
            fields["placed_at"] = None  # nobody told it: the row has the time of its lines
    else:  # told as a whole, by a file
        version = microseconds(row["version_at"]) if row["version_at"] else 0
        told = {WHOLE: Rank(trusted=row["confirmed"], at=version)}
    return Entry(
        number=row["external_id"],
        state=State(fields=fields, told=told),
        id=row["id"],
        fingerprint=row["fingerprint"],
        source_id=row["source_id"],
        refers_to_id=row["refers_to_id"],
        stored_lines=lines,
        worded="at" in words,
    )


def _order_row(entry: Entry) -> dict[str, Any]:
    """Return the columns of an order, as the statements take them."""
    fields = entry.state.fields
    placed_at = fields["placed_at"]
    if placed_at is None:  # the shop itself told the lines, but only a browser when
        placed_at = entry.state.rank(LINES).at
    told = {name: [rank.at, int(rank.trusted)] for name, rank in sorted(entry.state.told.items())}
    return {
        "external_id": entry.number, "identity_id": fields["person"], "placed_at": moment(placed_at),
        "status": fields["status"] or Order.Status.COMPLETED.value, "currency": fields["currency"],
        "channel": fields["channel"], "store_id": fields["store"], "coupon": fields["coupon"],
        "payment_method": fields["payment_method"], "context": json.dumps(entry.state.context()),
        "fingerprint": entry.fingerprint, "refers_to_id": entry.refers_to_id, "confirmed": entry.state.confirmed,
        "version_at": moment(entry.state.version), "words": json.dumps({"at": told}), "source_id": entry.source_id,
    }  # fmt: skip


def _put_notes(platform: Platform, entries: Sequence[Entry], *, now: datetime) -> None:
    """Make the credit notes of the orders what their refunds say; write only what is another than before."""
    made: list[tuple[dict[str, Any], Note]] = []
    changed: list[tuple[int, dict[str, Any], Note]] = []
    gone: list[int] = []
    for entry in entries:
        # A browser's refund of an order that the shop told counts no more than its word about the order.
        counted = [one for one in entry.refunds if one.rank.trusted or not entry.state.confirmed]
        wanted = {}
        for note in notes(entry.state.fields[LINES], counted):
            row = _note_row(entry, note)
            wanted[row["external_id"]] = (row, note)
        for number, (row, note) in wanted.items():
            if number not in entry.note_rows:
                made.append((row, note))
            elif entry.note_rows[number][1] != row["fingerprint"]:
                changed.append((entry.note_rows[number][0], row, note))
        gone.extend(row for number, (row, _) in entry.note_rows.items() if number not in wanted)
    if gone:
        _run(_REMOVE_LINES, [gone])
        _run(_REMOVE, [gone])
    if changed:
        _run(
            _UPDATE, {**_columns([row for _, row, _ in changed]), "ids": [number for number, _, _ in changed]}
        )
        _put_lines({number: note.lines for number, _, note in changed}, new=False)
    if made:
        columns = _columns([row for row, _ in made])
        added = {
            number: row for row, number in _rows(_INSERT, {**columns, "platform": platform.pk, "now": now})
        }
        by_number = {row["external_id"]: note.lines for row, note in made}
        _put_lines({row: by_number[number] for number, row in added.items()}, new=True)


def _note_row(entry: Entry, note: Note) -> dict[str, Any]:
    """Return the columns of the order row of a credit note; it is a cancelled one where its order is."""
    refund = note.refund
    cancelled = entry.state.fields["status"] == Order.Status.CANCELLED
    told = {
        "id": refund.number, "at": refund.rank.at, "trusted": refund.rank.trusted, "amount": refund.amount,
        "lines": None if refund.lines is None else [list(asked) for asked in refund.lines], "reason": refund.reason,
    }  # fmt: skip
    context = {"refund": refund.number} | ({"reason": refund.reason} if refund.reason else {})
    if note.excess:
        context["excess"] = "More was to be refunded than was left of the order."
    row = {
        **_order_row(entry), "external_id": note_number(entry.number, refund.number), "coupon": "",
        "placed_at": moment(refund.rank.at), "refers_to_id": entry.id, "context": json.dumps(context),
        "status": (Order.Status.CANCELLED if cancelled else Order.Status.RETURNED).value,
        "confirmed": entry.state.confirmed and refund.rank.trusted, "version_at": moment(refund.rank.at),
        "words": json.dumps({"refund": told}),
    }  # fmt: skip
    content = json.dumps({**row, "lines": note.lines, "fingerprint": None}, default=str, sort_keys=True)
    digest = blake2b(content.encode(), digest_size=8).digest()
    return {**row, "fingerprint": int.from_bytes(digest, "big", signed=True)}


def _refund(told: Mapping[str, Any]) -> Refund:
    return Refund(
        number=told["id"],
        rank=Rank(trusted=told["trusted"], at=told["at"]),
        lines=None if told["lines"] is None else tuple(Asked(*asked) for asked in told["lines"]),
        amount=told["amount"],
        reason=told["reason"],
    )


def _put_lines(lines: Mapping[int, Sequence[Line]], *, new: bool) -> None:
    """Give the orders these lines instead of any that they have."""
    if not new and lines:
        _run(_REMOVE_LINES, [list(lines)])
    flat = [(order, *line) for order, own in lines.items() for line in own]
    if flat:
        _run(_ADD_LINES, [list(column) for column in zip(*flat, strict=True)])


def _lines(ids: Sequence[int]) -> dict[int, tuple[Line, ...]]:
    found: dict[int, list[Line]] = defaultdict(list)
    for order, *values in _rows(_LINES, [list(ids)]):
        found[order].append(Line(*values))
    return defaultdict(tuple, {order: tuple(lines) for order, lines in found.items()})


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in _WRITTEN}


def _rows(statement: str, values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _run(statement: str, values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
