"""`GET slots/home/` of a generated shop, exposures logged, against a bare view that reads one row, same server."""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import goals, load, serving, slots_shop
from benchmarks.errors import BenchmarkError
from benchmarks.goals import Goal
from benchmarks.serving import Installation, Web

GOALS: Final = {"of_bare": 0.6, "requests_s": 2_000, "p99_ms_at_half_load": 25}
CUSTOMERS, PRODUCTS = 1_000_000, 100_000
SECONDS: Final = 15.0
WARMING_S: Final = 20.0
CONNECTIONS: Final = 24
WORKERS: Final = 2
PREPARED: Final = 80_000
ACTIVE, PASSIVE = 0.7, 0.15
"""Shares of the requests for active customers, and for those who are registered only; the rest are new visitors."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A view under full load, and under half of it."""

    name: str
    full: load.Sent
    half: load.Sent
    web_cpu_s: float
    database_cpu_s: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.full.acknowledged) / self.full.seconds

    @property
    def cpu_s(self) -> float:
        """Processor time of server and database a request: tells of the work when others use the machine too."""
        return (self.web_cpu_s + self.database_cpu_s) / len(self.full.acknowledged)

    def figures(self) -> dict[str, Any]:
        """Return the figures for machines."""
        return {
            "requests_s": round(self.rate),
            "p50_ms": _quantile_ms(self.full, 0.5),
            "p99_ms": _quantile_ms(self.full, 0.99),
            "half_requests_s": round(len(self.half.acknowledged) / self.half.seconds),
            "p50_ms_at_half_load": _quantile_ms(self.half, 0.5),
            "p99_ms_at_half_load": _quantile_ms(self.half, 0.99),
            "cpu_ms": {
                "web": round(self.web_cpu_s / len(self.full.acknowledged) * 1000, 3),
                "database": round(self.database_cpu_s / len(self.full.acknowledged) * 1000, 3),
            },
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark: --scale says how large the shop is."""


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print the table, and return the figures."""
    console = Console()
    customers = max(slots_shop.PER_CUSTOMER_ACTIVE * 100, int(CUSTOMERS * options.scale))
    products = max(1_000, int(PRODUCTS * options.scale))
    with TemporaryDirectory(prefix="precision-slots-") as folder:
        Path(folder).chmod(0o755)
        with serving.installation(Path(folder)) as place:
            keys = place.create_platform("shop")
            console.print(f"making a shop of {customers:,} customers and {products:,} products …")
            with place.database() as link:
                slots_shop.build(link, customers=customers, products=products)
            measured = []
            for name, settings in (
                ("ours", "precision.settings"),
                ("bare view", "benchmarks.bare_read_settings"),
            ):
                console.print(f"requests to {name} …")
                with place.serve(workers=WORKERS, settings=settings) as web:
                    measured.append(_measure(place, web, name, key=keys["server_key"], customers=customers))
            with place.database() as link:
                (logged,) = link.execute("SELECT count(*) FROM precision_shop_exposure").fetchone() or (0,)
    ours, bare = measured
    console.print(_table(measured))
    sent = len(ours.full.acknowledged) + len(ours.half.acknowledged)
    of_bare = round(ours.rate / bare.rate, 2)
    reached = goals.told(
        console,
        [
            Goal(name="of_bare", value=of_bare, wanted=GOALS["of_bare"], at_least=True),
            Goal(
                name="requests_s", value=ours.figures()["requests_s"], wanted=GOALS["requests_s"], at_least=True
            ),
            Goal(
                name="p99_ms_at_half_load", value=ours.figures()["p99_ms_at_half_load"],
                wanted=GOALS["p99_ms_at_half_load"],
            ),
        ],
    )  # fmt: skip
    return {
        "goals": GOALS,
        "reached": reached,
        "cpus": os.cpu_count(),
        "customers": customers,
        "products": products,
        **{one.name: one.figures() for one in measured},
        "of_bare": of_bare,
        "of_bare_by_cpu": round(bare.cpu_s / ours.cpu_s, 2),
        "exposures_missing": max(0, sent - logged),
    }


def _measure(place: Installation, web: Web, name: str, *, key: str, customers: int) -> Measured:
    """Let the caches fill, then load the server fully, then by half of what it took."""
    target = f"{serving.HOST}:{web.port}"
    rng = np.random.default_rng(0)
    requests = list(_requests(rng, host=target, key=key, customers=customers))
    warm = load.send(serving.HOST, web.port, requests, connections=CONNECTIONS, seconds=WARMING_S)
    _refuse_failures(warm, name)
    rng.shuffle(requests)
    before = _cpu(place, web)
    full = load.send(serving.HOST, web.port, requests, connections=CONNECTIONS, seconds=SECONDS)
    after = _cpu(place, web)
    _refuse_failures(full, name)
    half = load.paced(
        serving.HOST, web.port, requests, connections=CONNECTIONS, seconds=SECONDS,
        rate=len(full.acknowledged) / full.seconds / 2,
    )  # fmt: skip
    _refuse_failures(half, name)
    return Measured(name, full, half, after[0] - before[0], after[1] - before[1])


def _requests(rng: np.random.Generator, *, host: str, key: str, customers: int) -> Iterator[bytes]:
    """Yield requests as bytes."""
    every = slots_shop.PER_CUSTOMER_ACTIVE
    kinds = rng.random(PREPARED)
    numbers = rng.integers(1, customers + 1, PREPARED)
    for kind, number in zip(kinds, numbers, strict=True):
        if kind < ACTIVE:
            who = f"customer=c{max(1, number // every) * every}"
        elif kind < ACTIVE + PASSIVE:
            who = f"customer=c{number}"
        else:
            who = f"customer=&anonymous_id=v{number}"
        yield (
            f"GET /api/v1/slots/home/?{who} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n"
        ).encode()


def _refuse_failures(sent: load.Sent, name: str) -> None:
    if set(sent.statuses) != {200}:
        raise BenchmarkError(f"{name}: the server answered {sent.statuses}")


def _cpu(place: Installation, web: Web) -> tuple[float, float]:
    """Return the processor time so far of the web server and of PostgreSQL, with all their processes."""
    with place.database() as link:
        row = link.execute("SELECT pg_backend_pid()").fetchone()
        backend = Path(f"/proc/{row[0] if row else 0}/stat").read_text(encoding="ascii")
    postmaster = int(backend.rpartition(")")[2].split()[1])
    return serving.cpu_seconds(serving.family(web.pid)), serving.cpu_seconds(serving.family(postmaster))


def _quantile_ms(sent: load.Sent, share: float) -> float:
    return round(float(np.quantile(sent.latencies_s, share)) * 1000, 1)


def _table(measured: list[Measured]) -> Table:
    table = Table(title=f"Slots over HTTP, {os.cpu_count()} cores, generator on the same machine")
    for name in ("view", "requests/s", "p50 ms", "p99 ms", "p99 ms at half load", "CPU ms: web, database"):
        table.add_column(name, justify="left" if name == "view" else "right")
    for one in measured:
        told = one.figures()
        table.add_row(
            one.name, f"{told['requests_s']:,}", str(told["p50_ms"]), str(told["p99_ms"]),
            str(told["p99_ms_at_half_load"]), ", ".join(str(value) for value in told["cpu_ms"].values()),
        )  # fmt: skip
    return table
