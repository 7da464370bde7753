"""The benchmark of recommendations on tables small enough to check, and what happens when the peer cannot be had."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from benchmarks import quality_lists, quality_rectools, quality_together
from benchmarks import quality_lists_baselines as baselines
from benchmarks.errors import BenchmarkError
from benchmarks.quality_lists_baselines import K, World
from benchmarks.quality_together import Hidden
from tests.recommender.lines import frame, lazy


def world(which: str) -> World:
    """People of two tastes over two months; each buys one thing more of their taste in the third."""
    rng = np.random.default_rng(2)
    rows = []
    for customer in range(30):
        taste = np.arange(customer % 2, 24, 2)
        for visit, day in enumerate((10, 30, 50)):
            rows += [
                (customer, customer * 10 + visit, int(each), day, 1) for each in rng.choice(taste, 3, False)
            ]
        rows.append((customer, customer * 10 + 9, int(rng.choice(taste)), 70, 1))
    return baselines.worlds(lazy(frame(*rows)), as_of_day=90, days=30)[which]


@pytest.mark.parametrize("which", ["new", "all"])
@pytest.mark.parametrize("name", baselines.DEFAULTS)
def test_every_baseline_lists_each_product_once_and_nothing_held_where_only_new_counts(
    name: str, which: str
) -> None:
    judged = world(which)
    items = baselines.DEFAULTS[name](judged)
    assert items.shape == (len(judged.rows), K)
    for row, listed in zip(judged.rows, items, strict=True):
        shown = listed[listed >= 0].tolist()
        assert len(set(shown)) == len(shown)
        if which == "new":
            assert not set(shown) & set(judged.bought[row].indices.tolist())


def test_popularity_by_hand() -> None:
    rows = [(1, 1, 7, 55, 1), (2, 2, 7, 56, 1), (2, 3, 8, 57, 1), (3, 4, 9, 40, 1), (1, 5, 8, 70, 1)]
    judged = baselines.worlds(lazy(frame(*rows)), as_of_day=90, days=30)["all"]
    assert judged.history.products.tolist() == [7, 8, 9]
    assert baselines.popular(judged, days=7)[0, :3].tolist() == [
        0,
        1,
        -1,
    ]  # the third was sold before the week
    assert baselines.popular(judged, days=30)[0, :3].tolist() == [0, 1, 2]


def test_ease_is_the_closed_form() -> None:
    judged = world("all")
    held = judged.binary.toarray()
    inverse = np.linalg.inv(held.T @ held + baselines.EASE_L2 * np.eye(held.shape[1]))
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    scores = held[judged.rows] @ weights
    items = baselines.ease(judged)
    got = np.take_along_axis(scores, items.astype(np.int64), axis=1)
    np.testing.assert_allclose(got, -np.sort(-scores, axis=1)[:, :K], atol=1e-6)


def test_figures_say_how_far_ours_is_above() -> None:
    judged = world("all")
    # Of the 24 products 20 fit into a list; the first two tell the models apart.
    lists = {name: make(judged) for name, make in baselines.DEFAULTS.items()}
    for items in lists.values():
        items[:, 2:] = -1
    truth = np.full((len(judged.rows), K), -1, dtype=np.int32)
    for row in range(len(judged.rows)):
        wanted = judged.relevant[row].indices
        truth[row, : len(wanted)] = wanted
    found = quality_lists.compared(judged, {**lists, "ours": truth}, goal=0.9, ratio=1.1)
    assert (found["ours"], found["reached"], found["ratio_reached"]) == (1.0, True, True)
    assert found["best_default"]["name"] in baselines.DEFAULTS
    assert found["best_default"]["excludes_0"]
    worse = quality_lists.compared(judged, {**lists, "ours": np.full_like(truth, -1)}, goal=0.9)
    assert (worse["ours"], worse["reached"], worse["ratio_reached"]) == (0.0, False, None)
    assert worse["best_other"]["difference"] < 0


def test_a_peer_that_cannot_be_installed_is_told_and_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text("no-such-distribution-of-ours @ file:///nowhere/at/all\n", encoding="utf-8")
    monkeypatch.setattr(quality_rectools, "LOCK", lock)
    monkeypatch.setattr(quality_rectools.venv, "create", lambda home, **_: Path(home).mkdir(parents=True))
    peer = quality_rectools.environment(tmp_path / "var")
    assert peer.python is None
    assert "could not be installed" in peer.reason
    listed = quality_rectools.recommended(world("new"), peer)
    assert (listed.lists, listed.reason) == ({}, peer.reason)


def test_a_peer_that_fails_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho it broke >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    listed = quality_rectools.recommended(world("new"), quality_rectools.Peer(broken))
    assert listed.lists == {}
    assert "it broke" in listed.reason


def hidden(**more: Any) -> Hidden:
    """Two learned baskets of a and b, one of a and c, one of c alone; hidden is b beside a, and c beside a."""
    learned = csr_matrix(np.array([[1.0, 1, 0], [1, 1, 0], [1, 0, 1], [0, 0, 1]]))
    asked = csr_matrix(np.array([[1.0, 0, 0], [1, 0, 0]]))
    return Hidden(**{"learned": learned, "ages": None, "asked": asked, "wanted": np.array([1, 2]), **more})


def test_rules_of_pairs_by_hand() -> None:
    confidence = quality_together.SCORES["confidence sum"](hidden())
    np.testing.assert_allclose(confidence.toarray(), [[0, 2 / 3, 1 / 3], [1, 0, 0], [1 / 2, 0, 0]])  # type: ignore[union-attr]
    lift = quality_together.SCORES["raw lift"](hidden())
    np.testing.assert_allclose(lift.toarray()[0], [0, 2 / 6, 1 / 6])  # type: ignore[union-attr]


def test_hits_count_the_hidden_product_among_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_together, "SHOWN", 1)
    told = hidden()
    for name in ("ours", "confidence sum", "cosine"):
        assert quality_together.hits(told, quality_together.SCORES[name](told)).tolist() == [1, 0], name
    # Equal scores: the hidden product comes last, so that a score that cannot tell is not lucky.
    assert quality_together.hits(told, np.ones(3)).tolist() == [0, 0]
    assert quality_together.hits(told, np.zeros(3)).tolist() == [0, 0]
    monkeypatch.setattr(quality_together, "SHOWN", 2)
    assert quality_together.hits(told, np.ones(3)).tolist() == [1, 1]


def test_files_of_baskets(tmp_path: Path) -> None:
    path = tmp_path / "small.parquet"
    rows = [(basket, item) for basket in range(50) for item in (basket % 3, 3 + basket % 3, 6 + basket % 3)]
    pl.DataFrame(rows, schema=["basket", "item"], orient="row").write_parquet(path)
    told = quality_together.hidden_of_file(path)
    assert len(told.wanted) == 10  # a fifth
    assert told.learned.shape[0] == 40
    assert (np.diff(told.asked.indptr) == 2).all()
    for row, item in enumerate(told.wanted):
        assert item not in told.asked[row].indices
    found = quality_together.measured(told)
    assert found["hit_rate"]["ours"] == 1.0
    assert found["ours_above"]["raw lift"]["ratio"] is not None
    lonely = tmp_path / "lonely.parquet"
    pl.DataFrame({"basket": [1, 2], "item": [1, 1]}).write_parquet(lonely)
    with pytest.raises(BenchmarkError, match="has 0 baskets of two and more products"):
        quality_together.hidden_of_file(lonely)
