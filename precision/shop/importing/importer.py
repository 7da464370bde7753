"""The import of files into a platform: read, check, load, all in one transaction."""

import time
from collections.abc import Mapping as Table
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC
from pathlib import Path

import polars as pl
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from precision.engine.progress import Steps
from precision.shop import aliases, bulk, stitching
from precision.shop.bulk import OUTCOME
from precision.shop.importing import assembling
from precision.shop.importing.catalogue import load_products, load_stores
from precision.shop.importing.customers import load_customers, usable
from precision.shop.importing.datasets import prepare
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.expressions import raw
from precision.shop.importing.extracting import Reader, records, refuse_records
from precision.shop.importing.orders import load_orders
from precision.shop.importing.reading import FILE, ROW
from precision.shop.importing.rejects import Rejects
from precision.shop.importing.summary import ImportSummary, Outcomes
from precision.shop.importing.values import as_text
from precision.shop.mapping import Mapping, RecordMapping
from precision.shop.models import (
    Category,
    Customer,
    Identity,
    ImportBatch,
    Order,
    OrderLine,
    Platform,
    Product,
    Profile,
)
from precision.shop.records import REASONS, Code

LARGE = 10_000  # records from which the planner is told at once
FINEST = ("line", "order", "customer", "product", "store")
"""A row counts as what became of the first of these that is made of it."""


def import_files(
    platform: Platform,
    mapping: Mapping,
    files: Table[str, Path | Sequence[Path]],
    *,
    steps: Steps | None = None,
) -> ImportSummary:
    """Load the files of each data set of the mapping into the platform; return what became of the rows.

    All or nothing: raises ImportRefusedError (a file, column or expression is at fault) with nothing loaded.
    Rows that cannot be used are left out and written to a rejects file. Importing the same files again
    changes nothing. One import at a time runs on a platform; another waits. `steps` are progress steps that
    somebody else has opened.
    """
    run = _Import(platform, mapping, _paths(mapping, files))
    with nullcontext(steps) if steps is not None else Steps(total_steps(mapping)) as progress:
        try:
            with transaction.atomic():
                run.load(progress)
        except BaseException:
            run.rejects_path.unlink(missing_ok=True)
            raise
    run.summary.seconds = round(time.perf_counter() - run.started, 3)  # the commit included
    return run.summary


def total_steps(mapping: Mapping) -> int:
    """Return how many steps an import with this mapping shows."""
    return len(mapping.files) + len(mapping.records) + 1


def _paths(mapping: Mapping, files: Table[str, Path | Sequence[Path]]) -> dict[str, list[Path]]:
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


