"""Features of pairs: by hand, and blind to what comes after their day."""

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix

from precision.engine.backends.local import LocalEngine
from precision.engine.results import TopItems
from precision.shop.columns import CATEGORY, STORE, UNIT_PRICE_E4
from recommender.candidates import personal
from recommender.ranking import candidates, descriptions, features, pairs
from recommender.ranking.descriptions import Catalogue
from recommender.ranking.features import Known, Table
from tests.recommender.lines import frame, two_tastes

DAY_0 = 100


def stored(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(pl.lit(None, dtype=pl.Int64).alias(STORE))


def known(table: pl.DataFrame, *, titles: dict[int, str] | None = None, day: int = DAY_0) -> Known:
    lines = nw.from_native(table.lazy())
    sources = personal.fit(LocalEngine(), lines, as_of_day=day, rng=np.random.default_rng(1))
    names = titles or {}
    catalogue = Catalogue(
        np.array(sorted(names), dtype=np.int64), [names[at] for at in sorted(names)], [""] * len(names)
    )
    return features.prepare(sources, lines, descriptions.describe(sources.history.products, catalogue))


def table_of_pairs(found: features.Known, asked: TopItems, rows: list[int]) -> features.Table:
    """The features of the asked items of the customers at `rows`."""
    return features.table(
        LocalEngine(), found, {"x": asked}, np.array(rows), repeated=False, weights={"x": 1.0}, most=100
    )


def table_of(found: Known, kind: str) -> Table:
    return candidates.tables(LocalEngine(), found, np.arange(len(found.sources.history.customers)))[kind]


def value(found: Known, table: Table, name: str, customer: int, product: int) -> float:
    row = int(np.searchsorted(found.sources.history.customers, customer))
    item = int(np.searchsorted(found.sources.history.products, product))
    (at,) = np.flatnonzero((table.pairs.row == row) & (table.pairs.item == item))
    return float(table.values[at, table.names.index(name)])


# Customer 1 buys product 10 on days 40, 60, 80 and 11 on day 80; customer 2 buys 10 on day 95 and 12 on day 99.
BY_HAND = stored(
    frame(
        (1, 1, 10, 40, 1), (1, 2, 10, 60, 1), (1, 3, 10, 80, 1), (1, 3, 11, 80, 1),
        (2, 4, 10, 95, 2), (2, 5, 12, 99, 1),
    )
)  # fmt: skip


def test_what_repeats_by_hand() -> None:
    found = known(BY_HAND)
    table = table_of(found, candidates.REPEAT)
    expected = {
        "times": 3, "days since": 20, "own interval": 20, "overdue": 1, "share of visits": 1, "visits since": 0,
        "in last order": 1, "days since first": 60, "share since first": 1,
        "own 60": sum(2 ** (-age / 60) for age in (60, 40, 20)),
        # of the product
        "buyers": 2, "buyers 7": 1, "new buyers 7": 1, "new buyers 30": 1, "product age": 60, "product idle": 5,
        "days a buyer": 2, "price": 10_000,
        # of the customer
        "visits": 3, "customer idle": 20, "tenure": 60, "mean interval": 20, "products": 2, "new share": 0.5,
        "price ratio": 0,
    }  # fmt: skip
    for name, wanted in expected.items():
        assert value(found, table, name, 1, 10) == pytest.approx(wanted, rel=1e-5), name
    assert np.isnan(value(found, table, "own interval", 1, 11))
    assert value(found, table, "usual interval", 2, 10) == pytest.approx(20)
    assert value(found, table, "overdue usual", 2, 10) == pytest.approx(5 / 20)


def test_the_words_of_a_title_bring_its_variants_near() -> None:
    rows = two_tastes(customers=10, products=6, day=80)
    titles = {0: "red lamp", 2: "blue lamp", 4: "green lamp", 1: "wooden box", 3: "metal box", 5: "paper box"}
    found = known(stored(frame(*rows)), titles=titles)
    words = found.near.words
    likeness = (words @ words.T).toarray()
    assert likeness[0, 2] > 0  # the lamps share a word
    assert likeness[0, 1] == 0
    asked = TopItems(np.array([[2, 1]], dtype=np.int32), np.ones((1, 2), dtype=np.float32))
    row = int(np.searchsorted(found.sources.history.customers, 0))
    table = table_of_pairs(found, asked, [row])
    lamp, box = (value_at(table, item, "words 180") for item in (2, 1))
    assert lamp > 0.1
    assert box == 0  # customer 0 has lamps only


def value_at(table: Table, item: int, name: str) -> float:
    return float(table.values[list(table.pairs.item).index(item), table.names.index(name)])


def test_categories_prices_and_stores() -> None:
    table = BY_HAND.with_columns(
        pl.when(pl.col("product") == 12).then(8).otherwise(7).alias(CATEGORY),
        pl.when(pl.col("product") == 12).then(40_000).otherwise(10_000).alias(UNIT_PRICE_E4),
        pl.lit(3, dtype=pl.Int64).alias(STORE),
    )
    found = known(table)
    asked = TopItems(np.array([[2]], dtype=np.int32), np.ones((1, 1), dtype=np.float32))  # product 12
    made = table_of_pairs(found, asked, [0])
    assert value_at(made, 2, "price ratio") == pytest.approx(np.log(4), rel=1e-5)
    assert value_at(made, 2, "category 20") == 0
    assert np.isnan(value_at(made, 2, "category since"))
    assert value_at(made, 2, "store buyers 14") == 1
    asked = TopItems(np.array([[0]], dtype=np.int32), np.ones((1, 1), dtype=np.float32))  # product 10
    made = table_of_pairs(found, asked, [1])
    assert value_at(made, 0, "category since") == 5
    assert value_at(made, 0, "category share 20") == pytest.approx(
        2 ** (-5 / 20) / (2 ** (-5 / 20) + 2 ** (-1 / 20))
    )


def test_nothing_after_the_day_is_seen() -> None:
    rows = two_tastes(customers=12, products=10, day=90)
    later = [
        (customer, 900 + customer, product, 100 + product, 5)
        for customer in range(14)
        for product in range(12)
    ]
    before, after = (known(stored(frame(*each))) for each in (rows, rows + later))
    for kind in candidates.KINDS:
        first, second = table_of(before, kind), table_of(after, kind)
        assert first.names == second.names
        np.testing.assert_array_equal(first.pairs.item, second.pairs.item)
        np.testing.assert_array_equal(first.values, second.values)
    assert before.sources.history.as_of_day == DAY_0
    assert max(day for _, _, _, day, _ in later) >= DAY_0


def test_a_shop_of_one_customer_one_product_and_one_basket() -> None:
    found = known(stored(frame((1, 1, 10, 99, 1))))
    assert len(table_of(found, candidates.NEW).pairs) == 0
    repeated = table_of(found, candidates.REPEAT)
    assert repeated.pairs.item.tolist() == [0]
    assert not np.isinf(repeated.values).any()


def test_a_shop_without_orders() -> None:
    found = known(stored(frame((1, 1, 10, 99, 1))), day=50)
    for kind in candidates.KINDS:
        assert len(table_of(found, kind).pairs) == 0


def test_lists_become_pairs_and_the_best_come_back() -> None:
    lists = {
        "a": TopItems(
            np.array([[3, 1], [0, -1]], dtype=np.int32), np.array([[9, 8], [7, 0]], dtype=np.float32)
        ),
        "b": TopItems(np.array([[1], [2]], dtype=np.int32), np.array([[0.5], [0.25]], dtype=np.float32)),
    }
    found, columns = pairs.of_lists(lists, columns=4)
    assert list(zip(found.row.tolist(), found.item.tolist(), strict=True)) == [(0, 1), (0, 3), (1, 0), (1, 2)]
    np.testing.assert_array_equal(columns["rank a"], [1, 0, 0, np.nan])
    np.testing.assert_array_equal(columns["score b"], np.array([0.5, np.nan, np.nan, 0.25], dtype=np.float32))
    top, where = pairs.best(found, np.array([1.0, 1.0, 0.0, 2.0]), n=3)
    assert top.items.tolist() == [[1, 3, -1], [2, 0, -1]]  # equal scores in order of item
    assert where.tolist() == [[0, 1, -1], [3, 2, -1]]
    matrix = csr_matrix(np.array([[0, 5, 0, 0], [0, 0, 6, 0]], dtype=np.float32))
    assert found.values(matrix).tolist() == [5, 0, 0, 6]


def test_the_recent_purchases_of_people_of_the_same_taste_count() -> None:
    rows = two_tastes(customers=20, products=10, day=60)
    extra = [(customer, 700 + customer, 50, 95, 1) for customer in (2, 4, 6)]
    found = known(stored(frame(*rows, *extra)))
    products = found.sources.history.products
    item = int(np.searchsorted(products, 50))
    asked = TopItems(np.full((2, 1), item, dtype=np.int32), np.ones((2, 1), dtype=np.float32))
    made = table_of_pairs(found, asked, [0, 1])
    column = made.names.index("people 14")
    alike, other = made.values[:, column]
    assert alike > 1.5  # three buyers of the same taste, each by a cosine near 1
    assert other < alike / 3
    assert found.people.tastes.shape[0] == 20


def test_of_many_candidates_those_are_looked_at_that_the_lists_put_first() -> None:
    first = TopItems(np.array([[4, 3, 2]], dtype=np.int32), np.ones((1, 3), dtype=np.float32))
    second = TopItems(np.array([[1, 3, 0]], dtype=np.int32), np.ones((1, 3), dtype=np.float32))
    found, columns = pairs.of_lists({"a": first, "b": second, "c": first}, columns=5)
    kept = pairs.strongest(found, columns, weights={"a": 1.0, "b": 0.95, "c": 0.0}, n=3)
    # 4 is first of the one list, 1 of the other, 3 is second of both; 0 and 2 stand last of one list each.
    assert found.item[kept].tolist() == [1, 3, 4]
    assert pairs.strongest(found, columns, weights={"a": 1.0}, n=9).all()
