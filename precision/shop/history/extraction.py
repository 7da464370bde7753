"""What PostgreSQL has that the lake has not: rows of transactions from one horizon up to the next.

A row's `position` is the number of the transaction that wrote it. Below the oldest transaction that still runs
(`pg_snapshot_xmin`) nothing can appear any more, so a reader that goes from horizon to horizon meets every row exactly
once; ids and times lose rows that are committed late.
"""

from collections.abc import Generator
from dataclasses import dataclass

import polars as pl
from django.apps import apps

from precision.engine.reading import Reader
from precision.shop import columns as c
from precision.shop.history import packing
from precision.shop.history.layout import TABLES
from precision.shop.history.manifest import Database
from precision.shop.history.shaping import AT, PLATFORM
from precision.shop.models import Platform

CHUNK_ORDERS = 200_000  # orders held at once, with their lines
BLOCK_IDS = 50_000  # orders are counted in blocks of so many ids
PACKED_IDS = 16_384  # lines of orders with so many numbers come in one value: 1,600 an order would fit
BLOCK = "block"
ORDER = {
    c.ORDER: packing.number("o.id"),
    c.IDENTITY: packing.number("o.identity_id"),
    c.STORE: packing.number("o.store_id"),
    c.REFERS_TO: packing.number("o.refers_to_id"),
    AT: packing.time("o.placed_at"),
}
ORDER_WORDS = {
    PLATFORM: "o.platform_id", c.STATUS: "o.status", c.CONFIRMED: "o.confirmed", c.CHANNEL: "o.channel",
    c.CURRENCY: "o.currency",
}  # fmt: skip
LINE = {
    c.ORDER: packing.number("l.order_id"),
    c.PRODUCT: packing.number("l.product_id"),
    c.QUANTITY_E3: packing.number("l.quantity"),
    c.UNIT_PRICE_E4: packing.number("l.unit_price"),
    c.LIST_PRICE_E4: packing.number("l.list_price"),
}
DENSE = 0.5  # from this share of wanted orders on, all lines of a span of ids are read


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Where the log of facts stands in one state of the database."""

    database: Database
    horizon: int
    """Every transaction below it has ended."""
    ceiling: int
    """No transaction from it on had begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows to read: of these platforms, written from `since` on (None: ever), below `until`."""

    platforms: tuple[int, ...]
    since: int | None
    until: int

    def where(self, alias: str) -> str:
        """Return the condition in SQL for the table of that alias."""
        numbers = ", ".join(f"{number:d}" for number in self.platforms)
        since = "" if self.since is None else f"{alias}.position >= {self.since:d} AND "
        return f"{alias}.platform_id IN ({numbers}) AND {since}{alias}.position < {self.until:d}"


def read_log(reader: Reader) -> Log:
    """Return where the log stands; the first query of a consistent reader."""
    row = reader.frame("""
        SELECT pg_snapshot_xmin(s)::text::bigint AS horizon, pg_snapshot_xmax(s)::text::bigint AS ceiling,
               substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) AS timeline,
               (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS number,
               (SELECT min(applied)::text FROM django_migrations WHERE app = 'precision_shop') AS born
        FROM pg_current_snapshot() s
    """).row(0, named=True)
    return Log(
        database=Database(
            system=_system(reader), timeline=row["timeline"], number=row["number"], born=row["born"] or ""
        ),
        horizon=row["horizon"],
        ceiling=row["ceiling"],
    )


def _system(reader: Reader) -> str:
    """Return the cluster's identifier; empty where the server does not tell it to this user."""
    # Asked first, because a refusal would end the transaction.
    allowed = reader.frame(
        "SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS allowed"
    ).item()
    if not allowed:
        return ""
    return str(reader.frame("SELECT system_identifier::text AS system FROM pg_control_system()").item())


def platforms(reader: Reader) -> pl.DataFrame:
    """Return PLATFORM, `key`, `timezone` and `organisation` of every platform."""
    return reader.frame(
        f"SELECT id AS {PLATFORM}, key, timezone, organisation_id AS organisation "
        "FROM precision_shop_platform ORDER BY id"
    )


def positioned() -> list[str]:
    """Return the tables whose rows have a position."""
    models = apps.get_app_config(Platform._meta.app_label).get_models()
    return [
        model._meta.db_table
        for model in models
        if "position" in {field.name for field in model._meta.concrete_fields}
    ]


def ahead_of(reader: Reader, ceiling: int) -> bool:
    """Return whether rows claim transactions that have not begun: they came from another cluster."""
    exists = " OR ".join(
        f"EXISTS (SELECT FROM {table} WHERE position >= {ceiling:d})" for table in positioned()
    )
    return bool(reader.frame(f"SELECT {exists} AS found").item())


def orders(reader: Reader, span: Span) -> Generator[tuple[pl.DataFrame, pl.DataFrame], None, None]:
    """Yield (orders, their lines) in pieces of about CHUNK_ORDERS orders, by order number.

    Orders without lines are among the orders. The two are read apart, because a join in PostgreSQL would send the
    columns of an order once for each of its lines.
    """
    for first, last, wanted in _chunks(reader, span):
        within = f"{span.where('o')} AND o.id BETWEEN {first:d} AND {last:d}"
        found = packing.packed(reader, ORDER, f"precision_shop_order o WHERE {within}", by=ORDER_WORDS)
        found = found.with_columns(packing.as_time(AT))
        if wanted >= DENSE * (last - first + 1):
            # Lines of a few orders that are not wanted cost less than a join does.
            lines = [
                packing.packed(
                    reader,
                    LINE,
                    f"precision_shop_orderline l WHERE l.order_id BETWEEN {start:d} AND "
                    f"{min(start + PACKED_IDS - 1, last):d}",
                )
                for start in range(first, last + 1, PACKED_IDS)
            ]
            yield found, pl.concat(lines)
        else:
            joined = "precision_shop_order o JOIN precision_shop_orderline l ON l.order_id = o.id"
            blocks = {BLOCK: f"o.id / {PACKED_IDS:d}"}
            yield found, packing.packed(reader, LINE, f"{joined} WHERE {within}", by=blocks).drop(BLOCK)


def _chunks(reader: Reader, span: Span) -> list[tuple[int, int, int]]:
    """Return (first id, last id, orders between them) of pieces that together hold all wanted orders."""
    blocks = reader.frame(f"""
        SELECT min(o.id) AS first, max(o.id) AS last, count(*) AS wanted
        FROM precision_shop_order o WHERE {span.where("o")} GROUP BY o.id / {BLOCK_IDS:d} ORDER BY 1
    """)
    chunks: list[tuple[int, int, int]] = []
    for first, last, wanted in blocks.iter_rows():
        if chunks and chunks[-1][2] + wanted <= CHUNK_ORDERS:
            chunks[-1] = (chunks[-1][0], last, chunks[-1][2] + wanted)
        else:
            chunks.append((first, last, wanted))
    return chunks


def removals(reader: Reader, span: Span) -> pl.DataFrame:
    """Return PLATFORM, `table` (name in the lake) and `key` of the facts that were taken away."""
    found = reader.frame(f"""
        SELECT r.platform_id AS {PLATFORM}, r."table", r."row" AS key FROM precision_shop_removal r
        WHERE {span.where("r")}
    """)
    names = {table.removals: table.name for table in TABLES.values()}
    return found.filter(pl.col("table").is_in(list(names))).with_columns(pl.col("table").replace(names))


def events(reader: Reader, span: Span, *, kept: dict[int, int]) -> Generator[pl.DataFrame, None, None]:
    """Yield events piece by piece; `kept` has, by platform, the second before whose receipt the lake is the source."""
    return reader.frames(f"""
        SELECT e.platform_id AS {PLATFORM}, e.id AS "{c.ID}", e.identity_id AS "{c.IDENTITY}",
               e.name AS "{c.EVENT}", e.product_id AS "{c.PRODUCT}", e.store_id AS "{c.STORE}",
               e.channel AS "{c.CHANNEL}", e.session AS "{c.SESSION}", e.recommendation AS "{c.RECOMMENDATION}",
               e.duration_s, e.at AS "{AT}",
               floor(extract(epoch FROM e.received_at))::bigint AS "{c.RECEIVED}"
        FROM precision_shop_event e WHERE {span.where("e")} {_from("e", "received_at", kept)}
    """)


def exposures(reader: Reader, span: Span, *, kept: dict[int, int]) -> Generator[pl.DataFrame, None, None]:
    """Yield answers that were shown, piece by piece; `kept` as for events, of the time shown."""
    return reader.frames(f"""
        SELECT e.platform_id AS {PLATFORM}, e.id AS "{c.ID}", e.identity_id AS "{c.IDENTITY}",
               e.recommendation AS "{c.RECOMMENDATION}", e.page AS "{c.PAGE}", e.experiment AS "{c.EXPERIMENT}",
               e.arm AS "{c.ARM}", e.slots AS "{c.SLOT}", e.ranks AS "{c.RANK}", e.products AS "{c.PRODUCT}",
               e.sources AS "{c.SOURCE}", e.propensities AS "{c.PROPENSITY}", e.run AS "{c.RUN}", e.at AS "{AT}"
        FROM precision_shop_exposure e WHERE {span.where("e")} {_from("e", "at", kept)}
    """)


def _from(alias: str, column: str, kept: dict[int, int]) -> str:
    """Return the condition that leaves out what the lake is the source of."""
    return " ".join(
        f"AND NOT ({alias}.platform_id = {platform:d} AND {alias}.{column} < to_timestamp({bound:d}))"
        for platform, bound in sorted(kept.items())
    )
