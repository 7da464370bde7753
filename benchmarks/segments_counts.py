"""Live counts over generated snapshots: labels of everybody and behaviour of the tenth that is active, as files.

The condition has five terms, two of them behaviour: recent, and either of class A or C or looked at some goods twice in
a week, and no order in a month, and spent enough. Beside it the same with labels only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import Measured, Subject, measured
from segments import conditions, evaluation
from segments.conditions import Condition, LabelType
from segments.methods import behaviour as m

SIZES: Final = (1_000_000, 8_000_000)
LARGEST: Final = 80_000_000
GOALS_S: Final = {1_000_000: 0.2, 8_000_000: 0.6, 80_000_000: 2.0}
LABELS_ONLY_GOAL_S: Final = 1.0  # at 80 M
ACTIVE: Final = 0.1
EVENTS_PER_ACTIVE: Final = 25
ORDERS_PER_ACTIVE: Final = 5
DAYS: Final = 365
TODAY: Final = 20_000
PRODUCTS: Final = 20_000
WANTED_PRODUCTS: Final = frozenset(range(400))
NAMES: Final = ("Page Viewed", "Product Added", "Product Viewed", "Products Searched")
CHANNELS: Final = ("app", "web")
PIECE: Final = 4_000_000
ROW_GROUP: Final = 131_072
SEED: Final = 20_261_123
REPEATS: Final = 5
TYPES: Final = {
    "recency_days": LabelType.NUMBER,
    "price_class": LabelType.TEXT,
    "money": LabelType.NUMBER,
    "frequency": LabelType.NUMBER,
    "city": LabelType.TEXT,
    "member": LabelType.BOOLEAN,
}
RECENT: Final = {"label": "recency_days", "op": "<=", "value": 200}
CLASS: Final = {"label": "price_class", "op": "in", "value": ["A", "C"]}
SPENT: Final = {"label": "money", "op": ">=", "value": 20.0}
LOOKED: Final = {"did": "Product Viewed", "within_days": 7, "at_least": 2}
BOUGHT: Final = {"did": "Order Completed", "within_days": 30}
NESTED: Final = {"all": [RECENT, {"any": [CLASS, LOOKED]}, {"not": BOUGHT}, SPENT]}
MEMBER: Final = {"label": "member", "op": "=", "value": True}
ELSEWHERE: Final = {"not": {"label": "city", "op": "in", "value": ["city 1", "city 2"]}}
LABELS_ONLY: Final = {"all": [RECENT, {"any": [CLASS, MEMBER]}, ELSEWHERE, SPENT]}


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Where the files lie and what to count."""

    folder: Path
    condition: Condition


def run(folder: Path, people: int) -> dict[str, Measured]:
    """Make snapshots of so many customers; return how long the two counts take, in processes of their own."""
    generate(folder, people)
    subjects = {
        "nested": Subject(name="nested", prepare=prepare_nested, work=work, finish=finish),
        "labels": Subject(name="labels only", prepare=prepare_labels, work=work, finish=finish),
    }
    return {
        name: measured(each, data=folder, count=people, repeats=REPEATS) for name, each in subjects.items()
    }


def prepare_nested(folder: Path, count: int) -> Snapshots:
    """Return the snapshots and the condition with behaviour."""
    return Snapshots(folder, conditions.parse(NESTED, labels=TYPES))


def prepare_labels(folder: Path, count: int) -> Snapshots:
    """Return the snapshots and the condition without."""
    return Snapshots(folder, conditions.parse(LABELS_ONLY, labels=TYPES))


