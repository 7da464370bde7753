"""The lake: lines exported a second against a bare read and a bare write, and a scan against the same from SQL."""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from psycopg import sql
from rich.console import Console
from rich.table import Table

from benchmarks import serving
from benchmarks.errors import BenchmarkError
from benchmarks.serving import ROOT, Installation
from precision import embedded

GOALS = {"export_lines_s": 1_000_000}
ORDERS, LINES_PER_ORDER, PRODUCTS, PEOPLE, DAYS = 1_000_000, 4, 20_000, 200_000, 730
CHANGED = 0.01
"""Share of orders that change before the second export."""
SETTLED_S = 0.5
"""A back end that has ended is counted within that time."""
PLATFORMS = ("one", "two", "three")
ROUNDS = 2
TITLES = {
    "export": "export of everything to the lake",
    "read": "bare read of the same lines (ADBC)",
    "write": "bare write of the same lines (Parquet)",
    "scan": "scan of one platform from the lake",
    "scan_database": "the same from PostgreSQL",
    "export_new": "export of 1 % changed orders",
}
# Orders come in the order of time, as shops send them; whose they are and what is in them is drawn.
FILL = """
    INSERT INTO precision_shop_product (id, platform_id, external_id, title, brand, currency, url, image_url, in_stock,
        active, listed, labels, traits, aliases, updated_at)
    SELECT n, ({platforms})[1 + n % 3], n::text, 'Product ' || n, '', 'EUR', '', '', true, true, true, '{{}}', '{{}}',
        '{{}}', now() FROM generate_series(1, {products}) n;
    INSERT INTO precision_shop_customer (id, organisation_id, created_at)
    SELECT n, (SELECT min(id) FROM precision_shop_organisation), now() FROM generate_series(1, {people}) n;
    INSERT INTO precision_shop_identity (id, platform_id, kind, value, customer_id, created_at)
    SELECT n, ({platforms})[1 + n % 3], 'customer_id', n::text, n, now() FROM generate_series(1, {people}) n;
    INSERT INTO precision_shop_order (id, platform_id, external_id, identity_id, placed_at, status, currency, channel,
        coupon, payment_method, context, fingerprint, received_at)
    SELECT n, ({platforms})[1 + n % 3], n::text, n % 3 + 3 * (1 + (n::bigint * 7919) % ({people} / 3 - 1)),
        '2024-01-01'::timestamptz + n * ({days} * interval '1 day' / {orders}), 'completed', 'EUR', 'web', '', 'card',
        '{{}}', n, now() FROM generate_series(1, {orders}) n;
    INSERT INTO precision_shop_orderline (order_id, product_id, quantity, unit_price, list_price)
    SELECT o, 1 + (random() * ({products} - 1))::int, 1000 * (1 + (random() * 3)::int),
        10000 + (random() * 500000)::int, CASE WHEN random() < 0.3 THEN 600000 END
    FROM generate_series(1, {orders}) o, generate_series(1, {lines}) l;
"""
CHANGE = (
    "UPDATE precision_shop_order SET status = 'shipped', fingerprint = fingerprint + 1 WHERE id % {every} = 0"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The fastest of some runs of one work."""

    rows: int
    seconds: float
    cpu_s: float
    """Processor time of the process and of PostgreSQL together."""
    peak_mib: float
    size_mib: float
    """Of the lake afterwards."""

    @property
    def rate(self) -> float:
        """Rows a second."""
        return self.rows / self.seconds


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Fill a database, measure, print the table and return the figures."""
    with TemporaryDirectory() as folder, serving.installation(Path(folder)) as made:
        _fill(made, orders=int(ORDERS * options.scale))
        found = {work: _measured(made, work) for work in ("export", "read", "write", "scan", "scan_database")}
        with made.database() as link:
            link.execute(sql.SQL(CHANGE).format(every=sql.Literal(round(1 / CHANGED))))
        found["export_new"] = _once(made, "export_new")
    console.print(_table(found))
    return {
        "goals": GOALS,
        "export_lines_s": found["export"].rate,
        "over_bare_read": found["export"].seconds / found["read"].seconds,
        "over_bare_write": found["export"].seconds / found["write"].seconds,
        "scan_over_database": found["scan"].seconds / found["scan_database"].seconds,
        "cpu_us_per_line": found["export"].cpu_s / found["export"].rows * 1e6,
        "peak_mib": found["export"].peak_mib,
        "bytes_per_line": found["export"].size_mib * 2**20 / found["export"].rows,
        "new_lines_s": found["export_new"].rate,
    }


def _fill(made: Installation, *, orders: int) -> None:
    for key in PLATFORMS:
        made.manage(
            "create_platform", key, "--name", key, "--organisation", "all", "--timezone", "Europe/Berlin"
        )
    with made.database() as link:
        ids = [row[0] for row in link.execute("SELECT id FROM precision_shop_platform ORDER BY id")]
        link.execute(
            sql.SQL(FILL).format(
                platforms=sql.SQL("ARRAY[{}]::bigint[]").format(sql.SQL(", ").join(map(sql.Literal, ids))),
                products=sql.Literal(PRODUCTS), people=sql.Literal(PEOPLE), orders=sql.Literal(orders),
                days=sql.Literal(DAYS), lines=sql.Literal(LINES_PER_ORDER),
            )
        )  # fmt: skip
        link.execute("VACUUM ANALYZE")


def _measured(made: Installation, work: str) -> Measured:
    """Return the fastest of ROUNDS runs."""
    return min((_once(made, work) for _ in range(ROUNDS)), key=lambda one: one.seconds)


def _once(made: Installation, work: str) -> Measured:
    server = embedded.status(made.var).postgres_pid
    assert server is not None  # the installation holds it
    before = _served_cpu_s(server)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.intake_history_work", work],
        cwd=ROOT, env=made.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BenchmarkError(f"{TITLES[work]} failed:\n{done.stderr[-2000:]}")
    figures = json.loads(done.stdout.splitlines()[-1])
    after = _served_cpu_s(server)
    return Measured(
        rows=figures["rows"],
        seconds=figures["seconds"],
        cpu_s=figures["cpu_s"] + after - before,
        peak_mib=figures["peak_mib"],
        size_mib=figures["bytes"] / 2**20,
    )


def _served_cpu_s(server: int) -> float:
    """Return the processor time of the back ends that have ended, once the server has waited for all of them."""
    found = -1
    while True:
        fields = Path(f"/proc/{server}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        now = int(fields[13]) + int(fields[14])
        if now == found:
            return now / os.sysconf("SC_CLK_TCK")
        found = now
        time.sleep(SETTLED_S)


def _table(found: dict[str, Measured]) -> Table:
    table = Table(title="History in Parquet")
    for name in ("", "lines", "seconds", "lines/s", "processor s", "peak MiB"):
        table.add_column(name, justify="right" if name else "left")
    for work, one in found.items():
        table.add_row(
            TITLES[work], f"{one.rows:,}", f"{one.seconds:.2f}", f"{one.rate:,.0f}", f"{one.cpu_s:.2f}",
            f"{one.peak_mib:,.0f}",
        )  # fmt: skip
    return table
