"""The nightly lists of recommendations, stage by stage, against the bare libraries on the same data, on one core."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.quality_shops import Facts, Shops
from benchmarks.recommend_work import Stage, Timed, Work, timed_in_turn

GOALS: Final = {
    "als_over_implicit": 1.3,
    "ranking_over_lightgbm": 1.3,
    "ranked_customers_s": 4_000,
    "job_over_als": 4.0,
}
ROUNDS: Final = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option of this benchmark."""
    parser.add_argument(
        "--facts", type=Path, metavar="FOLDER",
        help="keep the facts of the shops here and read them the next time; delete it when the loading changed",
    )  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure both shops, print a table, and return the figures."""
    console = Console()
    with TemporaryDirectory() as scratch:
        shops = Shops(options.facts or Path(scratch))
        data = {facts.key: _measured(facts, console) for facts in (shops.gifts, shops.grocer)}
    console.print(_table(data))
    return {"goals": GOALS, "data": data}


def _measured(facts: Facts, console: Console) -> dict[str, Any]:
    console.print(f"{facts.key}: learning a ranker to measure with")
    work = Work.prepare(facts.lines, facts.frame("titles").collect(), as_of_day=facts.day)
    found = timed_in_turn(work, rounds=ROUNDS)
    return {
        "customers": work.customers,
        "products": work.products,
        "pairs": work.pairs,
        "trees": work.trees,
        "stages": {stage.value: _told(one) for stage, one in found.items()},
        "als_over_implicit": _ratio(found[Stage.ALS], found[Stage.IMPLICIT]),
        "ranking_over_lightgbm": _ratio(found[Stage.RANKING], found[Stage.LIGHTGBM]),
        "ranked_customers_s": round(work.customers / found[Stage.RANKING].cpu_seconds),
        "job_over_als": _ratio(found[Stage.JOB], found[Stage.ALS]),
    }


def _told(one: Timed) -> dict[str, float]:
    return {"seconds": round(one.seconds, 3), "cpu_seconds": round(one.cpu_seconds, 3)}


def _ratio(ours: Timed, other: Timed) -> float:
    """Return the ratio of processor time, which what else the machine does moves less than the wall clock."""
    return round(ours.cpu_seconds / other.cpu_seconds, 2)


def reached(name: str, value: float) -> bool:
    """Return whether a figure meets its goal: at least so many customers a second, at most such a ratio."""
    return value >= GOALS[name] if name.endswith("_s") else value <= GOALS[name]


def _table(data: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="Recommendations by night, one core")
    for name in ("shop", "what", "processor", "wall", "figure", "goal"):
        table.add_column(name, justify="left" if name in ("shop", "what") else "right")
    for shop, figures in data.items():
        for stage, one in figures["stages"].items():
            table.add_row(shop, stage, f"{one['cpu_seconds']:.2f} s", f"{one['seconds']:.2f} s", "", "")
        for name, goal in GOALS.items():
            sign = "≥" if name.endswith("_s") else "≤"
            said = "reached" if reached(name, figures[name]) else "missed"
            table.add_row(
                shop, name.replace("_", " "), "", "", f"{figures[name]:,}", f"{sign} {goal:,} {said}"
            )
    return table
