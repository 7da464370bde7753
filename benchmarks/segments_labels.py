"""All labels of 1 M customers from 10 M order lines and 10 M events, without a database.

`run(scale)` makes the facts as Parquet files, of `scale` times as many customers, and computes the labels in a process
of its own: those that are counted from facts by the same code as the nightly job, its joins, and the rows of active
customers as JSON. What the job reads of other runs (classes, interests) is made here in the shape in which it is read.
"""

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.measuring import Subject, measured

CUSTOMERS: Final = 1_000_000
LINES: Final = 10_000_000
EVENTS: Final = 10_000_000
PRODUCTS, CATEGORIES, BRANDS, STORES = 20_000, 200, 300, 100
AS_OF: Final = date(2026, 4, 1)
TODAY: Final = (AS_OF - date(1970, 1, 1)).days
DAYS: Final = 730
CHANNELS = ("app", "web", "mini-program", "store")
NAMES = (
    "Page Viewed",
    "Product Viewed",
    "Product Viewed",
    "Products Searched",
    "Product Added",
    "Inquiry Sent",
)
PIECES: Final = 10
SEED: Final = 20_261_123
DEADLINE_S, MOST_MIB = 60, 4_096


@dataclass(frozen=True, slots=True)
class Shop:
    """Where the generated facts lie."""

    folder: Path


def run(scale: float = 1.0) -> dict[str, Any]:
    """Return customers, lines, events, labels, seconds and peak memory of all labels at `scale` × 1 M customers."""
    people = max(1_000, int(CUSTOMERS * scale))
    with TemporaryDirectory(prefix="precision-labels-") as place:
        folder = Path(place)
        generate(folder, people)
        found = measured(
            Subject(name="labels", prepare=prepare, work=work, finish=finish),
            data=folder,
            count=people,
            repeats=1,
        )
    return {
        "customers": people,
        "lines": people * LINES // CUSTOMERS,
        "events": people * EVENTS // CUSTOMERS,
        **found.result,
        "seconds": round(found.seconds, 2),
        "cpu_seconds": round(found.cpu_seconds, 2),
        "peak_mib": round(found.peak_mib),
        "goal_seconds": DEADLINE_S,
        "goal_mib": MOST_MIB,
    }


