"""Steps up by hand: which goods are offered above one, in which order, within which price."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.methods.up import Goods, steps_up

NAN = float("nan")


def goods(*rows: tuple[float, float, float, int]) -> Goods:
    """Rows of (price, position, cost, lines)."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    return Goods(
        price=table[:, 0], position=table[:, 1], cost=table[:, 2], lines=table[:, 3].astype(np.int64)
    )


def offered(found: Goods, *, accepted: float | None = None, chosen: int = 0) -> list[tuple[int, str]]:
    return [(step.option, step.why) for step in steps_up(found, chosen=chosen, accepted=accepted)]


def test_a_higher_tier_within_twice_the_price() -> None:
    kind = goods(
        (10, 0.3, NAN, 0),
        (15, 0.5, NAN, 9),
        (20, 0.7, NAN, 9),  # just twice
        (21, 0.8, NAN, 99),  # beyond
        (15, 0.3, NAN, 99),  # dearer, of no higher tier
        (9, 0.6, NAN, 99),  # of a higher tier, and cheaper
        (15, NAN, NAN, 99),  # of a tier that nobody knows
    )
    assert offered(kind) == [(2, "quality"), (1, "quality")]


def test_the_score_is_what_an_offer_may_bring() -> None:
    kind = goods((10, 0.1, NAN, 0), (15, 0.5, NAN, 9), (20, 0.7, NAN, 4))
    first, second = steps_up(kind, chosen=0)
    # take 10/16 and 5/16; (10/15)² × 5 and (10/20)² × 10.
    assert (first.option, second.option) == (1, 2)
    assert first.score == pytest.approx(10 / 16 * (2 / 3) ** 2 * 5)
    assert second.score == pytest.approx(5 / 16 * 0.25 * 10)


def test_what_is_alike_goes_before_what_brings_more() -> None:
    kind = goods((10, 0.1, NAN, 0), (15, 0.5, NAN, 9), (15, 0.5, NAN, 4))
    assert [step.option for step in steps_up(kind, chosen=0)] == [1, 2]
    plain = {step.option: step.score for step in steps_up(kind, chosen=0)}
    first, second = steps_up(kind, chosen=0, likeness=np.array([1.0, 0.0, 0.5]))
    assert (first.option, second.option) == (2, 1), "what is unlike stays, far behind"
    assert first.score == pytest.approx(0.6 * plain[2])
    assert second.score == pytest.approx(0.1 * plain[1])


def test_the_accepted_band_goes_before_the_multiple() -> None:
    kind = goods((10, 0.3, NAN, 0), (15, 0.5, NAN, 1), (60, 0.85, NAN, 1), (19, 0.95, NAN, 1))
    assert {option for option, _ in offered(kind, accepted=0.9)} == {1, 2}
    assert {option for option, _ in offered(kind, accepted=0.6)} == {1}
    assert (
        offered(kind, accepted=0.1) == []
    )  # what they have just bought is above their band: nothing above that
    assert {option for option, _ in offered(kind)} == {1, 3}


def test_more_margin_at_no_lower_price() -> None:
    kind = goods(
        (10, 0.5, 8, 0),  # earns 2
        (10, 0.5, 4, 0),  # the same price, earns 6
        (12, 0.4, 11, 0),  # dearer, earns 1
        (9, 0.4, 1, 0),  # earns 8, but cheaper: the order would be worth less
        (11, 0.5, 8, 0),  # earns 3
    )
    assert offered(kind) == [(1, "margin"), (4, "margin")]


def test_a_step_in_quality_that_earns_less_is_not_offered() -> None:
    kind = goods((10, 0.2, 2, 0), (12, 0.6, 11, 0), (14, 0.7, 5, 0))
    assert offered(kind) == [(2, "quality")]


def test_an_unknown_cost_is_the_median_share_of_the_kind() -> None:
    kind = goods((10, 0.2, 5, 0), (12, 0.4, 6, 0), (16, 0.6, NAN, 0))
    found = {step.option: step for step in steps_up(kind, chosen=0)}
    # Half of the price: 16 − 8 earns 3 more than 10 − 5.
    assert found[2].score == pytest.approx(1 / 3 * (10 / 16) ** 2 * 3)
    # A margin that is only reckoned shows no alternative of the same tier.
    assert offered(goods((10, 0.2, 5, 0), (12, 0.2, NAN, 0))) == []


def test_nothing_to_compare_with() -> None:
    assert offered(goods((10, 0.2, NAN, 0))) == []
    assert offered(goods((NAN, 0.2, NAN, 0), (12, 0.3, NAN, 0))) == []
    assert offered(goods((0, 0.2, NAN, 0), (12, 0.3, NAN, 0))) == []
    assert offered(goods((10, NAN, NAN, 0), (12, 0.3, NAN, 0))) == []
    with pytest.raises(ValueError, match="wanted a place among 1 goods"):
        steps_up(goods((10, 0.2, NAN, 0)), chosen=1)


NUMBERS = st.one_of(st.just(NAN), st.floats(0, 1))


@given(
    st.lists(
        st.tuples(st.one_of(st.just(NAN), st.floats(0, 1e6)), NUMBERS, NUMBERS, st.integers(0, 10**9)),
        min_size=1,
        max_size=8,
    ),
    st.one_of(st.none(), st.floats(0, 1)),
)
def test_scores_are_finite_and_never_rise(rows: list[tuple], accepted: float | None) -> None:
    found = goods(*rows)
    steps = steps_up(found, chosen=0, accepted=accepted)
    scores = [step.score for step in steps]
    assert all(np.isfinite(score) and score > 0 for score in scores)
    assert scores == sorted(scores, reverse=True)
    assert all(found.price[step.option] >= found.price[0] for step in steps)
    assert len({step.option for step in steps} | {0}) == len(steps) + 1
