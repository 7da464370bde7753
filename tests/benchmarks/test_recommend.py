"""The benchmark `recommend` runs to its end on tiny shops, and compares what it says that it compares."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import recommend
from benchmarks.__main__ import main
from benchmarks.quality_lists_ours import knowledge
from benchmarks.quality_shops import read
from benchmarks.recommend_work import Part, Stage, Work, scaled
from precision.engine.backends.local import LocalEngine
from precision.engine.results import Factors
from precision.shop.columns import CUSTOMER, ORDER
from tests.benchmarks import tiny_shops


def test_it_ends_with_the_figures_of_both_shops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recommend, "ROUNDS", 1)
    assert main(["recommend", "--facts", str(tiny_shops.write(tmp_path)), "--scale", "0.9"]) == 0
    said = capsys.readouterr().out
    found = json.loads(said.splitlines()[-1])
    assert set(found["data"]) == {"gifts", "grocer"}
    for shop, figures in found["data"].items():
        # Three of the 60 are guests; of the other 57 nine tenths take part.
        assert figures["customers"] == figures["ranked"] == 52
        assert figures["products"] == tiny_shops.PRODUCTS
        assert figures["pairs"] > 52 * 20
        assert set(figures["stages"]) == set(Stage)
        assert set(figures["job"]) == set(Part)
        assert all(one["cpu_seconds"] >= 0 for one in figures["stages"].values())
        assert sum(one["seconds"] for one in figures["job"].values()) == pytest.approx(
            figures["stages"][Stage.JOB]["seconds"], abs=0.1
        )
        for name, goal in recommend.GOALS.items():
            met = figures[name] >= goal if name == "ranked_customers_s" else figures[name] <= goal
            assert found["reached"][f"{shop}: {recommend.SAID[name]}"] is met
            assert f"{shop}: {recommend.SAID[name]}: " in said.replace("\n", " ")


def test_what_cannot_be_measured_ends_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recommend", "--data", "baskets.csv"]) == 2
    assert "leave --data out" in capsys.readouterr().err
    folder = tiny_shops.write(tmp_path, customers=3)
    path = folder / "gifts" / "lines.parquet"
    pl.read_parquet(path).filter(pl.col("day") < tiny_shops.DAY - 100).write_parquet(path)
    assert main(["recommend", "--facts", str(folder)]) == 2
    assert "no customer with a history bought a candidate" in capsys.readouterr().err


def test_the_bare_library_gets_the_matrix_that_ours_solves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_shops.write(tmp_path) / "gifts"
    shop = read(folder)
    work = Work.prepare(knowledge(shop), as_of_day=tiny_shops.DAY)
    given = []

    def factorise(self: LocalEngine, interactions, *, factors: int, **_) -> Factors:
        given.append(interactions)
        rows, columns = interactions.shape
        return Factors(rows=np.ones((rows, factors)), items=np.ones((columns, factors)))

    monkeypatch.setattr(LocalEngine, "factorise", factorise)
    work.do(Stage.ALS)
    assert (given[0] != work.reduced).nnz == 0
    assert given[0].dtype == work.reduced.dtype == np.float32


def test_scale_takes_or_repeats_customers_with_all_their_orders() -> None:
    shop = tiny_shops.lines(seed=3)
    people, orders = shop[CUSTOMER].drop_nulls().n_unique(), shop[ORDER].n_unique()
    assert scaled(shop.lazy(), scale=1).collect().equals(shop)
    for scale in (0.5, 2.5):
        made = scaled(shop.lazy(), scale=scale).collect()
        known = made.drop_nulls(CUSTOMER)
        assert known[CUSTOMER].n_unique() == pytest.approx(people * scale, abs=1)
        assert made[ORDER].n_unique() == pytest.approx(orders * scale, rel=0.05)
        sizes = known.group_by(CUSTOMER).len()["len"].sort()
        assert sizes.min() == shop.drop_nulls(CUSTOMER).group_by(CUSTOMER).len()["len"].min()
        assert made.filter(pl.col(CUSTOMER).is_null()).height > 0
    assert known.group_by(ORDER).agg(pl.col(CUSTOMER).n_unique())[CUSTOMER].max() == 1
