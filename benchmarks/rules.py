"""All frequent pairs of real baskets: ours against mlxtend's FP-growth and the bare sparse product XᵀX.

Ours is timed from the frame of (order, product) ids to the pairs; the other two from a ready matrix.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import goals
from benchmarks.basket_data import Shop, demo_shops, encoded, shop_of_file
from benchmarks.goals import Goal
from benchmarks.measuring import Measured, free_bytes, measured, measured_in_turn
from benchmarks.rules_subjects import MLXTEND, OURS, PRODUCT_ONLY, equal
from precision.shop.columns import ORDER, PRODUCT

ROUNDS = 3
REPEATS = 4  # in each round
PER_BASKETS = 1_000  # without a count of its own, a pair is frequent in one basket of so many
DENSE_SHARE = 0.8  # of the free memory may go into mlxtend's dense matrix; above it the machine would swap
GOALS: dict[str, Any] = {
    "over_product": 1.5,
    "faster_than_mlxtend": {"gifts": 40, "grocer": 20},
    "memory_of_mlxtend": {"grocer": 0.1},
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One shop's measurements; `mlxtend` is None where it would not fit into memory."""

    name: str
    baskets: int
    products: int
    lines: int
    min_count: int
    ours: Measured
    bare: Measured
    mlxtend: Measured | None

    @property
    def same(self) -> bool:
        """All that ran found the same pairs with the same counts."""
        others = [self.bare] if self.mlxtend is None else [self.bare, self.mlxtend]
        return all(equal(self.ours.result, other.result) for other in others)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option of this benchmark."""
    parser.add_argument(
        "--min-count",
        type=int,
        metavar="N",
        help=f"baskets of --data that a frequent pair is in, at scale 1 (default: one in {PER_BASKETS:,})",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure every shop, print the table, and return the figures."""
    others = [shop_of_file(path, min_count=options.min_count) for path in options.data or []]
    shops = others or demo_shops()
    console = Console()
    outcomes = list(_outcomes(shops, scale=options.scale, console=console))
    console.print(_table(outcomes))
    return {
        "goals": GOALS,
        "reached": goals.told(console, [goal for outcome in outcomes for goal in _goals(outcome)]),
        "same": all(outcome.same for outcome in outcomes),
        "data": {outcome.name: _figures(outcome) for outcome in outcomes},
    }


def _outcomes(shops: list[Shop], *, scale: float, console: Console) -> Iterator[Outcome]:
    with TemporaryDirectory() as folder:
        for shop in shops:
            frame = encoded(shop, scale=scale)
            baskets, products = frame[ORDER].n_unique(), frame[PRODUCT].n_unique()
            at_scale_one = shop.min_count or math.ceil(baskets / scale / PER_BASKETS)
            count = max(2, round(at_scale_one * scale))
            console.print(
                f"{shop.name}: {baskets:,} baskets × {products:,} products, pairs in {count:,} or more"
            )
            path = Path(folder) / "baskets.parquet"
            frame.write_parquet(path)
            dense = baskets * products
            fits = dense < DENSE_SHARE * free_bytes()
            if not fits:
                console.print(
                    f"  without mlxtend: its dense matrix of {dense / 2**30:,.1f} GiB would not fit"
                )
            ours, bare = measured_in_turn(
                [OURS, PRODUCT_ONLY], data=path, count=count, rounds=ROUNDS, repeats=REPEATS
            )
            yield Outcome(
                name=shop.name,
                baskets=baskets,
                products=products,
                lines=len(frame),
                min_count=count,
                ours=ours,
                bare=bare,
                mlxtend=measured(MLXTEND, data=path, count=count, repeats=REPEATS) if fits else None,
            )


def _goals(outcome: Outcome) -> Iterator[Goal]:
    """Yield the goals of a shop; those beside mlxtend are set for the shops of the demo."""
    name, figures = outcome.name, _figures(outcome)
    yield Goal(name=f"{name}: time ÷ XᵀX", value=figures["over_product"], wanted=GOALS["over_product"])
    if name in GOALS["faster_than_mlxtend"]:
        yield Goal(
            name=f"{name}: times as fast as mlxtend", value=figures["faster_than_mlxtend"],
            wanted=GOALS["faster_than_mlxtend"][name], at_least=True,
        )  # fmt: skip
    if name in GOALS["memory_of_mlxtend"]:
        yield Goal(
            name=f"{name}: memory ÷ mlxtend's", value=figures["memory_of_mlxtend"],
            wanted=GOALS["memory_of_mlxtend"][name],
        )  # fmt: skip


def _figures(outcome: Outcome) -> dict[str, Any]:
    ours, bare, mlxtend = outcome.ours, outcome.bare, outcome.mlxtend
    return {
        "baskets": outcome.baskets,
        "products": outcome.products,
        "lines": outcome.lines,
        "min_count": outcome.min_count,
        "pairs": len(ours.result[0]),
        "same": outcome.same,
        "ours": _measures(ours),
        "product": _measures(bare),
        "mlxtend": _measures(mlxtend) if mlxtend else None,
        "over_product": round(ours.seconds / bare.seconds, 3),
        "over_product_cpu": round(ours.cpu_seconds / bare.cpu_seconds, 3),
        "faster_than_mlxtend": round(mlxtend.seconds / ours.seconds, 1) if mlxtend else None,
        "memory_of_mlxtend": round(ours.peak_mib / mlxtend.peak_mib, 4) if mlxtend else None,
    }


def _measures(one: Measured) -> dict[str, float]:
    return {
        "seconds": round(one.seconds, 4),
        "cpu_seconds": round(one.cpu_seconds, 4),
        "runs": one.runs,
        "peak_mib": round(one.peak_mib, 1),
    }


def _table(outcomes: list[Outcome]) -> Table:
    table = Table("shop", "what", "time", "processor", "memory", "time ÷ ours", "same pairs")
    for outcome in outcomes:
        ours = outcome.ours
        for subject, one in ((OURS, ours), (PRODUCT_ONLY, outcome.bare), (MLXTEND, outcome.mlxtend)):
            if one is None:
                continue
            table.add_row(
                outcome.name,
                subject.name,
                f"{one.seconds:.3f} s",
                f"{one.cpu_seconds:.3f} s",
                f"{one.peak_mib:,.0f} MiB",
                f"{one.seconds / ours.seconds:.2f}",
                f"{len(one.result[0]):,}" if equal(ours.result, one.result) else "NO",
            )
    return table
