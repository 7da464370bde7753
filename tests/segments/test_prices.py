"""Reference prices and product prices on tables small enough to work out by hand."""

from typing import Any

import narwhals as nw
import polars as pl
import pytest

from precision.shop import columns as col
from segments.methods import prices

AS_OF = 112
SCHEMA = {
    col.CUSTOMER: pl.Int64,
    col.ORDER: pl.Int64,
    col.PRODUCT: pl.Int64,
    col.CATEGORY: pl.Int64,
    col.DAY: pl.Int64,
    col.QUANTITY_E3: pl.Int64,
    col.UNIT_PRICE_E4: pl.Int64,
    col.LIST_PRICE_E4: pl.Int64,
    col.AMOUNT_E4: pl.Int64,
    col.RETURNED: pl.Boolean,
}


def line(product: int, paid: float, **given: Any) -> dict[str, Any]:
    """One sold line; prices in currency units, day 111 (the last before AS_OF) unless told."""
    quantity = given.pop("quantity", 1)
    list_price = given.pop("list_price", None)
    row = {
        col.CUSTOMER: 1,
        col.ORDER: 1,
        col.PRODUCT: product,
        col.CATEGORY: 7,
        col.DAY: 111,
        col.QUANTITY_E3: quantity * 1000,
        col.UNIT_PRICE_E4: int(paid * 10_000),
        col.LIST_PRICE_E4: None if list_price is None else int(list_price * 10_000),
        col.AMOUNT_E4: int(paid * quantity * 10_000),
        col.RETURNED: False,
    }
    return {**row, **given}


def frame(rows: list[dict[str, Any]]) -> nw.LazyFrame[Any]:
    return nw.from_native(pl.DataFrame(rows, schema=SCHEMA).sample(fraction=1, shuffle=True, seed=3).lazy())


def priced(rows: list[dict[str, Any]], **given: Any) -> pl.DataFrame:
    found = prices.priced_lines(frame(rows), as_of=AS_OF, **given).collect("polars").to_native()
    return found.sort(col.PRODUCT, col.DAY, col.UNIT_PRICE_E4, prices.REFERENCE_E4)


def products(rows: list[dict[str, Any]], **given: Any) -> pl.DataFrame:
    found = prices.product_prices(prices.priced_lines(frame(rows), as_of=AS_OF), as_of=AS_OF, **given)
    return found.collect("polars").to_native().sort(col.PRODUCT)


def test_the_list_price_of_the_line_comes_first() -> None:
    found = priced([line(1, 1.50, list_price=2.0), line(1, 3.0, list_price=2.5)])
    assert found[prices.REFERENCE_E4].to_list() == [20_000, 25_000]
    assert found[prices.SAVING_E4].to_list() == [5_000, 0]  # dearer than listed saves nothing


def test_without_a_list_price_the_usual_price_of_the_period_counts() -> None:
    # Period 3 is days 84..111, period 2 days 56..83; in both five lines, so each has its own usual price.
    rows = [line(1, price, day=60) for price in (2.0, 2.0, 2.0, 2.0, 1.0)]
    rows += [line(1, price, day=100) for price in (3.0, 3.0, 3.0, 3.0, 2.0)]
    found = priced(rows)
    assert found.filter(pl.col(col.DAY) == 60)[prices.REFERENCE_E4].unique().to_list() == [20_000]
    assert found.filter(pl.col(col.DAY) == 100)[prices.REFERENCE_E4].unique().to_list() == [30_000]
    assert found.filter(pl.col(prices.SAVING_E4) > 0)[prices.SAVING_E4].to_list() == [10_000, 10_000]


def test_a_period_with_few_lines_falls_back_to_the_usual_price_over_all() -> None:
    rows = [line(1, 2.0, day=60) for _ in range(5)] + [line(1, 1.0, day=100) for _ in range(4)]
    found = priced(rows)
    assert found.filter(pl.col(col.DAY) == 100)[prices.REFERENCE_E4].unique().to_list() == [20_000]
    assert priced(rows, least_lines=4).filter(pl.col(col.DAY) == 100)[prices.SAVING_E4].sum() == 0


