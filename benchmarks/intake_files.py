"""Import of files against COPY and INSERT … SELECT of the same rows into the same tables, in turn."""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks import intake_files_data as data
from benchmarks import serving
from benchmarks.errors import BenchmarkError
from benchmarks.serving import Installation

GOALS = {"lines_s": 100_000, "ratio": 0.5}
LINES = 1_000_000
ROUNDS = 3
"""Each side runs so often, in turn and each time into a shop of its own; the fastest counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A file, how we import it, and the statements that are the least PostgreSQL can do for it."""

    name: str
    file: str
    mapping: str
    table: str
    statements: Sequence[str]


PEOPLE = data.PEOPLE_SQL
SUBJECTS = (
    Subject(
        name="order lines", file="lines.csv", mapping=data.ORDERS_MAPPING, table=data.ORDERS_TABLE,
        statements=(
            data.PRODUCTS_SQL, PEOPLE.replace("{column}", "customer").replace("{kind}", "customer_id"),
            data.ORDERS_SQL, data.LINES_SQL,
        ),
    ),
    Subject(
        name="events", file="events.csv", mapping=data.EVENTS_MAPPING, table=data.EVENTS_TABLE,
        statements=(PEOPLE.replace("{column}", "visitor").replace("{kind}", "anonymous_id"), data.EVENTS_SQL),
    ),
)  # fmt: skip


def run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure both files and a log, print the table, and return the figures."""
    count = max(1_000, round(LINES * options.scale))
    with TemporaryDirectory() as folder, serving.installation(Path(folder)) as home:
        files = Path(folder)
        data.write_lines(files / "lines.csv", count)
        data.write_events(files / "events.csv", count)
        data.write_log(files / "access.log", count)
        figures = {subject.name: _compared(home, subject, files, count) for subject in SUBJECTS}
        figures["log lines"] = _log(home, files / "access.log", count)
    console.print(_table(figures, count))
    return {"lines": count, "goals": GOALS, **{name.replace(" ", "_"): one for name, one in figures.items()}}


def _compared(home: Installation, subject: Subject, files: Path, count: int) -> dict[str, float]:
    """Return lines a second of ours and of the bare statements, and what part ours is of them."""
    mapping = files / f"{subject.file}.toml"
    mapping.write_text(subject.mapping, encoding="utf-8")
    ours, bare = [], []
    for number in range(ROUNDS):
        name = subject.file.partition(".")[0]
        home.create_platform(f"{name}-bare-{number}")
        bare.append(_bare(home, f"{name}-bare-{number}", subject, files / subject.file, count))
        home.create_platform(f"{name}-ours-{number}")
        arguments = ("--platform", f"{name}-ours-{number}", "--mapping", str(mapping), "--json")
        ours.append(_imported(home, "import_shop", *arguments, str(files / subject.file), count=count))
    return {
        "lines_s": round(count / min(ours)),
        "bare_lines_s": round(count / min(bare)),
        "ratio": round(min(bare) / min(ours), 3),
    }


def _log(home: Installation, path: Path, count: int) -> dict[str, float]:
    home.create_platform("log")
    seconds = _imported(home, "import_weblog", "--platform", "log", "--json", str(path), count=count)
    return {"lines_s": round(count / seconds)}


def _imported(home: Installation, *arguments: str, count: int) -> float:
    """Return the seconds of an import, that of the process' start left out; every line must have been read."""
    told = json.loads(home.manage(*arguments).splitlines()[-1])
    if told["rows"] != count or told["rejected"] or not told["accepted"]:
        raise BenchmarkError(f"manage.py {arguments[0]} did not load the {count:,} rows: {told}")
    return float(told["seconds"])


def _bare(home: Installation, key: str, subject: Subject, path: Path, count: int) -> float:
    """Return the seconds of COPY into a temporary table and INSERT … SELECT, with the commit."""
    with home.database() as link:
        row = link.execute(
            "SELECT id, organisation_id FROM precision_shop_platform WHERE key = %s", [key]
        ).fetchone()
        if row is None:
            raise BenchmarkError(f"there is no platform {key}")
        started = time.perf_counter()
        with link.transaction():
            # Nothing is known yet of rows that this transaction wrote: without this a loop over them takes hours.
            link.execute("SET LOCAL enable_nestloop = off")
            _copy(link, subject.table, path)
            for statement in subject.statements:
                last = link.execute(statement.format(platform=row[0], organisation=row[1]))
        seconds = time.perf_counter() - started
        if last.rowcount != count:
            raise BenchmarkError(f"the bare statements wrote {last.rowcount:,} of {count:,} {subject.name}")
        return seconds


def _copy(link: "psycopg.Connection[Any]", table: str, path: Path) -> None:
    link.execute(f"CREATE TEMPORARY TABLE raw ({table}) ON COMMIT DROP")
    statement = "COPY raw FROM STDIN (FORMAT csv, HEADER, NULL '\\N')"
    with link.cursor() as cursor, cursor.copy(statement) as copy, path.open("rb") as source:
        while block := source.read(1 << 20):
            copy.write(block)
    link.execute("ANALYZE raw")


def _table(figures: dict[str, dict[str, float]], count: int) -> Table:
    table = Table(title=f"files of {count:,} lines, lines a second")
    for title in ("", "ours", "COPY + INSERT … SELECT", "ratio"):
        table.add_column(title, justify="right" if title else "left")
    for name, one in figures.items():
        bare, ratio = one.get("bare_lines_s"), one.get("ratio")
        table.add_row(
            name,
            f"{one['lines_s']:,}",
            "–" if bare is None else f"{bare:,}",
            "–" if ratio is None else f"{ratio:.2f}",
        )
    return table
