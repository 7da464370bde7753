"""The benchmark `rules` runs on any baskets, says whether the pairs agree, and refuses what it cannot use."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.basket_data import encoded, shop_of_file

ROOT = Path(__file__).resolve().parents[2]


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def baskets(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "corner.csv"
    lines = {"basket": rng.integers(300, size=2_000), "item": [f"i{n}" for n in rng.integers(25, size=2_000)]}
    pl.DataFrame(lines).write_csv(path)
    return path


def test_the_last_line_is_one_object_with_the_figures(baskets: Path):
    done = benchmark("rules", "--data", str(baskets), "--min-count", "12")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["benchmark"] == "rules"
    assert figures["same"] is True
    goal = "corner: time ÷ XᵀX"
    assert figures["reached"] == {goal: figures["data"]["corner"]["over_product"] <= 1.5}
    assert f"{goal}: " in done.stdout
    corner = figures["data"]["corner"]
    lines = pl.read_csv(baskets).unique()
    pairs = (
        lines.join(lines, on="basket")
        .filter(pl.col("item") < pl.col("item_right"))
        .group_by("item", "item_right")
        .len()
        .filter(pl.col("len") >= 12)
    )
    assert corner["pairs"] == len(pairs) > 50
    assert corner["lines"] == len(lines)
    for subject in ("ours", "product", "mlxtend"):
        assert corner[subject]["seconds"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required: name"),
        (("speed",), "invalid choice: 'speed'"),
        (("rules", "--scale", "none"), "none is no positive number"),
        (("rules", "--data", "nowhere.csv"), "nowhere.csv is no file"),
        (("rules", "--data", "LICENSE"), "wanted basket and item"),
    ],
)
def test_what_cannot_run_ends_with_one_sentence(arguments: tuple[str, ...], message: str):
    done = benchmark(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_scale_multiplies_baskets_and_keeps_products(baskets: Path):
    shop = shop_of_file(baskets, min_count=None)
    one, more, less = (encoded(shop, scale=scale) for scale in (1, 2.5, 0.5))
    count = one["order"].n_unique()
    assert more["order"].n_unique() == 2 * count + (count + 1) // 2
    assert less["order"].n_unique() == (count + 1) // 2
    assert more["product"].n_unique() == one["product"].n_unique() == 25
    assert one.schema == {"order": pl.Int64, "product": pl.Int64}
