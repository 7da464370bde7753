"""Results that portraits and the search between goods and people read, written by hand."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments import kept, product_labels, snapshots
from segments.conditions import LabelType
from segments.labels import registry
from segments.methods import habits as h
from segments.methods import product_labels as m
from segments.models import ProductLabelRow
from segments.portraits import JOB
from tests.api.conftest import Shop

CATALOGUE = {
    c.PRODUCT: pl.Int64, product_labels.CATEGORY: pl.String, product_labels.BRAND: pl.String,
    m.PRICE_TIER: pl.String, m.SEASON: pl.String, m.BUYERS_CLASS: pl.String, m.DAYPART: pl.String,
    m.REPEATABLE: pl.Boolean,
}  # fmt: skip
HABITS = {
    c.CUSTOMER: pl.Int64,
    h.DIMENSION: pl.String,
    h.VALUE: pl.String,
    h.TIMES: pl.Int64,
    h.WEIGHT: pl.Int64,
}


def labels(shop: Shop, columns: dict[str, dict[str, object]]) -> Run:
    """Publish labels by person: the value of each column."""
    run = shop.run("labels")
    people = {name: each.customer_id for name, each in shop.people.items()}
    rows = [
        {c.CUSTOMER: number, **{column: values.get(name) for column, values in columns.items()}}
        for name, number in people.items()
    ]
    snapshots.write(run, pl.DataFrame(rows, infer_schema_length=None))
    return run


def habits(shop: Shop, rows: list[tuple[str, str, str, int, int]]) -> Run:
    """Publish habits: person, dimension, value, times, weight."""
    run = shop.run(JOB)
    numbered = [(shop.people[name].customer_id, *rest) for name, *rest in rows]
    kept.write(run, JOB, pl.DataFrame(numbered, schema=HABITS, orient="row"))
    return run


def catalogue(shop: Shop, rows: dict[str, dict[str, object]]) -> Run:
    """Publish labels of products: those that are given, the others null."""
    run = shop.run(product_labels.JOB)
    made = [
        {**dict.fromkeys(CATALOGUE), c.PRODUCT: shop.products[name].pk, **row} for name, row in rows.items()
    ]
    kept.write(run, product_labels.JOB, pl.DataFrame(made, schema=CATALOGUE))
    ProductLabelRow.objects.bulk_create(
        ProductLabelRow(run=run, product=shop.products[name], values=row) for name, row in rows.items()
    )
    return run


def portrait_results(shop: Shop, word: str) -> None:
    """Publish a little of everything for a shop whose names bear a word."""
    labels(
        shop,
        {
            "price_class": {"ann": "A", "bob": "B", "cleo": "C"},
            "rfm_group": {"ann": f"{word}-group", "bob": "lost"},
            "money": {"ann": 12.5, "bob": 3.0},
        },
    )
    habits(
        shop,
        [
            ("ann", "category", f"{word} / Food / Tea", 4, 40_000),
            ("ann", "price_tier", "high", 4, 40_000),
            ("bob", "category", f"{word} / Home / Cups", 2, 90_000),
            ("bob", "price_tier", "low", 2, 90_000),
            ("ann", "channel", f"{word}-web", 9, 60_000),
            ("bob", "channel", f"{word}-app", 3, 0),
            ("ann", "hour", "9", 9, 60_000),
        ],
    )
    catalogue(
        shop,
        {
            "tea-0": {
                "category": f"{word} / Food / Tea",
                "brand": word,
                "price_tier": "high",
                "repeatable": True,
            },
            "tea-9": {"category": f"{word} / Food / Tea", "price_tier": "high"},
            "cup-9": {"category": f"{word} / Home / Cups", "price_tier": "low"},
        },
    )


def source(monkeypatch: pytest.MonkeyPatch, *, sensitivity: str = "plain") -> None:
    """Put a label `test_group` into the library for one test; its evidence is its own figures."""

    def frame(scope: Scope, as_of: date) -> pl.DataFrame:
        raise NotImplementedError("nobody computes it")

    def evidence(scope: Scope, as_of: date, customer: int, key: str) -> dict[str, Any]:
        return {"scope": scope.key, "as_of": as_of.isoformat(), "orders": 12_345, "share": 0.25, "none": None}

    definition = registry.Definition(
        key="test_group",
        title="A group",
        kind=registry.Kind.FACT,
        type=LabelType.TEXT,
        formula="By hand.",
        sensitivity=registry.Sensitivity(sensitivity),
        values=("one", "two"),
    )
    made = registry.Source(name="test", definitions=(definition,), frame=frame, evidence=evidence)
    monkeypatch.setitem(registry._sources, "test", made)
