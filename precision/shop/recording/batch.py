"""Rows of one call made ready for the tables: read, refused or kept, several rows of one record folded into one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from precision.shop.bulk import DUPLICATE, UPDATED
from precision.shop.models import Platform, Source
from precision.shop.recording.answers import Refusal, refusal
from precision.shop.recording.reading import INDEX, Table
from precision.shop.records import Code, Kind, Type

KEYS = {
    "customer": ("customer_id",), "product": ("product_id",), "store": ("store_id",), "order": ("order_id",),
    "store-month": ("store_id", "month", "product_id"), "assignment": ("campaign_id", "customer_id"),
    "send": ("campaign_id", "step", "customer_id"), "exposure": ("recommendation_id",),
    "response": ("response_id",),
}  # fmt: skip
"""Fields that together tell the records of a kind apart, where any is given; other kinds are told once."""
HISTORIES = frozenset({"identities", "consents"})
"""Lists that only grow: what one row says does not take back what another said."""


@dataclass(slots=True)
class Batch:
    """The rows of one call that can be used; a writer refuses further ones, or says what became of them."""

    platform: Platform
    kind: Kind
    rows: Sequence[Any]
    """As they came, folded; INDEX of `table` is the place in here."""
    table: Table
    replace: bool
    source: Source
    now: datetime
    trusted: bool = True
    refused: dict[int, Refusal] = field(default_factory=dict)

    @property
    def frame(self) -> pl.DataFrame:
        """The typed columns of the usable rows."""
        return self.table.frame

    def nested(self, name: str) -> pl.DataFrame | None:
        """Return the rows of a list field, or None when no row gives any."""
        inner = self.table.nested.get(name)
        return inner.frame if inner is not None and inner.frame.height else None

    def refuse(self, indexes: Sequence[int], code: Code, name: str) -> None:
        """Refuse usable rows for a reason that only the tables could tell."""
        for index in indexes:
            self.refused.setdefault(index, refusal(index, code, name))
        if indexes:
            bad = pl.Series(list(indexes), dtype=pl.Int64).implode()
            self.table = Table(
                frame=self.table.frame.filter(~pl.col(INDEX).is_in(bad)),
                nested={
                    key: Table(frame=one.frame.filter(~pl.col(INDEX).is_in(bad)))
                    for key, one in self.table.nested.items()
                },
            )

    def whole(self) -> pl.DataFrame:
        """Return the frame with every scalar field of the kind, null where no row gives it: for a replacement."""
        types: dict[Type, Any] = {
            Type.MONEY: pl.Int64, Type.QUANTITY: pl.Int64, Type.WHOLE: pl.Int64, Type.NUMBER: pl.Float64,
            Type.TIME: pl.Datetime("us", "UTC"), Type.DATE: pl.Date, Type.BOOLEAN: pl.Boolean,
            Type.PATH: pl.List(pl.String), Type.NAMES: pl.List(pl.String),
        }  # fmt: skip
        lacking = [
            pl.lit(None, types.get(one.type, pl.String)).alias(one.name)
            for one in self.kind.fields
            if one.name not in self.frame.columns and one.type is not Type.RECORDS
        ]
        return self.frame.with_columns(lacking)


Writer = Callable[[Batch], Mapping[int, str]]
"""Writes the usable rows of a batch within a transaction; returns the outcome of each by its index."""


@dataclass(slots=True)
class Fold:
    """Rows of a call after those of one record were made one."""

    rows: list[Any]
    members: list[list[int]]
    """For each folded row the places of the rows that made it, in their order."""
    changed: list[list[bool]]
    """For each member whether it changed what the ones before it said; the first one: True."""

    def outcomes(self, of: Mapping[int, str]) -> dict[int, str]:
        """Return the outcome of each sent row from those of the folded ones."""
        told: dict[int, str] = {}
        for index, first in of.items():
            for number, place in enumerate(self.members[index]):
                if number == 0:
                    told[place] = first
                else:
                    new = self.changed[index][number] and first != DUPLICATE
                    told[place] = UPDATED if new else DUPLICATE
        return told


def fold(kind: Kind, rows: Sequence[Any], table: Table, *, replace: bool) -> Fold:
    """Return the usable rows with those of one record made one: a later row tells on top of an earlier one.

    With `replace` the last row stands alone.
    """
    usable = table.frame.get_column(INDEX).to_list()
    keys = [name for name in KEYS.get(kind.name, ()) if name in table.frame.columns]
    if not keys or not table.frame.select(keys).is_duplicated().any():
        return Fold(
            rows=[rows[place] for place in usable],
            members=[[place] for place in usable],
            changed=[[True] for _ in usable],
        )
    places: dict[tuple[Any, ...], int] = {}
    made = Fold(rows=[], members=[], changed=[])
    for place, key in zip(usable, table.frame.select(keys).iter_rows(), strict=True):
        named = any(value is not None for value in key)
        at = places.setdefault(key, len(made.rows)) if named else len(made.rows)
        if at == len(made.rows):
            made.rows.append(rows[place])
            made.members.append([place])
            made.changed.append([True])
            continue
        before = made.rows[at]
        after = dict(rows[place]) if replace else _on_top(kind, before, rows[place])
        after |= {name: before.get(name) for name in keys}  # 7 and "7" are one id, and no change
        made.changed[at].append(after != before)
        made.members[at].append(place)
        made.rows[at] = after
    return made


def _on_top(kind: Kind, before: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two rows of one record say together."""
    merged = dict(before)
    for name, value in later.items():
        one = kind.field(name)
        old = merged.get(name)
        if value is None:
            continue
        if one is not None and one.type is Type.OBJECT and isinstance(old, dict):
            value = {**old, **value}
        elif name in HISTORIES and old:
            value = [*old, *(item for item in value if item not in old)]
        merged[name] = value
    return merged
