"""The frame of the quality benchmark: which parts run, and the figures of a part on orders that can be checked."""

import numpy as np
import polars as pl
import pytest

from benchmarks import quality, quality_classes
from benchmarks.quality_planted import planted_orders
from precision.shop import columns as c
from segments.methods.price_classes import PRICE_CLASS


def test_parts_run_once_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "GROUPS", {"who": ("one", "two"), "what": ("three",)})
    assert quality.chosen(None) == ["one", "two", "three"]
    assert quality.chosen(["what", "one", "who"]) == ["three", "one", "two"]


def test_halves_part_the_orders_of_everybody() -> None:
    lines, _, _ = planted_orders(np.random.default_rng(1))
    for rng in (None, np.random.default_rng(2)):
        first, second = quality_classes.halves(lines, rng)
        assert first.height + second.height == lines.height
        assert not set(first[c.ORDER]) & set(second[c.ORDER])
        orders = [half.group_by(c.CUSTOMER).agg(pl.col(c.ORDER).n_unique()) for half in (first, second)]
        assert all(frame.height == lines[c.CUSTOMER].n_unique() for frame in orders)
    each = [
        half.group_by(c.CUSTOMER).agg(pl.col(c.ORDER).n_unique())
        for half in quality_classes.halves(lines, None)
    ]
    both = each[0].join(each[1], on=c.CUSTOMER)
    assert (both[c.ORDER] - both[f"{c.ORDER}_right"]).is_between(0, 1).all()  # in turn


def test_halves_of_planted_people_agree() -> None:
    lines, _, as_of = planted_orders(np.random.default_rng(1))
    pair = [quality_classes.measured(half, as_of) for half in quality_classes.halves(lines, None)]
    found = quality_classes.halves_agree(pair, quality_classes.RULE)
    assert found["kappa_classified"] is not None
    assert found["kappa_classified"] > 0.8
    assert found["both"] is not None
    assert found["both"] > 0.7
    same = quality_classes.halves_agree([pair[0], pair[0]], quality_classes.RULE)
    assert (same["kappa_with_u"], same["kappa_classified"]) == (1.0, 1.0)


def test_sizes_and_the_next_half_year_by_hand() -> None:
    letters = pl.DataFrame({c.CUSTOMER: [1, 2, 3, 4], PRICE_CLASS: ["A", "B", "C", "U"]})
    assert quality_classes.sizes(letters)["classified"] == 0.75
    assert quality_classes.sizes(letters)["shares"]["A"] == pytest.approx(1 / 3)
    nobody = letters.filter(pl.col(PRICE_CLASS) == "U")
    assert quality_classes.sizes(nobody)["shares"] == {"A": None, "B": None, "C": None}
