"""The import of files into a platform: read, check, load, all in one transaction."""

import time
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Table
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

import polars as pl
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from precision.engine.progress import Steps
from precision.shop import aliases, bulk, stitching
from precision.shop.bulk import OUTCOME
from precision.shop.importing import assembling, bookkeeping
from precision.shop.importing.catalogue import load_products, load_stores
from precision.shop.importing.customers import load_customers, usable
from precision.shop.importing.datasets import prepare
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.expressions import raw
from precision.shop.importing.extracting import Reader, records, refuse_records
from precision.shop.importing.happenings import load_event_rows, load_happenings, load_refunds, with_lines
from precision.shop.importing.orders import load_orders
from precision.shop.importing.origins import source_of
from precision.shop.importing.people import (
    REFERRED_BY,
    bad_referrals,
    load_consents,
    load_identities,
    load_referrals,
)
from precision.shop.importing.reading import FILE, ROW
from precision.shop.importing.rejects import Rejects
from precision.shop.importing.run import Run
from precision.shop.importing.store_months import load_month_rows
from precision.shop.importing.summary import ImportSummary, Outcomes
from precision.shop.importing.values import as_text
from precision.shop.intake import events_table
from precision.shop.mapping import Mapping, RecordMapping
from precision.shop.models import (
    Category,
    Customer,
    Event,
    Identity,
    ImportBatch,
    Order,
    OrderLine,
    Platform,
    Product,
    Profile,
    Source,
)
from precision.shop.records import Code

LARGE: Final = 10_000  # records from which the planner is told at once
FINEST: Final = (
    "line", "event", "store-month", "refund", "shipment", "ticket", "order", "customer", "identity", "consent",
    "product", "store",
)  # fmt: skip
"""A row counts as what became of the first of these that is made of it."""
Loader = Callable[[Run, pl.DataFrame, RecordMapping, Source], Outcomes]
EARLY: Final[Table[str, Loader]] = MappingProxyType({"identity": load_identities, "consent": load_consents})
"""Kinds of which each row is a record, and what loads them before the orders."""
LATE: Final[Table[str, Loader]] = MappingProxyType(
    {
        "refund": load_refunds,
        "shipment": load_happenings,
        "ticket": load_happenings,
        "event": load_event_rows,
        "store-month": load_month_rows,
    }
)
"""The same, after the orders that they may name."""


def import_files(
    platform: Platform,
    mapping: Mapping,
    files: Table[str, Path | Sequence[Path]],
    *,
    steps: Steps | None = None,
    batch: ImportBatch | None = None,
) -> ImportSummary:
    """Load the files of each data set of the mapping into the platform; return what became of the rows.

    All or nothing: raises ImportRefusedError (a file, column or expression is at fault) with nothing loaded.
    Rows that cannot be used are left out and written to a rejects file. Importing the same files again
    changes nothing. One import at a time runs on a platform; another waits. `steps` are progress steps that
    somebody else has opened; `batch` is the row that tells of this import, where there is one already.
    """
    work = Import(platform, mapping, files)
    with nullcontext(steps) if steps is not None else Steps(total_steps(mapping)) as progress:
        try:
            with transaction.atomic():
                work.load(progress)
                bookkeeping.record(
                    work.run, work.kinds(), started=work.now, path=work.rejects_path, batch=batch
                )
        except BaseException:
            work.rejects_path.unlink(missing_ok=True)
            raise
    work.run.summary.seconds = round(time.perf_counter() - work.started, 3)  # the commit included
    return work.run.summary


def total_steps(mapping: Mapping) -> int:
    """Return how many steps an import with this mapping shows."""
    return len(mapping.files) + len(mapping.records) + 1


def paths_of(mapping: Mapping, files: Table[str, Path | Sequence[Path]]) -> dict[str, list[Path]]:
    """Return the files of each data set; raise ImportRefusedError when one is unknown or lacks."""
    for name in files:
        if name not in mapping.files:
            raise ImportRefusedError(
                f"Mapping {mapping.name} has no data set {name!r}; it has {', '.join(mapping.files)}."
            )
    paths = {}
    for name in mapping.files:
        given = files.get(name, [])
        paths[name] = [given] if isinstance(given, Path) else list(given)
        if not paths[name]:
            raise ImportRefusedError(
                f"Mapping {mapping.name} needs data for {name!r}; give it as {name}=FILE."
            )
    return paths


