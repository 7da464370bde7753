"""The benchmark of recommendations on tables small enough to check, and what happens when the peer cannot be had."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from benchmarks import quality_lists, quality_rectools, quality_together
from benchmarks import quality_lists_baselines as baselines
from benchmarks.__main__ import main
from benchmarks.errors import BenchmarkError
from benchmarks.quality_lists_baselines import K, World
from benchmarks.quality_shops import Shops
from benchmarks.quality_together import Hidden
from tests.benchmarks import tiny_shops
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
    best = found["best_default"]["name"]
    assert (found["ours"], found["reached"]) == (1.0, {"recall": True, f"times {best}": True})
    assert found["best_default"]["name"] in baselines.DEFAULTS
    assert found["best_default"]["excludes_0"]
    worse = quality_lists.compared(judged, {**lists, "ours": np.full_like(truth, -1)}, goal=0.9)
    assert (worse["ours"], worse["reached"]) == (0.0, {"recall": False})
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
    listed = quality_rectools.recommended({"new": world("new")}, peer)["new"]
    assert (listed.lists, listed.reason) == ({}, peer.reason)


def test_a_peer_that_fails_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho it broke >&2\nexit 3\n", encoding="utf-8")
    broken.chmod(0o755)
    listed = quality_rectools.recommended({"new": world("new")}, quality_rectools.Peer(broken))["new"]
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


def test_lists_and_together_run_to_their_end_on_tiny_shops_and_say_that_the_peer_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = quality_rectools.Peer(None, "rectools could not be installed: no index answers")
    monkeypatch.setattr(quality_rectools, "environment", lambda: missing)
    folder = tiny_shops.write(tmp_path)
    assert main(["quality", "--only", "recommendations", "--facts", str(folder)]) == 0
    said = capsys.readouterr().out
    found = json.loads(said.splitlines()[-1])
    assert said.count("the peer is missing: rectools could not be installed: no index answers") == 4
    for key in ("gifts", "grocer"):
        for which in ("new", "all"):
            figures = found["lists"][key][which]
            assert figures["peer_missing"] == missing.reason
            assert {*baselines.DEFAULTS, "ours", "ours, blended", "ours, ease alone"} <= set(
                figures["models"]
            )
            assert figures["customers"] > 20
            assert figures["best_default"]["recall"] == max(
                figures["models"][name]["recall"] for name in baselines.DEFAULTS
            )
            recall = figures["models"]["ours"]["recall"]
            assert figures["reached"]["recall"] is (recall >= quality_lists.GOALS[key, which])
        assert "personal frequency" in found["lists"][key]["all"]["models"]
        # Who comes back to six products of theirs is told better than by what sells to everybody.
        assert (
            found["lists"][key]["all"]["models"]["ours"]["recall"]
            > (found["lists"][key]["all"]["models"]["popularity 90 days"]["recall"])
        )
        together = found["together"][key]
        assert set(together["hit_rate"]) == set(quality_together.SCORES)
        assert together["baskets"] > 500
        assert together["reached"] is all(
            together["ours_above"][name]["excludes_0"] for name in quality_together.COMPARED
        )
        assert together["hit_rate"]["ours"] > together["hit_rate"]["popularity"]


def test_a_shop_of_one_day_has_nothing_to_learn_from(tmp_path: Path) -> None:
    path = tiny_shops.write(tmp_path) / "gifts" / "lines.parquet"
    pl.read_parquet(path).with_columns(pl.lit(5, dtype=pl.Int64).alias("day")).write_parquet(path)
    with pytest.raises(BenchmarkError, match="are of day 5 or later"):
        quality_together.hidden_of_shop(Shops(tmp_path).gifts)


def test_lists_of_the_peer_stand_beside_ours(tmp_path: Path) -> None:
    """A stand-in for the environment of the peer: it reads what the peer reads and writes what the peer writes."""
    script = tmp_path / "python"
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys\nimport numpy as np\n"
        "given, out = np.load(sys.argv[-2]), {'errors': np.array(['EASE: too large'])}\n"
        "for which, new_only in zip(given['worlds'], given['new_only']):\n"
        "    items = np.full((len(given['judged']), int(given['k'])), -1, dtype=np.int32)\n"
        "    items[:, int(new_only)] = np.bincount(given['column']).argmax()\n"
        "    out[f'{which} popular'] = items\n"
        "np.savez(sys.argv[-1], **out)\n",
        encoding="utf-8",
    )
    script.chmod(0o755)
    worlds = {which: world(which) for which in ("new", "all")}
    listed = quality_rectools.recommended(worlds, quality_rectools.Peer(script))
    for place, which in enumerate(("all", "new")):
        judged = worlds[which]
        most = int(np.bincount(judged.history.column).argmax())
        assert listed[which].reason == "EASE: too large"
        assert list(listed[which].lists) == ["popular"]
        assert listed[which].lists["popular"].shape == (len(judged.rows), K)
        assert (listed[which].lists["popular"][:, place] == most).all()
