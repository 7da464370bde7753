"""Rows of a report, groups of customers and the weighted recall, worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from recommender import interactions
from recommender.evaluation import groups, report
from recommender.evaluation.metrics import new_share
from recommender.evaluation.weighted import weighted_recall
from tests.recommender.lines import frame, lazy


def sparse(*rows, width=8):
    matrix = np.zeros((len(rows), width))
    for row, items in enumerate(rows):
        matrix[row, list(items)] = 1
    return csr_matrix(matrix)


BOUGHT = sparse({0, 1}, {0}, {0, 2}, {7}, width=8)  # of four customers; the first three are judged
RELEVANT = sparse({0, 4}, {5}, set(), width=9)  # the ninth product was not sold before
OURS = np.array([[4, 0], [5, 6], [1, 2]], dtype=np.int32)
POPULAR = np.array([[0, 1], [0, -1], [-1, -1]], dtype=np.int32)
SELLABLE = np.array([True, True, True, False, True, True, True, True])
JUDGED = report.Judged(
    fold=0,
    which=report.ALL,
    relevant=RELEVANT,
    rows=np.array([0, 1, 2]),
    bought=BOUGHT,
    sellable=SELLABLE,
    groups={"class:A": np.array([True, False, False]), "class:B": np.array([False, False, True])},
)


def made(**more):
    found = report.rows(
        {"ours": OURS, "popular-7": POPULAR},
        JUDGED,
        baselines=["popular-7"],
        rng=np.random.default_rng(1),
        **more,
    )
    return {(row.model, row.group): row for row in found}


def test_rows_by_hand() -> None:
    rows = made()
    assert list(rows) == [
        (name, group) for group in ("all", "class:A", "class:B") for name in ("ours", "popular-7")
    ]
    ours, popular = rows["ours", "all"], rows["popular-7", "all"]
    assert (ours.customers, ours.undefined, ours.k) == (2, 1, 2)
    assert ours.recall == 1
    assert popular.recall == pytest.approx((1 / 2 + 0) / 2)
    assert popular.hit_rate == 0.5
    assert popular.ndcg == pytest.approx(1 / (1 + 1 / math.log2(3)) / 2)
    assert popular.map == pytest.approx(1 / 4)
    assert ours.coverage == pytest.approx(
        6 / 7
    )  # all but the seventh; the product that is not sold does not count
    assert popular.coverage == pytest.approx(2 / 7)
    # Of the listed: 4 new, 0 not; both new; 1 new, 2 not. Nobody else had 4, 5, 6; three had 0, one each of 1, 2, 7.
    assert ours.new_share == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert popular.new_share == pytest.approx((0 + 0) / 2)  # the third has no list
    bits = {0: -math.log2(4 / 5), 1: -math.log2(2 / 5), 4: -math.log2(1 / 5)}
    assert popular.novelty == pytest.approx(((bits[0] + bits[1]) / 2 + bits[0]) / 2)
    assert (ours.baseline, ours.gain) == ("popular-7", pytest.approx(0.75))
    assert ours.gain_low is not None
    assert ours.gain_low >= 0.5
    assert popular.gain is None  # it is the best baseline itself


def test_a_group_in_which_nobody_bought_is_undefined() -> None:
    row = made()["ours", "class:B"]
    assert (row.customers, row.undefined, row.recall, row.baseline, row.gain) == (0, 1, None, "", None)
    assert row.coverage == pytest.approx(2 / 7)
    assert made()["ours", "class:A"].gain_low is None  # no interval of one customer


def test_the_same_input_gives_the_same_rows() -> None:
    assert made() == made()


def test_refuses_lists_that_cannot_stand_side_by_side() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="baselines popular-9 have no list; there are ours"):
        report.rows({"ours": OURS}, JUDGED, baselines=["popular-9"], rng=rng)
    with pytest.raises(ValueError, match=r"wanted \(3 judged customers, k\)"):
        report.rows({"ours": OURS, "short": OURS[:, :1]}, JUDGED, baselines=[], rng=rng)
    with pytest.raises(ValueError, match=r"wanted \(3 judged customers, k\)"):
        report.rows({"ours": OURS[:2]}, JUDGED, baselines=[], rng=rng)


def test_weighted_recall_by_hand() -> None:
    clicks = sparse({4, 1}, {5, 6, 7}, set(), width=9)  # of ours: 1 of 2, 2 of (three, but two places)
    carts = sparse({4}, set(), {3}, width=9)  # 1 of 1, 0 of 1
    found = weighted_recall(OURS, {"clicks": clicks, "carts": carts, "orders": RELEVANT})
    assert found.of_kind == {"clicks": 3 / 4, "carts": 1 / 2, "orders": 1.0}
    assert found.customers == {"clicks": 2, "carts": 2, "orders": 2}
    assert found.value == pytest.approx(0.1 * 3 / 4 + 0.3 / 2 + 0.6)
    without = weighted_recall(OURS, {"clicks": clicks, "carts": sparse(set(), set(), set(), width=9)})
    assert without.value == pytest.approx(3 / 4)  # the only kind that was done has all the weight
    nobody = weighted_recall(OURS, {})
    assert (nobody.value, nobody.of_kind) == (None, {"clicks": None, "carts": None, "orders": None})
    with pytest.raises(ValueError, match="views has no weight"):
        weighted_recall(OURS, {"views": clicks})


def test_weighted_rows_only_where_there_is_behaviour() -> None:
    nothing = sparse(set(), set(), set(), width=9)
    assert report.weighted_rows({"ours": OURS}, {"orders": RELEVANT, "clicks": nothing}, fold=0) == []
    (row,) = report.weighted_rows(
        {"ours": OURS}, {"orders": RELEVANT, "clicks": sparse({4}, set(), set())}, fold=1
    )
    assert (row.which, row.fold, row.customers, row.undefined) == ("weighted", 1, 2, 1)
    assert row.recall == pytest.approx(1.0)
    assert row.parts == {"clicks": 1.0, "carts": None, "orders": 1.0}


def history(*rows, as_of=100):
    days = interactions.purchase_days(lazy(frame(*rows)), as_of_day=as_of)
    return interactions.collect(days, as_of_day=as_of)


def test_history_groups_count_days_with_a_purchase() -> None:
    found = history(
        (1, 1, 1, 50, 1), (1, 2, 2, 50, 1),  # two orders of one day
        (2, 3, 1, 50, 1), (2, 4, 1, 51, 1), (2, 5, 2, 51, 1),
        *((3, 10 + day, 1, 50 + day, 1) for day in range(10)),
    )  # fmt: skip
    counts = groups.purchase_day_counts(found)
    assert counts.tolist() == [1, 2, 10]
    masks = {name: mask.tolist() for name, mask in groups.by_history(counts).items()}
    assert masks == {
        "history:1": [True, False, False],
        "history:2-4": [False, True, False],
        "history:5-9": [False, False, False],
        "history:10+": [False, False, True],
    }
    assert groups.purchase_day_counts(history((1, 1, 1, 200, 1))).tolist() == []


def test_class_groups() -> None:
    masks = groups.by_class(np.array([3, 5, 9]), {"B": np.array([9]), "A": np.array([1, 3])})
    assert {name: mask.tolist() for name, mask in masks.items()} == {
        "class:A": [True, False, False],
        "class:B": [False, False, True],
    }


@st.composite
def worlds(draw):
    width, people = draw(st.integers(2, 12)), draw(st.integers(1, 6))
    k = draw(st.integers(1, width))
    items = np.array([draw(st.permutations(range(width)))[:k] for _ in range(people)], dtype=np.int32)
    for row in range(people):
        items[row, draw(st.integers(0, k)) :] = -1
    relevant = sparse(*(draw(st.sets(st.integers(0, width - 1))) for _ in range(people)), width=width)
    held = sparse(*(draw(st.sets(st.integers(0, width - 1))) for _ in range(people)), width=width)
    return items, relevant, held


@given(worlds())
def test_every_figure_stays_within_its_bounds(world) -> None:
    items, relevant, held = world
    people = len(items)
    judged = report.Judged(
        fold=0, which="all", relevant=relevant, rows=np.arange(people), bought=held,
        sellable=np.ones(held.shape[1], dtype=bool), groups=groups.by_history(np.arange(people)),
    )  # fmt: skip
    for row in report.rows({"a": items}, judged, baselines=["a"], rng=np.random.default_rng(0), samples=100):
        for value in (row.recall, row.ndcg, row.map, row.hit_rate, row.coverage, row.new_share):
            assert value is None or 0 <= value <= 1 + 1e-12
        assert row.novelty is None or row.novelty >= 0
        if row.recall is not None and row.hit_rate is not None and row.map is not None:
            assert row.map <= row.recall + 1e-12 <= row.hit_rate + 2e-12
        size = people if row.group == "all" else int(judged.groups[row.group].sum())
        assert row.customers + row.undefined == size
    shares = new_share(items, held)
    nothing = new_share(items, sparse(*(set() for _ in range(people)), width=held.shape[1]))
    listed = (items >= 0).any(axis=1)
    assert (nothing[listed] == 1).all()
    assert np.isnan(shares[~listed]).all()


@given(worlds())
def test_weighted_recall_of_one_kind_is_between_0_and_1_and_perfect_lists_reach_1(world) -> None:
    items, relevant, _ = world
    found = weighted_recall(items, {"orders": relevant})
    assert (found.value is None) == (relevant.nnz == 0)
    if found.value is not None:
        assert 0 <= found.value <= 1
        perfect = np.full((len(items), items.shape[1]), -1, dtype=np.int32)
        for row in range(len(items)):
            wanted = relevant.indices[relevant.indptr[row] : relevant.indptr[row + 1]][: items.shape[1]]
            perfect[row, : len(wanted)] = wanted
        assert weighted_recall(perfect, {"orders": relevant}).value == 1