def test_guests_do_not_set_the_price_of_known_customers() -> None:
    rows = [line(1, 4.0, customer=None) for _ in range(20)] + [line(1, 2.0)] + [line(2, 4.0, customer=None)]
    found = priced(rows)
    assert found.filter(pl.col(col.PRODUCT) == 1)[prices.REFERENCE_E4].unique().to_list() == [20_000]
    assert found.filter(pl.col(col.PRODUCT) == 2)[prices.REFERENCE_E4].to_list() == [40_000]


def test_values_are_saving_and_reference_times_quantity() -> None:
    found = priced([line(1, 1.5, quantity=4, list_price=2.0)])
    assert found[prices.LIST_VALUE_E7].item() == 8 * 10_000 * 1000
    assert found[prices.SAVED_VALUE_E7].item() == 2 * 10_000 * 1000


def test_a_coupon_worth_more_than_the_goods_saves_all_and_no_more() -> None:
    assert priced([line(1, -0.5, list_price=2.0)])[prices.SAVING_E4].item() == 20_000


@pytest.mark.parametrize(
    "given",
    [
        {"day": AS_OF},
        {"day": AS_OF + 5},
        {"returned": True},
        {"quantity": -1},
        {"quantity": 0},
        {"paid": 0.0, "product": 9},
    ],
)
def test_future_returned_empty_and_free_lines_are_left_out(given: dict[str, Any]) -> None:
    rows = [line(1, 2.0, day=110), line(given.pop("product", 1), given.pop("paid", 9.0), **given)]
    found = priced(rows)
    assert found.height == 1
    assert found[prices.REFERENCE_E4].item() == 20_000


def test_the_window_is_half_open() -> None:
    found = priced([line(1, 2.0, day=day) for day in (101, 102, 111)], window_days=10)
    assert found[col.DAY].to_list() == [102, 111]


def test_price_position_is_the_mid_rank_by_lines() -> None:
    # Lines: product 1 three at 1, product 2 one at 2, product 3 one at 2, product 4 five at 4.
    rows = [line(1, 1.0)] * 3 + [line(2, 2.0), line(3, 2.0)] + [line(4, 4.0)] * 5
    found = products(rows, shrink_products=0)
    assert found[prices.USUAL_PRICE_E4].to_list() == [10_000, 20_000, 20_000, 40_000]
    assert found[prices.PRICE_POSITION].to_list() == pytest.approx([0.15, 0.4, 0.4, 0.75])
    assert found[prices.LINES].to_list() == [3, 1, 1, 5]


def test_price_position_is_shrunk_in_small_categories() -> None:
    rows = [line(1, 1.0), line(2, 2.0)]
    # Mid-ranks ¼ and ¾, half a distance of ¼ each at 2 products against a weight of 2.
    assert products(rows, shrink_products=2)[prices.PRICE_POSITION].to_list() == pytest.approx([0.375, 0.625])
    assert products([line(1, 1.0)])[prices.PRICE_POSITION].item() == pytest.approx(0.5)


def test_categories_are_ranked_apart_and_none_has_no_position() -> None:
    rows = [line(1, 1.0), line(2, 2.0), line(3, 10.0, category=8), line(4, 20.0, category=8)]
    rows.append(line(5, 5.0, category=None))
    found = products(rows, shrink_products=0)[prices.PRICE_POSITION].to_list()
    assert found == [0.25, 0.75, 0.25, 0.75, None]


def test_discount_share_is_of_the_recent_list_value() -> None:
    rows = [
        line(1, 1.0, quantity=3, list_price=2.0),  # list value 6, saved 3
        line(1, 2.0, quantity=1, list_price=2.0),  # list value 2, saved 0
        line(1, 0.5, list_price=2.0, day=AS_OF - 57),  # before the 56 days
        line(2, 1.0, day=AS_OF - 57),
    ]
    assert products(rows)[prices.DISCOUNT_SHARE].to_list() == [3 / 8, None]


def test_nothing_after_the_day_changes_any_product_or_line() -> None:
    rows = [line(p, p + i / 10, day=100 + i) for p in (1, 2, 3) for i in range(8)]
    later = [line(p, 99.0, day=AS_OF + i, list_price=100.0) for p in (1, 2, 3, 4) for i in range(8)]
    assert products(rows + later).equals(products(rows))
    assert priced(rows + later).equals(priced(rows))
