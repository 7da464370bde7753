"""Lifts of a group against everyone: by hand, against an independent formula, and covering what was planted."""

import math

import numpy as np
import polars as pl
import pytest

from precision.shop import columns as c
from segments.methods import lifts
from segments.methods.habits import DIMENSION, TIMES, VALUE


def of_people(rows: list[tuple[str, int, int]], *, group: int, everyone: int) -> pl.DataFrame:
    frame = pl.LazyFrame(rows, schema=["value", lifts.GROUP, lifts.EVERYONE], orient="row")
    sizes = [pl.lit(group).alias(lifts.GROUP_SIZE), pl.lit(everyone).alias(lifts.EVERYONE_SIZE)]
    return lifts.shares_of_people(frame.with_columns(sizes), by=["value"])


def people(
    rows: list[tuple[str, int, int]], *, group: int, everyone: int
) -> dict[str, tuple[float | None, ...]]:
    found = of_people(rows, group=group, everyone=everyone)
    names = (lifts.GROUP_SHARE, lifts.EVERYONE_SHARE, lifts.LIFT, lifts.LOW, lifts.HIGH)
    return {row[0]: row[1:] for row in found.select("value", *names).rows()}


def test_shares_of_people_by_hand() -> None:
    found = people([("tea", 30, 100), ("cups", 20, 400), ("none", 0, 50)], group=100, everyone=1000)
    share, of_all, lift, low, high = found["tea"]
    assert (share, of_all, lift) == pytest.approx((0.3, 0.1, 3.0))
    # Wilson: 30 of 100 is .2189 to .3958, 70 of 900 is .0620 to .0971; Donner and Zou give RR 2.6271 to 5.5215.
    assert (low, high) == pytest.approx((2.6271 / 1.16271, 5.5215 / 1.45215), rel=1e-4)
    assert found["none"][2] == 0.0
    assert found["none"][3] == 0.0  # the interval holds the lift itself
    # .03699 / √(.04242 × (2 × .05556 − .04242)) = .6853 of the others.
    assert found["none"][4] == pytest.approx(0.6853 / 0.96853, rel=1e-3)


def test_the_most_distinctive_comes_first_and_what_is_like_everyone_last() -> None:
    found = of_people([("like", 50, 500), ("more", 60, 200), ("less", 2, 300)], group=100, everyone=1_000)
    assert found["value"].to_list() == ["more", "less", "like"]
    assert found[lifts.DISTINCT].to_list()[-1] == 0.0
    # .6 of the group and .2 of everyone: what is surely so lies below the divergence of the two shares.
    surely = found[lifts.DISTINCT][0]
    assert 0 < surely < 0.6 * math.log(3) + 0.4 * math.log(0.4 / 0.8)
    p = 0.2 * found[lifts.LOW][0]
    assert surely == pytest.approx(p * math.log(p / 0.2) + (1 - p) * math.log((1 - p) / 0.8))


def test_a_large_lift_of_hardly_anybody_is_less_distinctive_than_a_small_one_of_many() -> None:
    found = of_people([("rare", 10, 12), ("many", 800, 5_000)], group=1_000, everyone=10_000)
    assert found["value"].to_list() == ["many", "rare"]
    assert found[lifts.LIFT].to_list() == pytest.approx([1.6, 8.33], abs=0.01)


@pytest.mark.parametrize(("group", "everyone"), [(0, 1000), (1, 1000), (9, 1000), (1000, 1000), (0, 0)])
def test_small_groups_and_everyone_have_no_interval(group: int, everyone: int) -> None:
    found = people([("tea", min(group, 1), min(everyone, 100))], group=group, everyone=everyone)
    share, _, lift, low, high = found["tea"]
    assert (low, high) == (None, None)
    assert (share is None) == (group == 0)
    assert lift is None or lift >= 0


def test_intervals_of_people_cover_the_true_lift() -> None:
    rng = np.random.default_rng(4)
    hits, rounds = 0, 400
    for _ in range(rounds):
        inside, outside = int(rng.binomial(200, 0.15)), int(rng.binomial(800, 0.05))
        _, _, _, low, high = people([("v", inside, inside + outside)], group=200, everyone=1000)["v"]
        assert low is not None
        assert high is not None
        hits += low <= 0.15 / 0.07 <= high
    assert 0.92 <= hits / rounds <= 0.985


def habits(rows: list[tuple[int, str, int]]) -> pl.LazyFrame:
    return pl.LazyFrame(
        [(person, "hour", value, times) for person, value, times in rows],
        schema=[c.CUSTOMER, DIMENSION, VALUE, TIMES],
        orient="row",
    )


def compared(frame: pl.LazyFrame, members: pl.Series) -> pl.DataFrame:
    part = frame.filter(pl.col(c.CUSTOMER).is_in(members.implode()))
    return lifts.shares_of_sums(lifts.sums(part, measure=TIMES), lifts.sums(frame, measure=TIMES))


def test_shares_of_sums_by_hand() -> None:
    rows = [(1, "8", 3), (1, "9", 1), (2, "8", 1), (3, "9", 5)]
    found = compared(habits(rows), pl.Series([1, 2]))
    by_value = {row[VALUE]: row for row in found.iter_rows(named=True)}
    eight = by_value["8"]
    assert (eight[lifts.GROUP], eight[lifts.EVERYONE]) == (2, 2)
    assert eight[lifts.GROUP_SHARE] == 4 / 5
    assert eight[lifts.EVERYONE_SHARE] == 4 / 10
    assert eight[lifts.LIFT] == 2.0
    assert eight[lifts.LOW] is None  # two people say nothing about others
    assert by_value["9"][lifts.LIFT] == pytest.approx(1 / 3)


