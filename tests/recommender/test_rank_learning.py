"""Learning a ranker: what it finds, when it stays silent, and that the same input gives the same lists."""

from dataclasses import replace
from functools import cache

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from precision.engine.backends.local import LocalEngine
from precision.shop.columns import STORE
from recommender.candidates import personal
from recommender.ranking import candidates, descriptions, features, judging, learning, serving
from recommender.ranking.boosting import BINARY, Setting
from recommender.ranking.cuts import ALL, Learning
from recommender.ranking.learning import Learned
from tests.recommender.lines import frame, known

DAY = 600
INTERVAL = 120
SMALL = Setting(objective=BINARY, trees=40, leaves=7, learning_rate=0.2, least_rows=20)
HOW = Learning(cuts=(1, 2, 3, 4), year=False, settings=(SMALL,))


def rhythm(*, customers: int = 40, products: int = 60, each: int = 40) -> pl.DataFrame:
    """Everybody buys each of their products every INTERVAL days, in a phase of its own: a quarter is due each month."""
    rng = np.random.default_rng(5)
    rows = []
    for customer in range(customers):
        for product in rng.choice(products, size=each, replace=False):
            phase = int(rng.integers(INTERVAL))
            rows += [
                (customer, customer * DAY + day, int(product), day, 1) for day in range(phase, DAY, INTERVAL)
            ]
    return frame(*rows).with_columns(pl.lit(None, dtype=pl.Int64).alias(STORE))


def learn(table: pl.DataFrame, *, how: Learning = HOW, day: int = DAY) -> Learned:
    return learning.learn(LocalEngine(), known(nw.from_native(table.lazy())), as_of_day=day, how=how)


@cache
def found() -> Learned:
    return learn(rhythm())


def test_the_ranker_finds_a_rhythm_that_popularity_and_the_blend_do_not() -> None:
    learned = found()
    assert learned.ranker is not None, learned.reason
    told = learned.report[ALL]
    # 10 of 40 are due, and a list of 20 can hold them all; what was bought lately is just what is not due.
    assert told["ranker"] > 0.9
    assert told["blend"] < 0.6
    assert max(told[name] for name in personal.POPULAR.values()) < 0.6
    assert learned.report["quality"][ALL]["ours"] == pytest.approx(told["ranker"])
    assert learned.report["quality"][ALL]["low"] > 0
    rhythms = {"days since", "overdue", "overdue usual", "own 15", "own 60", "own 200"}
    assert rhythms & set(list(learned.report["importance"][candidates.REPEAT])[:3])


def test_the_same_input_gives_the_same_ranker_and_the_same_lists() -> None:
    table = rhythm()
    again = learn(table.sample(fraction=1, shuffle=True, seed=3))
    first, second = found().ranker, again.ranker
    assert first is not None
    assert second is not None
    assert first.state() == second.state()
    restored = serving.restore(first.state())
    assert restored is not None
    np.testing.assert_array_equal(lists_of(table, first), lists_of(table, restored))


def prepared(table: pl.DataFrame) -> features.Known:
    facts = known(nw.from_native(table.lazy()))
    sources = facts.sources(LocalEngine(), as_of_day=DAY, rng=np.random.default_rng(1))
    described = descriptions.describe(sources.history.products, facts.goods.catalogue)
    return features.prepare(sources, facts.lines, described)


def lists_of(table: pl.DataFrame, ranker: serving.Ranker) -> np.ndarray:
    ready = prepared(table)
    sources = ready.sources
    rows = np.arange(len(sources.history.customers))
    allowed = np.ones(len(sources.history.products), dtype=np.bool_)
    allowed[0] = False
    parts = serving.rank(LocalEngine(), ranker, ready, rows, lengths={candidates.REPEAT: 20}, allowed=allowed)
    lists = [each[candidates.REPEAT] for _, each in parts]
    for each in lists:
        assert np.isfinite(each.scores).all()
        assert ((each.scores > 0) == (each.items >= 0)).all()
        assert not (each.items == 0).any()  # what is not allowed is not there
        assert (np.diff(each.scores, axis=1) <= 0).all()
        assert {each.names[at] for at in each.sources[each.items >= 0]} == {personal.BUY_AGAIN}
    return np.concatenate([each.items for each in lists])


def test_too_few_positives_leave_the_blend() -> None:
    learned = learn(rhythm(), how=replace(HOW, least_positives=1_000_000))
    assert learned.ranker is None
    assert "at least 1,000,000 wanted" in learned.reason
    assert learned.report["quality"][ALL]["ours"] is not None  # of the blend


@pytest.mark.parametrize(
    "rows", [[(1, 1, 10, DAY - 5, 1)], [(1, 1, 10, DAY - 50, 1), (1, 2, 10, DAY - 5, 1)]]
)
def test_a_shop_with_next_to_nothing_says_why(rows: list[tuple[int, ...]]) -> None:
    learned = learn(frame(*rows).with_columns(pl.lit(None, dtype=pl.Int64).alias(STORE)))
    assert learned.ranker is None
    assert learned.reason


def test_an_empty_shop_says_why() -> None:
    learned = learn(frame((1, 1, 1, 1, 1)).with_columns(pl.lit(1).alias(STORE)).clear())
    assert learned.ranker is None
    assert "Nobody" in learned.reason


def test_the_gate_refuses_a_ranker_that_is_worse_than_popularity(monkeypatch: pytest.MonkeyPatch) -> None:
    odds = judging.odds
    monkeypatch.setattr(
        judging, "odds", lambda *given: {kind: -values for kind, values in odds(*given).items()}
    )
    learned = learn(rhythm())
    assert learned.ranker is None
    assert learned.reason.startswith("Refused")
    assert not learned.report[ALL]["promoted"]
    # What is shown is the quality of what serves: the blend.
    assert learned.report["quality"][ALL]["ours"] == pytest.approx(learned.report[ALL]["blend"])


def test_the_share_lifts_new_items_against_repeats() -> None:
    odds = {candidates.NEW: np.array([0.0]), candidates.REPEAT: np.array([0.5])}
    lifted = serving.lifted(odds, 1.0)
    assert lifted[candidates.NEW].tolist() == [1.0]
    assert lifted[candidates.REPEAT].tolist() == [0.5]


def test_other_features_than_those_learned_are_refused_by_name() -> None:
    ranker = found().ranker
    assert ranker is not None
    (boosted,) = ranker.boosters[candidates.REPEAT].members
    empty = features.Table(
        pairs=features.Pairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0, 0),
        names=(*boosted.names[1:], "weather"),
        values=np.zeros((0, len(boosted.names)), dtype=np.float32),
    )
    with pytest.raises(ValueError, match="weather"):
        boosted.scores(empty)
    assert serving.restore({}) is None


def test_screening_keeps_the_order_and_the_best() -> None:
    ranker = found().ranker
    assert ranker is not None
    committee = ranker.boosters[candidates.REPEAT]
    table = candidates.tables(LocalEngine(), prepared(rhythm()), np.arange(10))[candidates.REPEAT]
    whole = committee.log_odds(table)
    np.testing.assert_array_equal(committee.screened(table, n=1_000), whole)
    some = committee.screened(table, n=12)
    assert np.isfinite(some).all()
    for row in range(10):
        of_row = table.pairs.row == row
        best = np.sort(some[of_row])[::-1]
        assert set(best[:12]) <= set(whole[of_row])  # all trees have looked at these
        assert best[11] > best[12]
        due = int((whole[of_row] > 0).sum())
        assert (whole[of_row][np.argsort(-some[of_row])][: min(due, 12)] > 0).all()
