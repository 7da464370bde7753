"""Best-sellers of a customer's own categories and of their price class; the numbers are worked out by hand."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from precision.shop.columns import CATEGORY, UNIT_PRICE_E4
from recommender.candidates import groups
from recommender.candidates.groups import NO_GROUP, NORMALISED
from recommender.interactions import History, collect, purchase_days
from tests.recommender.lines import frame, lazy

AS_OF = 100


def history(*rows: tuple[int | None, ...]) -> History:
    return collect(purchase_days(lazy(frame(*rows)), as_of_day=AS_OF), as_of_day=AS_OF)


def sparse(*rows: list[float]) -> csr_matrix:
    return csr_matrix(np.array(rows, dtype=np.float32))


def test_own_categories_by_hand() -> None:
    # Products 0 and 1 are tea with 3 and 1 buyers, 2 is a cup with 2, 3 has no category.
    weights = sparse([2, 0, 0, 0], [1, 0, 1, 5], [0, 0, 0, 1])
    made = groups.by_category(weights, np.array([0, 0, 1, NO_GROUP]), np.array([3.0, 1.0, 2.0, 9.0]))
    assert made.members.toarray().tolist() == [[2, 0], [1, 1], [0, 0]]
    tea, cup = 4**NORMALISED, 2**NORMALISED
    assert made.best.toarray() == pytest.approx(np.array([[3 / tea, 1 / tea, 0, 0], [0, 0, 2 / cup, 0]]))
    found = groups.recommend(made, k=3)
    assert found.items.tolist() == [[0, 1, -1], [2, 0, 1], [-1, -1, -1]]
    assert found.scores[0].tolist() == pytest.approx([2 * 3 / tea, 2 / tea, 0])
    some = groups.recommend(made, k=2, rows=np.array([1]), exclude=sparse([0, 0, 1, 0]))
    assert some.items.tolist() == [[0, 1]]


def test_only_the_best_of_a_category_are_kept() -> None:
    made = groups.by_category(sparse([1, 0, 0]), np.zeros(3, dtype=np.int64), np.array([1.0, 3.0, 2.0]), n=2)
    assert groups.recommend(made, k=3).items.tolist() == [[1, 2, -1]]


def test_a_class_counts_each_buyer_once_and_only_lately() -> None:
    known = history(
        (1, 1, 10, 99, 1), (1, 2, 10, 98, 1), (1, 3, 30, 60, 1), (2, 4, 20, 99, 1), (3, 5, 20, 99, 1), (4, 6, 10, 99, 1)
    )  # fmt: skip
    made = groups.by_class(known, np.array([0, 0, 1, NO_GROUP]), days=30)
    assert known.products.tolist() == [10, 20, 30]
    # Of class 0 one bought 10, twice, and one 20; 30 was 40 days ago. Customer 4 is in no class.
    assert made.best.toarray().tolist() == [[1, 1, 0], [0, 1, 0]]
    assert groups.recommend(made, k=2).items.tolist() == [[0, 1], [0, 1], [1, -1], [-1, -1]]


def test_customers_of_named_classes() -> None:
    customers = np.array([3, 5, 9])
    classes = {"B": np.array([5, 7]), "A": np.array([9])}
    assert groups.named(customers, classes).tolist() == [NO_GROUP, 1, 0]
    assert groups.named(customers, {}).tolist() == [NO_GROUP] * 3


def test_categories_are_those_of_the_lines_or_else_of_today() -> None:
    table = frame((1, 1, 10, 90, 1), (1, 2, 10, 91, 1), (1, 3, 20, 90, 1), (1, 4, 30, 200, 1))
    table = table.with_columns(
        table[CATEGORY].scatter([0, 1, 3], [700, 500, 600])
    )  # 20 has none, and day 200 is after the day
    products = np.array([10, 20, 30])
    found = groups.product_categories(lazy(table), as_of_day=AS_OF, products=products)
    assert found.tolist() == [0, NO_GROUP, NO_GROUP]
    told = np.array([NO_GROUP, 900, 700])
    both = groups.product_categories(lazy(table), as_of_day=AS_OF, products=products, otherwise=told)
    assert both.tolist() == [0, 1, 0], "numbered in the order of ids; 700 and 700 are one"


def test_prices_are_the_mean_of_what_was_paid() -> None:
    table = frame(
        (1, 1, 10, 90, 1), (1, 2, 10, 91, 5), (1, 3, 10, 92, -1), (1, 4, 20, 90, 1), (1, 5, 10, 150, 1)
    )
    table = table.with_columns(
        table[UNIT_PRICE_E4].scatter([0, 1, 2, 3, 4], [10_000, 30_000, 90_000, 0, 70_000])
    )
    prices = groups.product_prices(lazy(table), as_of_day=AS_OF, products=np.array([10, 20]))
    assert prices[0] == 20_000, "a return and a later day do not count, and units do not weigh"
    assert np.isnan(prices[1]), "a price of 0 is none"


def test_price_levels_are_equal_thirds_within_the_category() -> None:
    # Tea costs 1, 2, 4; cars 100, 200, 400: a buyer of the cheapest car is no dear customer.
    prices = np.array([1.0, 2, 4, 100, 200, 400, np.nan])
    categories = np.array([0, 0, 0, 1, 1, 1, NO_GROUP])
    weights = csr_matrix(np.vstack([np.eye(7), np.zeros((1, 7))]).astype(np.float32))
    found = groups.price_levels(weights, prices, categories)
    assert found.tolist() == [0, 1, 2, 0, 1, 2, NO_GROUP, NO_GROUP]


def test_nobody_and_nothing() -> None:
    none = csr_matrix((0, 0), dtype=np.float32)
    empty = np.zeros(0, dtype=np.int64)
    for made in (
        groups.by_category(none, empty, np.zeros(0)),
        groups.by_class(history(), empty),
        groups.by_class(history((1, 1, 10, 99, 1)), np.array([NO_GROUP])),
    ):
        found = groups.recommend(made, k=3)
        assert found.items.shape == (made.members.shape[0], 3)
        assert (found.items == -1).all()
    assert groups.price_levels(none, np.zeros(0), empty).tolist() == []
    assert groups.product_categories(lazy(frame()), as_of_day=AS_OF, products=empty).tolist() == []
    assert groups.product_prices(lazy(frame()), as_of_day=AS_OF, products=empty).tolist() == []


def test_one_customer_and_one_product() -> None:
    weights = sparse([3])
    made = groups.by_category(weights, np.array([0]), np.array([1.0]))
    assert groups.recommend(made, k=2).items.tolist() == [[0, -1]]
    assert groups.recommend(made, k=2, exclude=weights).items.tolist() == [[-1, -1]]
    assert groups.price_levels(weights, np.array([5.0]), np.array([0])).tolist() == [0]
