"""Work on the history in a process of its own: `python -m benchmarks.intake_history_work WORK`; prints one JSON object.

The environment names the installation (DJANGO_SETTINGS_MODULE, PRECISION_VAR).
"""

import json
import resource
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

django.setup()  # the models below want it done

import polars as pl  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from precision.engine.reading import consistent, read_frame  # noqa: E402
from precision.engine.windows import Window  # noqa: E402
from precision.shop import history  # noqa: E402
from precision.shop.history import layout  # noqa: E402
from precision.shop.models import Platform  # noqa: E402

EVER = Window(None, 2**33)
LINES = """
    SELECT o.platform_id, o.id, o.identity_id, l.product_id, o.store_id, o.refers_to_id, o.status, o.confirmed,
           o.channel, o.currency, o.placed_at, l.quantity, l.unit_price, l.list_price
    FROM precision_shop_order o JOIN precision_shop_orderline l ON l.order_id = o.id
"""
# What scan('order_lines') gives, as one statement: what jobs would read without a lake.
SCAN = """
    SELECT i.customer_id, o.identity_id, o.id, coalesce(p.same_as_id, p.id) AS product,
           coalesce(s.category_id, p.category_id) AS category, o.store_id, o.placed_at,
           l.quantity, l.unit_price, l.list_price, o.status = 'returned' AS returned
    FROM precision_shop_order o
    JOIN precision_shop_orderline l ON l.order_id = o.id
    JOIN precision_shop_product p ON p.id = l.product_id
    LEFT JOIN precision_shop_product s ON s.id = p.same_as_id
    LEFT JOIN precision_shop_identity i ON i.id = o.identity_id
    WHERE o.platform_id = {platform:d} AND o.status <> 'cancelled' AND o.confirmed
"""


def export() -> int:
    """Write the lake from nothing; return the lines."""
    return history.export().rows[layout.ORDER_LINES.name]


def export_new() -> int:
    """Write what is new; return the lines."""
    return export()


def read() -> int:
    """Read the same lines through ADBC and do nothing with them."""
    with consistent() as reader:
        return sum(frame.height for frame in reader.frames(LINES))


def write(table: Any) -> int:
    """Write the same lines, ready in memory, as one Parquet file with the usual settings."""
    pq.write_table(table, layout.root().parent / "bare.parquet", compression="zstd")
    return int(table.num_rows)


def scan() -> int:
    """Collect the lines of one platform from the lake."""
    platform = Platform.objects.earliest("pk")
    return int(history.scan("order_lines", EVER, platform=platform).collect("polars").to_native().height)


def scan_database() -> int:
    """Read the same from PostgreSQL, without the local times and amounts that the lake has ready."""
    return read_frame(SCAN.format(platform=Platform.objects.earliest("pk").pk)).height


WORKS = {
    "export": export, "export_new": export_new, "read": read, "scan": scan, "scan_database": scan_database,
}  # fmt: skip


def _prepare(work: str) -> Callable[[], int]:
    """Return the work, what it needs being ready."""
    if work == "export":
        shutil.rmtree(layout.root(), ignore_errors=True)
    if work == "write":
        parts = sorted(layout.root().glob(f"{layout.ORDER_LINES.name}/*/*/*.parquet"))
        table = pl.concat([pl.read_parquet(part) for part in parts]).to_arrow(
            compat_level=pl.CompatLevel.oldest()
        )
        return lambda: write(table)
    return {
        "export": export,
        "export_new": export_new,
        "read": read,
        "scan": scan,
        "scan_database": scan_database,
    }[work]


def main(work: str) -> None:
    """Do the work once, timed."""
    run = _prepare(work)
    started, cpu = time.perf_counter(), time.process_time()
    rows = run()
    seconds = time.perf_counter() - started
    figures = {
        "rows": rows,
        "seconds": seconds,
        "cpu_s": time.process_time() - cpu,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "bytes": sum(path.stat().st_size for path in Path(layout.root()).rglob("*.parquet")),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
