"""Rows of the API read as the wire format wants them: typed columns, and the first fault of each row."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from precision.shop.importing import values
from precision.shop.recording import content
from precision.shop.recording.answers import Refusal
from precision.shop.records import KINDS, REASONS, Code, Field, Kind, Type

INDEX = "__index"
"""Column: the place of a row in the list that was sent; of a nested row, the place of its parent."""
PLACE = "__place"
"""Column: the place of a nested row within its own list."""
KEEPS_UNKNOWN = {
    "customer": "traits", "product": "traits", "store": "traits", "store-month": "traits", "order": "context",
    "event": "properties", "shipment": "properties", "ticket": "properties", "send": "properties",
    "response": "properties",
}  # fmt: skip
"""The object field of a kind that unknown fields are kept in; other kinds refuse them."""
MONTHS = frozenset({"month"})
"""Dates of which any day stands for the month."""
SHOWN_NAME = 80
"""Characters of an unknown field's name that a refusal repeats."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(slots=True)
class Table:
    """What was read: one row of `frame` for each sent row, refused ones too."""

    frame: pl.DataFrame
    """INDEX (nested rows: PLACE too) and a typed column for each field that any row gives; objects as JSON text."""
    nested: dict[str, "Table"] = field(default_factory=dict)
    """Rows of the lists of records, by field."""
    refused: dict[int, Refusal] = field(default_factory=dict)
    """The first fault of each refused row, by its place in `frame`."""

    def usable(self) -> "Table":
        """Return the rows that were not refused, and their nested rows."""
        if not self.refused:
            return self
        bad = pl.Series([refusal.index for refusal in self.refused.values()], dtype=pl.Int64).implode()
        return Table(
            frame=self.frame.filter(~pl.col(INDEX).is_in(bad)),
            nested={
                name: Table(frame=table.frame.filter(~pl.col(INDEX).is_in(bad)))
                for name, table in self.nested.items()
            },
        )


def read(
    kind: Kind,
    rows: Sequence[Any],
    *,
    timezone: str,
    now: datetime,
    skip: frozenset[str] = frozenset(),
    optional: frozenset[str] = frozenset(),
) -> Table:
    """Return the rows read as records of the kind; a row that is no object is refused as a whole.

    `skip` names fields that do not exist here (the order id of a nested line), `optional` required ones whose lack
    is judged later. Times without a zone are in `timezone`; `now` bounds what lies in the future.
    """
    table = Table(frame=pl.DataFrame({INDEX: pl.Series(range(len(rows)), dtype=pl.Int64)}))
    good: list[Mapping[str, Any]] = []
    for place, row in enumerate(rows):
        if isinstance(row, dict):
            good.append(row)
        else:
            good.append({})
            _refuse(table, {place: Code.NOT_AN_OBJECT}, "")
    known = {one.name: one for one in kind.fields if one.name not in skip}
    extra = _unknown(kind, good, known, table)
    for one in known.values():
        given = [row.get(one.name) for row in good]
        if one.name == KEEPS_UNKNOWN.get(kind.name) and extra:
            given = [_with_extra(value, extra.get(place)) for place, value in enumerate(given)]
        if one.type is Type.RECORDS:
            _nested(table, one, given, timezone=timezone, now=now)
            continue
        needed = one.required and one.name not in optional
        if not needed and all(value is None for value in given):
            continue
        value, refused = _column(one, given, timezone=timezone, now=now)
        if needed:
            lacking = value.is_null().arg_true().to_list()
            refused.update({place: Code.MISSING for place in lacking if place not in refused})
        table.frame = table.frame.with_columns(value.alias(one.name))
        _refuse(table, refused, one.name)
    return table


def _column(
    one: Field, given: list[Any], *, timezone: str, now: datetime
) -> tuple[pl.Series, content.Refused]:
    """Return the typed values of a field, and by place the code of those that are refused."""
    if one.type is Type.OBJECT:
        return content.objects(given)
    raw, refused = (content.lists if one.type in {Type.PATH, Type.NAMES} else content.texts)(given, one)
    read_values = values.read(raw, one, timezone=timezone, now=now, time_format=None)
    if one.name in MONTHS:
        read_values = read_values.with_columns(pl.col("value").dt.truncate("1mo"))
    code = read_values.get_column("code")
    if code.null_count() < len(code):
        bad = code.is_not_null().arg_true().to_list()
        refused.update({place: Code(code[place]) for place in bad if place not in refused})
    return read_values.get_column("value"), refused


def _nested(table: Table, one: Field, given: list[Any], *, timezone: str, now: datetime) -> None:
    """Read a list of records, and refuse the rows in which one of them is at fault."""
    kind = KINDS[one.of]
    children: list[Any] = []
    parents: list[int] = []
    places: list[int] = []
    refused: content.Refused = {}
    for parent, value in enumerate(given):
        if value is None:
            continue
        if not isinstance(value, list):
            refused[parent] = Code.NOT_A_LIST
            continue
        children.extend(value)
        parents.extend([parent] * len(value))
        places.extend(range(len(value)))
    _refuse(table, refused, one.name)
    if not children:
        return
    inner = read(kind, children, timezone=timezone, now=now, skip=frozenset({"order_id"}))
    for number, refusal in inner.refused.items():
        path = f"{one.name}[{places[number]}]"
        if refusal.field:
            path = f"{path}.{refusal.field}"
        table.refused.setdefault(
            parents[number],
            Refusal(index=parents[number], code=refusal.code, detail=refusal.detail, field=path),
        )
    inner.frame = inner.frame.with_columns(
        pl.Series(INDEX, parents, dtype=pl.Int64), pl.Series(PLACE, places, dtype=pl.Int64)
    )
    table.nested[one.name] = inner


def _unknown(
    kind: Kind, rows: Sequence[Mapping[str, Any]], known: Mapping[str, Field], table: Table
) -> dict[int, dict[str, Any]]:
    """Return the unknown fields of the rows that have any; refuse the rows where there is no place for them."""
    extra: dict[int, dict[str, Any]] = {}
    for place, row in enumerate(rows):
        if row.keys() <= known.keys():
            continue
        others = {name: value for name, value in row.items() if name not in known and value is not None}
        if not others:
            continue
        if kind.name in KEEPS_UNKNOWN:
            extra[place] = others
        else:
            name = _CONTROLS.sub("�", str(next(iter(others))))[:SHOWN_NAME]
            _refuse(table, {place: Code.UNKNOWN_FIELD}, name)
    return extra


def _with_extra(value: Any, extra: dict[str, Any] | None) -> Any:
    """Return the object with the unknown fields of its row; what the object says itself stands."""
    if extra is None or not (value is None or isinstance(value, dict)):
        return value
    return {**extra, **(value or {})}


def _refuse(table: Table, refused: Mapping[int, Code], name: str) -> None:
    """Note refusals of a field; the first of a row stands."""
    for place, code in refused.items():
        table.refused.setdefault(
            place, Refusal(index=place, code=code.value, detail=REASONS[code], field=name)
        )