def test_the_variance_of_sums_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(11)
    size, group = 300, 60
    x = rng.poisson(2.0, size) * rng.integers(0, 4, size)
    z = rng.poisson(3.0, size)
    rows = [(i, "a", int(x[i])) for i in range(size) if x[i]] + [
        (i, "b", int(z[i])) for i in range(size) if z[i]
    ]
    found = compared(habits(rows), pl.Series(list(range(group))))
    row = found.filter(pl.col(VALUE) == "a").row(0, named=True)
    y = x + z
    inside = np.arange(size) < group
    own, overall = x[inside].sum() / y[inside].sum(), x.sum() / y.sum()
    u = inside * (x - own * y) / (own * y[inside].sum()) - (x - overall * y) / (overall * y.sum())
    spread = 1.959964 * math.sqrt((u**2).sum())
    assert row[lifts.LIFT] == pytest.approx(own / overall)
    assert row[lifts.LOW] == pytest.approx(own / overall * math.exp(-spread), rel=1e-6)
    assert row[lifts.HIGH] == pytest.approx(own / overall * math.exp(spread), rel=1e-6)


def test_intervals_of_sums_cover_the_true_lift() -> None:
    rng = np.random.default_rng(5)
    size, group, rounds, hits = 400, 100, 150, 0
    # Contacts of a person are a gamma-Poisson number; each is by "app" with 0.4 within the group, 0.2 without.
    truth = 0.4 / (0.25 * 0.4 + 0.75 * 0.2)
    for _ in range(rounds):
        total = rng.poisson(rng.gamma(1.5, 4.0, size)) + 1
        app = rng.binomial(total, np.where(np.arange(size) < group, 0.4, 0.2))
        frame = pl.concat(
            [
                pl.DataFrame({c.CUSTOMER: np.arange(size), VALUE: name, TIMES: counts}).filter(
                    pl.col(TIMES) > 0
                )
                for name, counts in (("app", app), ("web", total - app))
            ]
        ).with_columns(pl.lit("channel").alias(DIMENSION))
        found = compared(frame.lazy(), pl.Series(np.arange(group)))
        low, high = found.filter(pl.col(VALUE) == "app").select(lifts.LOW, lifts.HIGH).row(0)
        hits += low <= truth <= high
    assert 0.9 <= hits / rounds <= 0.99


def test_what_only_a_handful_has_gets_no_interval() -> None:
    # Nine people of the group alone have it: their likeness would make a very narrow interval of nothing.
    rows = [(person, "a", 5) for person in range(9)] + [(person, "b", 7) for person in range(60)]
    found = compared(habits(rows), pl.Series(list(range(30))))
    row = found.filter(pl.col(VALUE) == "a").row(0, named=True)
    assert (row[lifts.GROUP], row[lifts.LOW], row[lifts.DISTINCT]) == (9, None, 0.0)
    assert row[lifts.LIFT] > 1


@pytest.mark.parametrize("members", [[], [1], [1, 2, 3]])
def test_sums_of_an_empty_group_of_one_and_of_all(members: list[int]) -> None:
    rows = [(1, "8", 3), (2, "8", 1), (3, "9", 5)]
    found = compared(habits(rows), pl.Series(members, dtype=pl.Int64))
    assert found[lifts.LOW].to_list() == [None, None]
    if not members:
        assert found[lifts.GROUP_SHARE].to_list() == [None, None]
    if len(members) == 3:
        assert found[lifts.LIFT].to_list() == [1.0, 1.0]
    members_ = pl.Series(members, dtype=pl.Int64)
    nothing = habits([]).cast({c.CUSTOMER: pl.Int64, TIMES: pl.Int64})
    assert compared(nothing, members_).height == 0


def test_means_by_hand_and_against_a_formula() -> None:
    rng = np.random.default_rng(2)
    value = np.concatenate([rng.normal(12, 3, 40), rng.normal(10, 2, 160)])
    frame = pl.DataFrame(
        {c.CUSTOMER: np.arange(200), "x": value, "same": 5, "thin": [1.0] * 3 + [None] * 197}
    )
    found = lifts.means(frame.lazy(), ["x", "same", "thin"], pl.Series(np.arange(40)))
    x = found.row(by_predicate=pl.col("label") == "x", named=True)
    sd = value.std(ddof=1)
    assert x["group_mean"] == pytest.approx(value[:40].mean())
    assert x["everyone_median"] == pytest.approx(np.median(value))
    assert x["difference"] == pytest.approx((value[:40].mean() - value.mean()) / sd)
    error = 0.8 * math.sqrt(value[:40].var(ddof=1) / 40 + value[40:].var(ddof=1) / 160) / sd
    assert x[lifts.LOW] == pytest.approx(x["difference"] - 1.959964 * error, rel=1e-6)
    same = found.row(by_predicate=pl.col("label") == "same", named=True)
    assert (same["difference"], same[lifts.LOW], same[lifts.DISTINCT]) == (None, None, 0.0)
    thin = found.row(by_predicate=pl.col("label") == "thin", named=True)
    assert (thin[lifts.GROUP], thin[lifts.LOW]) == (3, None)
    assert found["label"][0] == "x"


@pytest.mark.parametrize(
    ("lift", "low", "high", "text"),
    [
        (3.0, 2.5, 3.6, "3.0 times everyone's share (2.50 to 3.60)"),
        (0.4, 0.3, 0.5, "0.40 times everyone's share (0.30 to 0.50)"),
        (1.1, 0.9, 1.3, "about everyone's share (0.90 to 1.30 times)"),
        (2.0, None, None, "2.0 times everyone's share; too few people to say more"),
        (None, None, None, "nobody has it"),
    ],
)
def test_lifts_in_words(lift: float | None, low: float | None, high: float | None, text: str) -> None:
    assert lifts.in_words(lift, low, high) == text
