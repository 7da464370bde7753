"""Where the lake lies and what its files hold; `docs/data-model.md` describes it for other readers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl
from django.conf import settings

from precision.shop import columns as c

MANIFEST_VERSION = 1
SCHEMA_VERSION = 1
"""Of the parts; a change of columns is a new number."""

TIMES: dict[str, Any] = {c.SECONDS: pl.Int64, c.DAY: pl.Int64, c.HOUR: pl.Int64, c.WEEKDAY: pl.Int64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One kind of fact in the lake."""

    name: str
    columns: Mapping[str, Any]
    """Name → Polars type, in the order of the files."""
    key: str
    """What a later export replaces as a whole: all lines of one order, or one event."""
    order: tuple[str, ...]
    """Rows within a row group are sorted so."""
    receipt: str | None
    """Column that says in which partition of PostgreSQL the row was; None: PostgreSQL keeps all rows."""
    removals: str
    """What `Removal.table` calls it."""


ORDER_LINES = Table(
    name="order_lines",
    columns=MappingProxyType(
        {
            c.ORDER: pl.Int64,
            c.IDENTITY: pl.Int64,
            c.PRODUCT: pl.Int64,
            c.STORE: pl.Int64,
            c.REFERS_TO: pl.Int64,
            c.STATUS: pl.String,
            c.CONFIRMED: pl.Boolean,
            c.CHANNEL: pl.String,
            c.CURRENCY: pl.String,
            **TIMES,
            c.QUANTITY_E3: pl.Int64,
            c.UNIT_PRICE_E4: pl.Int64,
            c.LIST_PRICE_E4: pl.Int64,
            c.AMOUNT_E4: pl.Int64,
        }
    ),
    key=c.ORDER,
    order=(c.SECONDS, c.ORDER),
    receipt=None,
    removals="order",
)
EVENTS = Table(
    name="events",
    columns=MappingProxyType(
        {
            c.ID: pl.Int64,
            c.IDENTITY: pl.Int64,
            c.EVENT: pl.String,
            c.PRODUCT: pl.Int64,
            c.STORE: pl.Int64,
            c.CHANNEL: pl.String,
            c.SESSION: pl.Int64,
            c.RECOMMENDATION: pl.Int64,
            c.DURATION_MS: pl.Int64,
            **TIMES,
            c.RECEIVED: pl.Int64,
        }
    ),
    key=c.ID,
    order=(c.SECONDS, c.ID),
    receipt=c.RECEIVED,
    removals="event",
)
EXPOSURES = Table(
    name="exposures",
    columns=MappingProxyType(
        {
            c.ID: pl.Int64,
            c.IDENTITY: pl.Int64,
            c.RECOMMENDATION: pl.Int64,
            c.PAGE: pl.String,
            c.EXPERIMENT: pl.String,
            c.ARM: pl.String,
            c.SLOT: pl.String,
            c.RANK: pl.Int64,
            c.PRODUCT: pl.Int64,
            c.SOURCE: pl.String,
            c.PROPENSITY: pl.Float64,
            c.RUN: pl.Int64,
            **TIMES,
        }
    ),
    key=c.ID,
    order=(c.SECONDS, c.ID),
    receipt=c.SECONDS,
    removals="exposure",
)
TABLES: Mapping[str, Table] = MappingProxyType(
    {table.name: table for table in (ORDER_LINES, EVENTS, EXPOSURES)}
)


def root() -> Path:
    """Return the folder of the lake: the setting HISTORY, else `history` under VAR."""
    chosen = getattr(settings, "HISTORY", None)
    return Path(chosen) if chosen else Path(getattr(settings, "VAR", "var")) / "history"


def part_folder(table: str, platform: int, month: int) -> str:
    """Return the folder of a month's parts, relative to the lake; `month` is year × 100 + month, UTC."""
    return f"{table}/platform={platform}/month={month // 100:04d}-{month % 100:02d}"


def changes_folder(table: str, platform: int) -> str:
    """Return the folder of the lists of replaced and removed keys, relative to the lake."""
    return f"changes/{table}/platform={platform}"