def generate(folder: Path, people: int) -> None:
    """Write lines, events, products, profiles, ways of ordering, and interests; few people do most, as in shops."""
    rng = np.random.default_rng(SEED)
    for kind, total in (("lines", people * LINES // CUSTOMERS), ("events", people * EVENTS // CUSTOMERS)):
        (folder / kind).mkdir()
        for piece in range(PIECES):
            size = total // PIECES
            make = _lines if kind == "lines" else _events
            make(rng, size, people, piece).write_parquet(folder / kind / f"{piece}.parquet")
    product = np.arange(PRODUCTS)
    pl.DataFrame(
        {
            "product": product,
            "price_position": rng.random(PRODUCTS),
            "name": [f"brand {n % BRANDS}" for n in product],
        }
    ).write_parquet(folder / "products.parquet")
    who = np.arange(people)
    pl.DataFrame(
        {
            "customer": who, "channel": rng.choice(CHANNELS, people), "payment": rng.choice(["card", "wallet"], people),
            "coupon": rng.random(people) < 0.1, "weather": rng.choice(["rain", "sun", "snow"], people),
            "times": rng.integers(1, 9, people),
        }
    ).write_parquet(folder / "ways.parquet")  # fmt: skip
    some = who[: people // 3]
    topics = rng.choice(["tea", "lamp", "toys"], len(some))
    interests = pl.DataFrame({"customer": some, "topic": topics, "score": rng.random(len(some))})
    interests.write_parquet(folder / "interests.parquet")
    profiles(rng, people).write_parquet(folder / "profiles.parquet")
    pl.DataFrame(
        {
            "customer": some,
            "campaign": ["c1"] * len(some),
            "answered_on": [AS_OF if n % 9 == 0 else None for n in some],
        },
        schema={"customer": pl.Int64, "campaign": pl.String, "answered_on": pl.Date},
    ).write_parquet(folder / "campaigns.parquet")


def profiles(rng: np.random.Generator, people: int) -> pl.DataFrame:
    """Return what shops told: a date of birth and the texts of a profile."""
    from_day = (date(1940, 1, 1) - date(1970, 1, 1)).days
    born = pl.Series(rng.integers(from_day, 13_000, people).astype(np.int32)).cast(pl.Date)
    texts = {"gender": ["female", "male"], "country": ["gb", "fr"], "city": ["lyon", "york", "rome"],
             "occupation": ["nurse", "clerk"], "education": ["school", "college"], "income": ["low", "high"],
             "marital_status": ["married", "single"]}  # fmt: skip
    return pl.DataFrame(
        {
            "customer": np.arange(people), "birth_date": born,
            "registered_day": pl.Series(rng.integers(19_000, TODAY, people).astype(np.int32)).cast(pl.Date),
            **{name: rng.choice(values, people) for name, values in texts.items()},
        }
    )  # fmt: skip


def _customers(rng: np.random.Generator, size: int, people: int) -> Any:
    # The square puts half of what happens on a quarter of the people.
    return (rng.random(size) ** 2 * people).astype(np.int64)


def _times(rng: np.random.Generator, size: int) -> dict[str, Any]:
    seconds = (TODAY - DAYS) * 86_400 + rng.integers(0, DAYS * 86_400, size)
    day = seconds // 86_400
    return {"seconds": seconds, "day": day, "hour": seconds // 3_600 % 24, "weekday": (day + 3) % 7 + 1}


def _lines(rng: np.random.Generator, size: int, people: int, piece: int) -> pl.DataFrame:
    orders = max(1, size // 3)
    order = rng.integers(0, orders, size)
    times = {name: values[order] for name, values in _times(rng, orders).items()}
    product = (rng.random(size) ** 2 * PRODUCTS).astype(np.int64)
    price = rng.integers(10_000, 500_000, size)
    return pl.DataFrame(
        {
            "customer": _customers(rng, orders, people)[order], "order": order + piece * orders, "product": product,
            "category": product % CATEGORIES, "store": (order % STORES), **times,
            "quantity_e3": np.full(size, 1_000), "unit_price_e4": price, "list_price_e4": price, "amount_e4": price,
            "returned": rng.random(size) < 0.02,
        }
    )  # fmt: skip


def _events(rng: np.random.Generator, size: int, people: int, piece: int) -> pl.DataFrame:
    sessions = max(1, size // 6)
    session = rng.integers(0, sessions, size)
    times = {name: values[session] for name, values in _times(rng, sessions).items()}
    product = (rng.random(size) ** 2 * PRODUCTS).astype(np.int64)
    return pl.DataFrame(
        {
            "customer": _customers(rng, sessions, people)[session], "event": rng.choice(NAMES, size), **times,
            "product": product, "category": product % CATEGORIES, "channel": rng.choice(CHANNELS, sessions)[session],
            "session": session + piece * sessions, "duration_ms": rng.integers(0, 60_000, size),
        }
    )  # fmt: skip


def prepare(folder: Path, count: int) -> Shop:
    """Load the application; no database is asked."""
    for name, value in (
        ("DJANGO_SETTINGS_MODULE", "precision.settings"), ("SECRET_KEY", "benchmark"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none"), ("BROKER_URL", "redis://127.0.0.1:1"),
    ):  # fmt: skip
        os.environ.setdefault(name, value)
    import django  # noqa: PLC0415 - the settings must be named first

    django.setup()
    return Shop(folder)


def work(shop: Shop) -> pl.DataFrame:
    """Compute all labels side by side, and the rows of active customers."""
    from benchmarks import segments_labels_work  # noqa: PLC0415 - its models need Django to be set up

    return segments_labels_work.all_labels(shop.folder, AS_OF)


def finish(frame: pl.DataFrame, count: int) -> dict[str, Any]:
    """Return how much came out."""
    return {"labelled": frame.height, "labels": frame.width - 1}
