"""Events over HTTP: batches and single calls against a served instance, a bare insert view, and bare COPY."""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import intake_calls, load, serving
from benchmarks.errors import BenchmarkError
from benchmarks.intake_calls import Request
from benchmarks.serving import Installation, Web

GOALS = {"batched_events_s": 25_000, "single_requests_s": 2_500, "p95_ms": 150}
BATCH = 100
SECONDS = 10.0
PREPARED_S = 3
"""Requests are made ready for this many times the goal's rate."""
PRODUCTS, VISITORS = 1_000, 10_000
CONNECTIONS = {"batch": 16, "single": 48}
WORKERS = 2
WARMING_TURNS = 3
"""How often every visitor comes before the clock starts, so that each web process has probably seen them."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A load, what it took of the machine, and what is in the table."""

    name: str
    events: int
    """Events acknowledged."""
    sent: load.Sent
    web_cpu_s: float
    database_cpu_s: float
    missing: int
    """Events acknowledged that are not there."""
    doubled: int

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.sent.seconds

    @property
    def cpu_s(self) -> float:
        """Processor time of everything that takes part: what tells of the work when others use the machine too."""
        return self.web_cpu_s + self.database_cpu_s + self.sent.cpu_seconds

    def quantile_ms(self, share: float) -> float:
        """Return the latency that this share of the requests stays below."""
        return float(np.quantile(self.sent.latencies_s, share)) * 1000

    def figures(self) -> dict[str, Any]:
        """Return the figures for machines."""
        seconds = self.sent.seconds
        return {
            "events": self.events,
            "events_s": round(self.rate),
            "requests_s": round(len(self.sent.acknowledged) / seconds),
            "p50_ms": round(self.quantile_ms(0.5), 1),
            "p95_ms": round(self.quantile_ms(0.95), 1),
            "statuses": {str(status): count for status, count in sorted(self.sent.statuses.items())},
            "missing": self.missing,
            "doubled": self.doubled,
            "events_per_core_s": round(self.events / self.cpu_s),
            "cores": {
                "web": round(self.web_cpu_s / seconds, 2),
                "database": round(self.database_cpu_s / seconds, 2),
                "generator": round(self.sent.cpu_seconds / seconds, 2),
            },
        }


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    seconds = SECONDS * options.scale
    with TemporaryDirectory(prefix="precision-intake-") as folder:
        Path(folder).chmod(0o755)
        with serving.installation(Path(folder)) as place:
            outcomes = list(_all(place, seconds=seconds, console=console))
            copied = _copy(place)
    console.print(_table(outcomes, copied))
    found = {one.name: one.figures() for one in outcomes}
    by_name = {one.name: one for one in outcomes}
    return {
        "goals": GOALS,
        "cpus": os.cpu_count(),
        "loads": found,
        "copy_events_s": round(copied),
        "of_bare": {
            kind: round(by_name[f"{kind}, ours"].rate / by_name[f"{kind}, bare view"].rate, 2)
            for kind in CONNECTIONS
        },
        "of_bare_per_core": {
            kind: round(
                by_name[f"{kind}, ours"].events
                / by_name[f"{kind}, ours"].cpu_s
                / (by_name[f"{kind}, bare view"].events / by_name[f"{kind}, bare view"].cpu_s),
                2,
            )
            for kind in CONNECTIONS
        },
        "batch_of_copy": round(by_name["batch, ours"].rate / copied, 3),
        "exactly_once": all(one.missing == one.doubled == 0 for one in outcomes),
    }


def _all(place: Installation, *, seconds: float, console: Console) -> Iterator[Measured]:
    keys = place.create_platform("intake")
    with place.database() as link:
        link.execute(
            "INSERT INTO precision_shop_product (platform_id, external_id, title, price, currency, brand, url, "
            "image_url, in_stock, active, labels, traits, listed, aliases, updated_at) SELECT 1, 'p' || "
            "lpad(n::text, 5, '0'), 'Product', 125000, 'EUR', '', '', '', true, true, '{}', '{}', true, '{}', now() "
            "FROM generate_series(0, %s) AS n",
            [PRODUCTS - 1],
        )
    for name, settings in (("ours", "precision.settings"), ("bare view", "benchmarks.bare_settings")):
        for kind, connections in CONNECTIONS.items():
            console.print(f"{kind} requests to {name} …")
            with place.serve(workers=WORKERS, settings=settings) as web:
                yield _measure(
                    place, web, name=f"{kind}, {name}", size=BATCH if kind == "batch" else 1,
                    connections=connections, seconds=seconds, key=keys["write_key"],
                )  # fmt: skip