def work(made: Snapshots) -> evaluation.Counted:
    """Count: what a preview does, but for asking the database what the condition names."""
    slices = {
        LOOKED["did"]: m.Slice(
            event="Product Viewed", since=TODAY - 7, before=TODAY, products=WANTED_PRODUCTS
        ),
        BOUGHT["did"]: m.Slice(since=TODAY - 30, before=TODAY),
    }
    files = {LOOKED["did"]: "events.parquet", BOUGHT["did"]: "orders.parquet"}
    terms = conditions.behaviour_of(made.condition)
    lazy = [
        m.counted(nw.from_native(pl.scan_parquet(made.folder / files[term.event])), slices[term.event])
        .to_native()
        .sort("customer")
        for term in terms
    ]
    counts = dict(zip([term.key for term in terms], pl.collect_all(lazy), strict=True))
    people = evaluation.Everybody(
        labels=pl.scan_parquet(made.folder / "labels.parquet"), types=TYPES, counts=counts
    )
    return evaluation.count(people, made.condition, named={}, sample=10, size=2_000_000)


def finish(found: evaluation.Counted, count: int) -> dict[str, int]:
    """Return how many were found."""
    return {"count": found.count, "of": found.of}


def generate(folder: Path, people: int) -> None:
    """Write the labels, sorted by customer, and behaviour, sorted by event, day and customer, piece by piece."""
    rng = np.random.default_rng(SEED)
    _write(
        folder / "labels.parquet",
        (_labels(rng, start, min(PIECE, people - start)) for start in range(0, people, PIECE)),
    )
    active = int(people * ACTIVE)
    per_day = max(1, active * EVENTS_PER_ACTIVE // DAYS // len(NAMES))
    days = range(TODAY - DAYS, TODAY)
    _write(
        folder / "events.parquet",
        (_events(rng, name, day, per_day, people) for name in NAMES for day in days),
    )
    _write(
        folder / "orders.parquet",
        (_orders(rng, day, max(1, active * ORDERS_PER_ACTIVE // DAYS), people) for day in days),
    )


def _write(path: Path, pieces: Any) -> None:
    writer = None
    waiting: list[pl.DataFrame] = []

    def flush() -> None:
        nonlocal writer
        table: pa.Table = pl.concat(waiting).to_arrow()
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table.cast(writer.schema), row_group_size=ROW_GROUP)
        waiting.clear()

    for piece in pieces:
        waiting.append(piece)
        if sum(frame.height for frame in waiting) >= PIECE:
            flush()
    if waiting:
        flush()
    if writer is not None:
        writer.close()


def _labels(rng: np.random.Generator, start: int, size: int) -> pl.DataFrame:
    bought = rng.random(size) < 0.5
    unknown = pl.Series(~bought)
    return pl.DataFrame(
        {
            "customer": np.arange(start, start + size),
            "recency_days": rng.integers(0, 720, size),
            "price_class": rng.choice(np.array(["A", "B", "C", "U"]), size),
            "money": rng.gamma(2.0, 30.0, size).round(2),
            "frequency": rng.integers(1, 40, size),
            "city": np.char.add("city ", rng.integers(0, 200, size).astype(str)),
            "member": rng.random(size) < 0.3,
        }
    ).with_columns(
        pl.when(~unknown).then(pl.col(name)).alias(name)
        for name in ("recency_days", "price_class", "money", "frequency")
    )


def _active(rng: np.random.Generator, size: int, people: int) -> Any:
    """Every tenth customer is active."""
    step = round(1 / ACTIVE)
    return np.sort(rng.integers(0, max(1, people // step), size)) * step


def _events(rng: np.random.Generator, name: str, day: int, size: int, people: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event": np.full(size, name), "day": np.full(size, day), "customer": _active(rng, size, people),
            "product": (rng.random(size) ** 2 * PRODUCTS).astype(np.int64),
            "store": pl.Series([None] * size, dtype=pl.Int64),
            "channel": rng.choice(np.array(CHANNELS), size), "times": rng.integers(1, 3, size),
        }
    )  # fmt: skip


def _orders(rng: np.random.Generator, day: int, size: int, people: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "day": np.full(size, day), "customer": _active(rng, size, people),
            "order": day * 10_000_000 + np.arange(size),
            "product": rng.integers(0, PRODUCTS, size), "store": pl.Series([None] * size, dtype=pl.Int64),
            "channel": rng.choice(np.array(CHANNELS), size),
        }
    )  # fmt: skip