class _Import:
    """One import under way: its data sets by name, its rejects and its counts."""

    def __init__(self, platform: Platform, mapping: Mapping, paths: dict[str, list[Path]]) -> None:
        self.platform = platform
        self.mapping = mapping
        self.paths = paths
        self.now = timezone.now().astimezone(UTC)
        self.started = time.perf_counter()
        self.rejects = Rejects()
        self.reader = Reader(
            timezone=mapping.timezone or platform.timezone, now=self.now, rejects=self.rejects
        )
        self.summary = ImportSummary(platform=platform.key, mapping=mapping.name)
        self.data: dict[str, pl.DataFrame] = {}
        self.links: list[pl.DataFrame] = []
        self.finest = {
            name: next(
                kind for kind in FINEST if kind in mapping.records and mapping.records[kind].source == name
            )
            for name in mapping.files
        }
        folder = Path(getattr(settings, "VAR", "var")) / "rejects"
        self.rejects_path = folder / f"{platform.key}-{self.now:%Y%m%dT%H%M%S.%fZ}.csv"

    def load(self, progress: Steps) -> None:
        """Read and load everything, and record it; to be called within a transaction."""
        for name in self.mapping.files:
            with progress.step(f"read {name}"):
                self._read(name)
        bulk.lock(self.platform)
        orders: tuple[pl.DataFrame, pl.DataFrame] | None = None
        if "order" in self.mapping.records:
            with progress.step("check orders and lines"):
                orders = self._orders()
        for kind in ("store", "product", "customer"):
            if kind in self.mapping.records:
                with progress.step(f"load {kind}s"):
                    self._records(kind)
        if orders is not None:
            with progress.step("load orders and lines"):
                self._load_orders(*orders)
        with progress.step("link names, refresh statistics"):
            if "product" in self.mapping.records:
                self.summary.aliases_linked = aliases.link_declared(self.platform.organisation)
            if sum(kind.accepted + kind.updated for kind in self.summary.kinds.values()) >= LARGE:
                bulk.analyze([Order, OrderLine, Product, Category, Customer, Identity, Profile])
        if self.links:  # last: whoever tells the same link meanwhile waits for our commit
            stitching.link_many(self.platform.organisation_id, pl.concat(self.links))
        self._record()

    def _read(self, name: str) -> None:
        """Read the files of a data set, leaving out repeated and unusable rows."""
        first = len(self.summary.files)
        frame, rows, repeated = prepare(
            self.mapping,
            self.mapping.files[name],
            self.paths[name],
            kind=self.finest[name],
            first=first,
            rejects=self.rejects,
        )
        self.data[name] = frame
        self.summary.files.extend(
            {"name": str(path), "bytes": path.stat().st_size, "rows": rows[first + index]}
            for index, path in enumerate(self.paths[name])
        )
        self.summary.kind(self.finest[name]).duplicate += repeated
        self.summary.rows.duplicate += repeated

    def _orders(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the usable orders and lines; rows that make none feed no other record either."""
        order, line = self.mapping.records["order"], self.mapping.records["line"]
        data = self.data[order.source]
        if order.source == line.source:
            orders, lines = assembling.from_one(data, order, line, reader=self.reader)
        else:
            orders, lines = assembling.from_two(data, self.data[line.source], order, line, reader=self.reader)
        if self.finest[order.source] == "order":
            self.summary.kind("order").rejected = self.rejects.count("order")
        else:
            named = as_text(raw(data, order.fields["order_id"], at="order.order_id")).drop_nulls()
            self.summary.kind("order").rejected = named.n_unique() - orders.height
        self.data[line.source] = self.data[line.source].join(
            lines.select(ROW, FILE), on=[ROW, FILE], how="semi", maintain_order="left"
        )
        return orders, lines

    def _records(self, kind: str) -> None:
        """Load the records of one kind."""
        record = self.mapping.records[kind]
        finest = self.finest[record.source] == kind
        rows = self.reader.rows(self.data[record.source], record, kind=kind, keyless=not finest)
        made = refuse_records(
            records(rows, record), rows, record, rejects=self.rejects, kind=kind, every_row=finest
        )
        if kind == "product":
            outcome = load_products(self.platform, made, record, now=self.now)
        elif kind == "customer":
            made = self._named(made, rows, record, every_row=finest)
            outcome = load_customers(self.platform, made, links=self.links, now=self.now)
        else:
            outcome = load_stores(self.platform, made, now=self.now)
        _count(self.summary.kind(kind), outcome)
        self.summary.kind(kind).rejected = self.rejects.count(kind)
        if finest:
            _count(self.summary.rows, rows.select(record.kind.key).join(outcome, on=record.kind.key))

    def _named(
        self, made: pl.DataFrame, rows: pl.DataFrame, record: RecordMapping, *, every_row: bool
    ) -> pl.DataFrame:
        """Return the customers whose id names somebody; the others go to the rejects."""
        key = record.kind.key
        good = usable(made.get_column(key), kind=key)
        if good.all():
            return made
        lacking = made.filter(~good)
        where = rows.join(lacking.select(key), on=key, how="semi") if every_row else lacking
        code = Code.UNUSABLE_IDENTITY
        self.rejects.add(
            where.select(
                file=FILE, row=ROW, column=pl.lit(record.fields[key].label or key), value=key,
                code=pl.lit(code.value), reason=pl.lit(REASONS[code]),
            ),
            kind=record.kind.name,
        )  # fmt: skip
        return made.filter(good)

    def _load_orders(self, orders: pl.DataFrame, lines: pl.DataFrame) -> None:
        """Load orders and lines, and count their rows."""
        loaded = load_orders(self.platform, orders, lines, now=self.now)
        by_line = lines.select("order_id").join(loaded.outcome, on="order_id")
        _count(self.summary.kind("order"), loaded.outcome)
        _count(self.summary.kind("line"), by_line)
        _count(self.summary.rows, by_line)
        if self.finest[self.mapping.records["order"].source] == "order":
            _count(self.summary.rows, loaded.outcome)
        self.summary.kind("line").rejected = self.rejects.count("line")
        self.summary.unknown_products = loaded.unknown_products
        self.summary.unknown_product_lines = loaded.lines_of_unknown_products
        self.summary.unknown_customers = loaded.customers

    def _record(self) -> None:
        """Write the rejects file and the row of this import."""
        summary = self.summary
        rows = sum(file["rows"] for file in summary.files)
        counts = summary.rows
        counts.rejected = rows - counts.accepted - counts.updated - counts.duplicate
        summary.rejected_by.update(self.rejects.frame().get_column("code").to_list())
        if self.rejects.write(self.rejects_path, [Path(file["name"]).name for file in summary.files]):
            summary.rejects_file = str(self.rejects_path)
        table = summary.as_json()
        ImportBatch.objects.create(
            platform=self.platform,
            mapping=summary.mapping,
            files=summary.files,
            rows=rows,
            accepted=counts.accepted,
            updated=counts.updated,
            duplicate=counts.duplicate,
            rejected=counts.rejected,
            counts={
                key: table[key]
                for key in ("kinds", "rejected_by", "unknown_products", "unknown_product_lines")
            },
            rejects_file=summary.rejects_file,
            finished_at=timezone.now(),
        )


def _count(counts: Outcomes, outcome: pl.DataFrame) -> None:
    """Add the outcomes of a frame to the counts."""
    for name, number in outcome.get_column(OUTCOME).value_counts().iter_rows():
        setattr(counts, name, getattr(counts, name) + number)
