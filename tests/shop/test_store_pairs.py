"""Best sellers of a store-month and the pairs among them, by hand."""

import polars as pl
import pytest

from precision.engine.pairs import count_pairs
from precision.shop.methods import store_pairs

SOLD = [
    # store, month, product, quantity
    (1, 1, 10, 5), (1, 1, 11, 3), (1, 1, 12, 1), (1, 1, 12, 3), (1, 1, 13, 4), (1, 1, 13, -4),
    (1, 2, 10, 1), (1, 2, 11, 1),
    (2, 1, 10, 1), (2, 1, 12, 9), (2, 1, 11, 2),
    (2, 2, 14, 1),
]  # fmt: skip
SCHEMA = {"store": pl.Int64, "month": pl.Int64, "product": pl.Int64, "quantity_e3": pl.Int64}


def test_best_sellers_by_units_then_number_and_nothing_that_nets_to_zero() -> None:
    frame = pl.DataFrame(SOLD, schema=SCHEMA, orient="row").sample(fraction=1, shuffle=True, seed=9)
    found = store_pairs.best_sellers(frame.lazy(), most=2)
    assert found.products.tolist() == [10, 11, 12, 14]
    assert found.matrix.toarray().tolist() == [[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]]


def test_measures_of_pairs() -> None:
    found = store_pairs.best_sellers(pl.DataFrame(SOLD, schema=SCHEMA, orient="row").lazy())
    counts = count_pairs(found.matrix, min_count=1, threads=1, block_bytes=1 << 20)
    table = store_pairs.measured(counts, found.products, most=10)
    # 10 and 11 are in three of four store-months, 12 in two of them.
    assert table.drop("lift").rows() == [
        (10, 11, 3, 0.75, 1.0, 1.0),
        (10, 12, 2, 0.5, 2 / 3, 1.0),
        (11, 12, 2, 0.5, 2 / 3, 1.0),
    ]
    assert table["lift"].to_list() == pytest.approx([3 * 4 / 9, 2 * 4 / 6, 2 * 4 / 6])
    assert store_pairs.measured(counts, found.products, most=1).height == 1


def test_nothing_sold() -> None:
    found = store_pairs.best_sellers(pl.DataFrame(schema=SCHEMA).lazy())
    counts = count_pairs(found.matrix, min_count=1, threads=1, block_bytes=1 << 20)
    assert (found.matrix.shape, store_pairs.measured(counts, found.products, most=5).height) == ((0, 0), 0)


@pytest.mark.parametrize(("months", "least"), [(0, 3), (300, 3), (301, 4), (10_000, 100)])
def test_the_least_count(months: int, least: int) -> None:
    assert store_pairs.least_count(months) == least