class Import:
    """One import: its data sets by name, and the steps that load them."""

    def __init__(
        self,
        platform: Platform,
        mapping: Mapping,
        files: Table[str, Path | Sequence[Path]],
        *,
        most: int | None = None,
    ) -> None:
        self.paths = paths_of(mapping, files)
        self.most = most
        self.now: datetime = timezone.now().astimezone(UTC)
        self.started = time.perf_counter()
        rejects = Rejects()
        reader = Reader(timezone=mapping.timezone or platform.timezone, now=self.now, rejects=rejects)
        self.run = Run(
            platform=platform,
            mapping=mapping,
            now=self.now,
            rejects=rejects,
            reader=reader,
            summary=ImportSummary(platform=platform.key, mapping=mapping.name),
        )
        self.data: dict[str, pl.DataFrame] = {}
        self.finest = {
            name: next(
                kind for kind in FINEST if kind in mapping.records and mapping.records[kind].source == name
            )
            for name in mapping.files
        }
        folder = Path(getattr(settings, "VAR", "var")) / "rejects"
        self.rejects_path = folder / f"{platform.key}-{self.now:%Y%m%dT%H%M%S.%fZ}.csv"
        # Before the transaction: making a partition keeps all other writers of events waiting until it ends.
        events_table.ensure_months({self.now.date()})

    def load(self, progress: Steps) -> None:
        """Read and load everything; to be called within a transaction."""
        run, mapped = self.run, self.run.mapping.records
        for name, data in run.mapping.files.items():
            run.origins[name] = source_of(run.platform, data)
            with progress.step(f"read {name}"):
                self._read(name)
        bulk.lock(run.platform)
        orders: tuple[pl.DataFrame, pl.DataFrame] | None = None
        if "order" in mapped:
            with progress.step("check orders and lines"):
                orders = self._orders()
        for kind in ("store", "product", "customer"):
            if kind in mapped:
                with progress.step(f"load {kind}s"):
                    self._records(kind)
        self._rowwise(EARLY, progress)
        if orders is not None:
            with progress.step("load orders and lines"):
                self._load_orders(*orders)
        self._rowwise(LATE, progress)
        with progress.step("link names, refresh statistics"):
            if "product" in mapped:
                run.summary.aliases_linked = aliases.link_declared(run.platform.organisation)
            if sum(kind.accepted + kind.updated for kind in run.summary.kinds.values()) >= LARGE:
                bulk.analyze(self._tables())
        if run.links:  # last: whoever tells the same link meanwhile waits for our commit
            stitching.link_many(run.platform.organisation_id, pl.concat(run.links))

    def kinds(self) -> dict[str, Source]:
        """Return the source of each kind of record."""
        return {kind: self.run.origins[record.source] for kind, record in self.run.mapping.records.items()}

    def _tables(self) -> list[type]:
        tables: list[type] = [Order, OrderLine, Product, Category, Customer, Identity, Profile]
        return [*tables, Event] if "event" in self.run.mapping.records else tables

    def _read(self, name: str) -> None:
        """Read the files of a data set, leaving out repeated and unusable rows."""
        run = self.run
        first = len(run.summary.files)
        frame, rows, repeated = prepare(
            run.mapping,
            run.mapping.files[name],
            self.paths[name],
            kind=self.finest[name],
            first=first,
            rejects=run.rejects,
            most=self.most,
        )
        self.data[name] = frame
        run.summary.files.extend(
            {"name": str(path), "bytes": path.stat().st_size, "rows": rows[first + index]}
            for index, path in enumerate(self.paths[name])
        )
        run.summary.kind(self.finest[name]).duplicate += repeated
        run.summary.rows.duplicate += repeated

    def _orders(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the usable orders and lines; rows that make none feed no other record either."""
        run = self.run
        order, line = run.mapping.records["order"], run.mapping.records["line"]
        data = self.data[order.source]
        if order.source == line.source:
            orders, lines = assembling.from_one(data, order, line, reader=run.reader)
        else:
            orders, lines = assembling.from_two(data, self.data[line.source], order, line, reader=run.reader)
        if self.finest[order.source] == "order":
            run.summary.kind("order").rejected = run.rejects.count("order")
        else:
            named = as_text(raw(data, order.fields["order_id"], at="order.order_id")).drop_nulls()
            run.summary.kind("order").rejected = named.n_unique() - orders.height
        self.data[line.source] = self.data[line.source].join(
            lines.select(ROW, FILE), on=[ROW, FILE], how="semi", maintain_order="left"
        )
        run.sample("order", orders, order)
        run.sample("line", lines, line)
        return orders, lines

    def _records(self, kind: str) -> None:
        """Load the records of one kind."""
        run = self.run
        record = run.mapping.records[kind]
        finest = self.finest[record.source] == kind
        rows = run.reader.rows(self.data[record.source], record, kind=kind, keyless=not finest)
        made = refuse_records(
            records(rows, record), rows, record, rejects=run.rejects, kind=kind, every_row=finest
        )
        run.sample(kind, made, record)
        if kind == "product":
            outcome = load_products(run.platform, made, record, now=run.now)
        elif kind == "customer":
            made = self._named(made, rows, record, every_row=finest)
            profiles = made.drop(REFERRED_BY, strict=False)
            outcome = load_customers(run.platform, profiles, links=run.links, now=run.now)
            if REFERRED_BY in made.columns:
                load_referrals(run, made)
        else:
            outcome = load_stores(run.platform, made, now=run.now)
        _count(run.summary.kind(kind), outcome)
        run.summary.kind(kind).rejected = run.rejects.count(kind)
        if finest:
            _count(run.summary.rows, rows.select(record.kind.key).join(outcome, on=record.kind.key))

    def _rowwise(self, loaders: Table[str, Loader], progress: Steps) -> None:
        """Load the kinds of which each row is a record."""
        run = self.run
        for kind, loader in loaders.items():
            record = run.mapping.records.get(kind)
            if record is None:
                continue
            with progress.step(f"load {kind} rows"):
                finest = self.finest[record.source] == kind
                data = self.data[record.source]
                rows = run.reader.rows(data, record, kind=kind, keyless=not finest)
                made = records(rows, record)
                if record.lines is not None:
                    made = with_lines(run, data, made, record.lines)
                run.sample(kind, made, record)
                done = loader(run, made, record, run.origins[record.source])
                run.summary.kind(kind).add(done)
                run.summary.kind(kind).rejected = run.rejects.count(kind)
                if finest:
                    run.summary.rows.add(done)

    def _named(
        self, made: pl.DataFrame, rows: pl.DataFrame, record: RecordMapping, *, every_row: bool
    ) -> pl.DataFrame:
        """Return the customers whose id, and who brought them, name somebody; the others go to the rejects."""
        key = record.kind.key
        good = usable(made.get_column(key), kind=key)
        bad = {key: ~good}
        if REFERRED_BY in made.columns:
            bad[REFERRED_BY] = good & bad_referrals(made)
        for name, wrong in bad.items():
            if wrong.any():
                lacking = made.filter(wrong)
                where = rows.join(lacking.select(key), on=key, how="semi") if every_row else lacking
                self.run.refuse(where, record, name, Code.UNUSABLE_IDENTITY)
                good = good & ~wrong
        return made if good.all() else made.filter(good)

    def _load_orders(self, orders: pl.DataFrame, lines: pl.DataFrame) -> None:
        """Load orders and lines, and count their rows."""
        run = self.run
        source = run.origins[run.mapping.records["order"].source]
        loaded = load_orders(run.platform, orders, lines, source=source, now=run.now)
        by_line = lines.select("order_id").join(loaded.outcome, on="order_id")
        _count(run.summary.kind("order"), loaded.outcome)
        _count(run.summary.kind("line"), by_line)
        _count(run.summary.rows, by_line)
        if self.finest[run.mapping.records["order"].source] == "order":
            _count(run.summary.rows, loaded.outcome)
        run.summary.kind("line").rejected = run.rejects.count("line")
        run.summary.unknown_products = loaded.unknown_products
        run.summary.unknown_product_lines = loaded.lines_of_unknown_products
        run.summary.unknown_customers = loaded.customers


def _count(counts: Outcomes, outcome: pl.DataFrame) -> None:
    """Add the outcomes of a frame to the counts."""
    for name, number in outcome.get_column(OUTCOME).value_counts().iter_rows():
        setattr(counts, name, getattr(counts, name) + number)
