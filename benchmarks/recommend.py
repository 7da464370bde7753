"""The nightly lists of recommendations, stage by stage, against the bare libraries on the same data, on one core.

`--scale` takes a share of the customers or repeats them under new ids. Ratios are of processor time.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import narwhals as nw
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from benchmarks import goals
from benchmarks.errors import BenchmarkError
from benchmarks.goals import Goal
from benchmarks.quality_lists_ours import knowledge
from benchmarks.quality_shops import Facts, Shops
from benchmarks.recommend_work import Stage, Timed, Work, scaled, timed_in_turn

GOALS: Final = {
    "als_over_implicit": 1.3,
    "ranking_over_lightgbm": 1.3,
    "ranked_customers_s": 4_000,
    "job_over_als": 4.0,
}
SAID: Final = {
    "als_over_implicit": "ALS stage ÷ implicit alone",
    "ranking_over_lightgbm": "ranking ÷ LightGBM alone",
    "ranked_customers_s": "customers ranked a second, after candidates and features",
    "job_over_als": "whole job ÷ ALS stage",
}
AT_LEAST: Final = {"ranked_customers_s"}
ROUNDS: Final = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option of this benchmark."""
    parser.add_argument(
        "--facts", type=Path, metavar="FOLDER",
        help="keep the facts of the shops here and read them the next time; delete it when the loading changed",
    )  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure both shops, print a table and the goals, and return the figures.

    Raises:
        BenchmarkError: other data are given, or a shop has too little to learn a ranker from.
    """
    if options.data:
        raise BenchmarkError("recommend knows the two real shops of the demo only; leave --data out")
    console = Console()
    with TemporaryDirectory() as scratch:
        shops = Shops(options.facts or Path(scratch))
        data = {
            facts.key: _measured(facts, console, scale=options.scale) for facts in (shops.gifts, shops.grocer)
        }
    console.print(_table(data))
    return {
        "goals": GOALS,
        "reached": goals.told(
            console, [goal for shop, found in data.items() for goal in wanted(shop, found)]
        ),
        "data": data,
    }


def _measured(facts: Facts, console: Console, *, scale: float) -> dict[str, Any]:
    console.print(f"{facts.key}: learning a small ranker to measure with")
    told = replace(knowledge(facts), lines=nw.from_native(scaled(facts.frame("lines"), scale=scale)))
    with threadpool_limits(limits=1):
        work = Work.prepare(told, as_of_day=facts.day)
    found = timed_in_turn(work, rounds=ROUNDS)
    return {
        "customers": work.customers,
        "products": work.products,
        "ranked": work.ranked,
        "pairs": work.pairs,
        "trees": work.trees,
        "stages": {stage.value: _told(one) for stage, one in found.items()},
        "job": {part.value: _told(one) for part, one in work.parts.items()},
        "als_over_implicit": _ratio(found[Stage.ALS], found[Stage.IMPLICIT]),
        "ranking_over_lightgbm": _ratio(found[Stage.RANKING], found[Stage.LIGHTGBM]),
        "ranked_customers_s": round(work.ranked / found[Stage.RANKING].cpu_seconds),
        "job_over_als": _ratio(found[Stage.JOB], found[Stage.ALS]),
    }


def _told(one: Timed) -> dict[str, float]:
    return {"seconds": round(one.seconds, 3), "cpu_seconds": round(one.cpu_seconds, 3)}


def _ratio(ours: Timed, other: Timed) -> float:
    """Return the ratio of processor time, which what else the machine does moves less than the wall clock."""
    return round(ours.cpu_seconds / other.cpu_seconds, 2)


def wanted(shop: str, figures: dict[str, Any]) -> list[Goal]:
    """Return the goals of a shop: at least so many customers a second, at most such ratios."""
    return [
        Goal(
            name=f"{shop}: {SAID[name]}", value=figures[name], wanted=goal, at_least=name in AT_LEAST,
        )
        for name, goal in GOALS.items()
    ]  # fmt: skip


def _table(data: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="Recommendations by night, one core")
    for name in ("shop", "what", "of", "processor", "wall"):
        table.add_column(name, justify="left" if name in ("shop", "what") else "right")
    for shop, figures in data.items():
        ranked = f"{figures['ranked']:,} customers, {figures['pairs']:,} pairs"
        everybody = f"{figures['customers']:,} customers"
        for stage, one in figures["stages"].items():
            of = ranked if stage in (Stage.LIGHTGBM, Stage.RANKING) else everybody
            table.add_row(shop, stage, of, f"{one['cpu_seconds']:.2f} s", f"{one['seconds']:.2f} s")
        for part, one in figures["job"].items():
            table.add_row(shop, f"  {part}", "", f"{one['cpu_seconds']:.2f} s", f"{one['seconds']:.2f} s")
    return table
