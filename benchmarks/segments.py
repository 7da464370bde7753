"""Speed of segments and labels: live counts, the nightly recompute with history, all labels, and scoring."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks import segments_counts, segments_labels, segments_recompute, segments_scoring
from benchmarks.measuring import Measured
from benchmarks.segments_counts import GOALS_S, LABELS_ONLY_GOAL_S, LARGEST, SIZES

PARTS: Final = ("counts", "recompute", "labels", "scoring")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument(
        "--largest", action="store_true",
        help="count at 80 M customers too (about 6 GB of scratch files; minutes to make them)",
    )  # fmt: skip
    parser.add_argument(
        "--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts to run; default: all"
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the parts, print their tables and return the figures of each by its name."""
    console = Console()
    found: dict[str, Any] = {}
    if "counts" in options.only:
        found["counts"] = _counts(options, console)
    for name, part in (
        ("recompute", segments_recompute),
        ("labels", segments_labels),
        ("scoring", segments_scoring),
    ):
        if name in options.only:
            found[name] = part.run(options.scale)
            console.print(_figures(name, found[name]))
    return found


def _counts(options: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """Measure the live counts at every size."""
    sizes = (*SIZES, LARGEST) if options.largest else SIZES
    figures = []
    for size in sizes:
        people = max(1_000, int(size * options.scale))
        with TemporaryDirectory(prefix="precision-counts-") as folder:
            measured = segments_counts.run(Path(folder), people)
        for name, one in measured.items():
            goal = GOALS_S[size] if name == "nested" else LABELS_ONLY_GOAL_S if size == LARGEST else None
            figures.append({"condition": name, "customers": people, "goal_seconds": goal, **_told(one)})
    console.print(_table(figures))
    return figures


def _told(one: Measured) -> dict[str, Any]:
    return {
        **one.result,
        "seconds": round(one.seconds, 3),
        "cpu_seconds": round(one.cpu_seconds, 3),
        "peak_mib": round(one.peak_mib),
    }


def _table(figures: list[dict[str, Any]]) -> Table:
    table = Table(
        title="Live count of a nested condition: five terms, two of them behaviour; and labels only"
    )
    for name in ("condition", "customers", "found", "seconds", "goal", "processor s", "peak MiB"):
        table.add_column(name, justify="left" if name == "condition" else "right")
    for one in figures:
        goal = "" if one["goal_seconds"] is None else f"{one['goal_seconds']:.1f}"
        table.add_row(
            one["condition"], f"{one['customers']:,}", f"{one['count']:,}", f"{one['seconds']:.3f}", goal,
            f"{one['cpu_seconds']:.3f}", f"{one['peak_mib']:,}",
        )  # fmt: skip
    return table


def _figures(title: str, figures: dict[str, Any]) -> Table:
    table = Table(title=title)
    table.add_column("")
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, int | float) else str(value))
    return table