def _measure(
    place: Installation, web: Web, *, name: str, size: int, connections: int, seconds: float, key: str
) -> Measured:
    """Send warming requests, then the load; look up what was acknowledged."""
    with place.database() as link:
        link.execute("TRUNCATE precision_shop_event")
    run = f"{name[0]}{time.time_ns():x}"
    target = f"{serving.HOST}:{web.port}"
    rng = np.random.default_rng(size)
    for turn in range(WARMING_TURNS):
        known = intake_calls.introductions(rng, run=f"{run}-{turn}", visitors=VISITORS)
        warm = intake_calls.requests(known, count=VISITORS // BATCH, size=BATCH, host=target, key=key)
        sent = load.send(
            serving.HOST, web.port, [one.raw for one in warm], connections=connections, seconds=600
        )
        _refuse_failures(sent, name)
    rate = GOALS["batched_events_s"] / BATCH if size > 1 else GOALS["single_requests_s"]
    source = intake_calls.calls(rng, run=run, products=PRODUCTS, visitors=VISITORS)
    hot = intake_calls.requests(
        source, count=int(seconds * rate * PREPARED_S), size=size, host=target, key=key
    )
    before = _cpu(place, web)
    sent = load.send(
        serving.HOST, web.port, [one.raw for one in hot], connections=connections, seconds=seconds
    )
    after = _cpu(place, web)
    _refuse_failures(sent, name)
    told = [hot[number] for number in sent.acknowledged]
    missing, doubled = _compare(place, told)
    return Measured(
        name, sum(len(one.messages) for one in told), sent, after[0] - before[0], after[1] - before[1],
        missing, doubled,
    )  # fmt: skip


def _refuse_failures(sent: load.Sent, name: str) -> None:
    if set(sent.statuses) - {200, 429}:
        raise BenchmarkError(f"{name}: the server answered {sent.statuses}")


def _compare(place: Installation, told: list[Request]) -> tuple[int, int]:
    """Return how many of the acknowledged events are missing, and how many are there more than once."""
    with place.database() as link, link.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE told (message bytea)")
        with cursor.copy("COPY told FROM STDIN") as copy:
            for one in told:
                for message in one.messages:
                    copy.write_row((intake_calls.digest(message),))
        cursor.execute(
            "SELECT count(*) FILTER (WHERE n = 0), count(*) FILTER (WHERE n > 1) FROM (SELECT count(e.id) AS n "
            "FROM told t LEFT JOIN precision_shop_event e USING (message) GROUP BY t.message) AS c"
        )
        missing, doubled = cursor.fetchone() or (0, 0)
        return missing, doubled


def _cpu(place: Installation, web: Web) -> tuple[float, float]:
    """Return the processor time so far of the web server and of PostgreSQL, with all their processes."""
    with place.database() as link:
        row = link.execute("SELECT pg_backend_pid()").fetchone()
        backend = Path(f"/proc/{row[0] if row else 0}/stat").read_text(encoding="ascii")
    postmaster = int(backend.rpartition(")")[2].split()[1])
    return serving.cpu_seconds(serving.family(web.pid)), serving.cpu_seconds(serving.family(postmaster))


def _copy(place: Installation) -> float:
    """Return how many of the same rows a second a bare COPY writes into the same table."""
    with place.database() as link, link.cursor() as cursor:
        columns = (
            "platform_id, source_id, identity_id, message, name, at, received_at, product_id, channel, session, "
            "properties"
        )
        cursor.execute("TRUNCATE precision_shop_event")
        rng = np.random.default_rng(0)
        source = intake_calls.calls(rng, run="copy", products=PRODUCTS, visitors=VISITORS)
        now = datetime.now(UTC)
        rows = []
        for number in range(100_000):
            call = next(source)
            rows.append(
                f"1\t1\t{number % VISITORS}\t\\\\x{intake_calls.digest(call['messageId']).hex()}\t{call['event']}\t"
                f"{call['timestamp']}\t{now.isoformat()}\t{number % PRODUCTS}\tweb\t"
                f"{call['properties']['session_id']}\t{intake_calls.json_of(call)}\n"
            )
        data = "".join(rows).encode()
        began = time.perf_counter()
        with cursor.copy(f"COPY precision_shop_event ({columns}) FROM STDIN") as copy:
            copy.write(data)
        taken = time.perf_counter() - began
    return len(rows) / taken


def _table(outcomes: list[Measured], copied: float) -> Table:
    table = Table(title=f"Events over HTTP, {os.cpu_count()} cores, generator on the same machine")
    names = (
        "load",
        "events/s",
        "requests/s",
        "p50 ms",
        "p95 ms",
        "cores: web, database, generator",
        "lost, twice",
    )
    for name in names:
        table.add_column(name, justify="left" if name == "load" else "right")
    for one in outcomes:
        told = one.figures()
        table.add_row(
            one.name, f"{told['events_s']:,}", f"{told['requests_s']:,}", str(told["p50_ms"]), str(told["p95_ms"]),
            ", ".join(str(value) for value in told["cores"].values()), f"{one.missing}, {one.doubled}",
        )  # fmt: skip
    table.add_row("bare COPY", f"{copied:,.0f}", *[""] * (len(names) - 2))
    return table
