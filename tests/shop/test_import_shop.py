"""The import of order lines: what is loaded, what is counted, what is refused."""

import csv
import threading
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from django.db import connection, transaction

from precision.shop import bulk, mapping, platforms
from precision.shop.importing import import_files
from precision.shop.models import (
    Customer,
    Identity,
    ImportBatch,
    Order,
    OrderLine,
    Platform,
    Product,
)
from tests.shop.imports import LINES, ROWS, content, counts, lines_of, rejects

pytestmark = pytest.mark.django_db


def test_orders_lines_people_and_unknown_products(load: Any, platform: Platform) -> None:
    result = load(LINES, lines=ROWS)
    assert counts(result) == (3, 0, 0, 0)
    assert counts(result["kinds"]["order"]) == (2, 0, 0, 0)
    assert counts(result["kinds"]["line"]) == (3, 0, 0, 0)
    assert (result["unknown_products"], result["unknown_product_lines"], result["unknown_customers"]) == (
        2,
        3,
        1,
    )
    first, second = Order.objects.order_by("external_id")
    assert first.placed_at == datetime(2024, 3, 1, 9, tzinfo=UTC), "Berlin is an hour ahead in March"
    assert (first.status, first.currency, first.platform) == ("completed", "EUR", platform)
    assert first.identity is not None
    assert (first.identity.kind, first.identity.value) == ("customer_id", "anna")
    assert first.identity.customer.organisation == platform.organisation
    assert second.identity is None
    assert lines_of("1") == [("cup", 1, 12, None), ("tea", 2, Decimal("3.5"), None)]
    assert list(Product.objects.order_by("title").values_list("title", "listed", "currency")) == [
        ("Product cup", False, "EUR"), ("Product tea", False, "EUR"),
    ]  # fmt: skip
    batch = ImportBatch.objects.get()
    assert (batch.rows, batch.accepted, batch.rejected, batch.rejects_file) == (3, 3, 0, "")
    assert batch.files[0]["rows"] == 3
    assert batch.finished_at is not None


def test_the_same_file_again_changes_nothing(load: Any) -> None:
    load(LINES, lines=ROWS)
    before = content()
    result = load(LINES, lines=ROWS)
    assert counts(result) == (0, 0, 3, 0)
    assert counts(result["kinds"]["order"]) == (0, 0, 2, 0)
    assert content() == before
    shuffled = ROWS.splitlines()
    result = load(LINES, lines="\n".join([shuffled[0], *reversed(shuffled[1:])]) + "\n")
    assert counts(result) == (0, 0, 3, 0), "the order of rows says nothing"
    assert content() == before


def test_an_order_with_other_content_is_replaced(load: Any) -> None:
    load(LINES, lines=ROWS)
    number = Order.objects.get(external_id="1").pk
    changed = ROWS.replace("tea,2,3.50", "tea,3,3.25").replace("1,anna,2024-03-01 10:00,cup,1,12\n", "")
    result = load(LINES, lines=changed)
    assert counts(result) == (0, 1, 1, 0)
    assert counts(result["kinds"]["order"]) == (0, 1, 1, 0)
    assert Order.objects.get(external_id="1").pk == number
    assert lines_of("1") == [("tea", 3, Decimal("3.25"), None)]
    assert OrderLine.objects.count() == 2
    assert counts(load(LINES, lines=changed)) == (0, 0, 2, 0)


def test_bad_rows_are_refused_with_number_column_value_and_reason(load: Any) -> None:
    bad = [
        ",anna,2024-03-01,tea,1,1", "7,anna,2024-03-01,,1,1", "7,anna,2024-03-01,tea,0,1",
        "7,anna,2024-03-01,tea,one,1", "7,anna,2024-03-01,tea,1,-2", "7,anna,2024-03-01,tea,1,nan",
        "7,anna,2024-03-01,tea,1,", "7,anna,never,tea,1,1", "7,anna,1850-01-01,tea,1,1", "7,anna,2999-01-01,tea,1,1",
        f"7,anna,2024-03-01,{'t' * 201},1,1", "7,an\x00na,2024-03-01,tea,1,1", "7,anna,2024-03-01,tea,1,1e13",
        "7,anna,2024-03-01,tea,1,1,1",
    ]  # fmt: skip
    result = load(LINES, lines=ROWS + "\n".join(bad) + "\n3,=cmd(),2024-03-01,+tea,1,x\n")
    expected = [
        ("4", "order", "", "missing"), ("5", "product", "", "missing"), ("6", "quantity", "0", "zero"),
        ("7", "quantity", "one", "not_a_number"), ("8", "price", "'-2", "negative"),
        ("9", "price", "nan", "not_a_number"), ("10", "price", "", "missing"), ("11", "time", "never", "not_a_time"),
        ("12", "time", "1850-01-01", "too_early"), ("13", "time", "2999-01-01", "in_future"),
        ("14", "product", "t" * 200, "too_long"), ("15", "customer", "an\\0na", "nul_character"),
        ("16", "price", "1e13", "out_of_range"), ("17", "", "", "too_many_fields"),
        ("18", "price", "x", "not_a_number"),
    ]  # fmt: skip
    assert rejects(result) == [("lines.csv", *row) for row in expected]
    assert counts(result) == (3, 0, 0, len(expected))
    assert result["rejected_by"] == dict(sorted(Counter(row[3] for row in expected).items()))
    assert counts(result["kinds"]["order"])[3] == 2, "orders 7 and 3 have no line left"
    assert sorted(Order.objects.values_list("external_id", flat=True)) == ["1", "2"]
    assert Path(result["rejects_file"]).stat().st_mode & 0o077 == 0
    assert ImportBatch.objects.get().rejects_file == result["rejects_file"]


def test_an_order_keeps_its_good_lines(load: Any) -> None:
    result = load(LINES, lines=ROWS + "1,anna,2024-03-01 10:00,jam,0,2\n9,anna,2024-03-01,jam,0,2\n")
    assert counts(result) == (3, 0, 0, 2)
    assert [line[0] for line in lines_of("1")] == ["cup", "tea"]
    assert not Order.objects.filter(external_id="9").exists()


def test_a_spreadsheet_finds_no_formula_in_the_rejects(load: Any) -> None:
    cells = ["=1+1", "+1", "-1+x", "@x", "\t=1"]
    result = load(LINES, lines=ROWS + "".join(f'5,a,2024-03-01,"{cell}",0,"{cell}"\n' for cell in cells))
    with Path(result["rejects_file"]).open(newline="") as file:
        for row in list(csv.reader(file))[1:]:
            assert [cell for cell in row if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}] == []
    with_formula = load(
        LINES.replace('"price"', '"=price"'),
        lines=(ROWS + "5,a,2024-03-01,x,1,=9\n").replace(",price\n", ",=price\n"),
    )
    assert rejects(with_formula) == [("lines.csv", "4", "'=price", "'=9", "not_a_number")]


RULES = """
version = 1
[files.lines]
unique = true
drop = ["sheet"]
[files.lines.derive]
back = "starts_with(\\"order\\", 'C')"
[[files.lines.duplicate]]
when = "sheet = 'old' AND time >= '2024-02-01'"
[[files.lines.reject]]
when = "price = '0'"
column = "price"
code = "price_zero"
reason = "A line without a price is no sale."
[order]
from = "lines"
order_id = "order"
placed_at = "time"
status = { expr = "CASE WHEN back THEN 'returned' ELSE 'completed' END" }
[order.lines]
product_id = "product"
quantity = "quantity"
unit_price = "price"
list_price = { expr = "CAST(price AS DOUBLE) * 2" }
"""


def test_rules_of_the_mapping(load: Any) -> None:
    rows = """sheet,order,time,product,quantity,price
old,1,2024-01-01,tea,1,3
old,1,2024-01-01,tea,1,3
new,1,2024-01-01,tea,1,3
old,2,2024-02-01,tea,1,3
new,2,2024-02-01,tea,1,3
new,C3,2024-02-02,tea,-1,3
new,4,2024-02-02,tea,1,0
"""
    result = load(RULES, lines=rows)
    assert counts(result) == (3, 0, 3, 1)
    assert rejects(result) == [("lines.csv", "7", "price", "0", "price_zero")]
    assert dict(Order.objects.values_list("external_id", "status")) == {
        "1": "completed", "2": "completed", "C3": "returned",
    }  # fmt: skip
    assert lines_of("C3") == [("tea", -1, 3, 6)]
    assert counts(load(RULES, lines=rows)) == (0, 0, 6, 1)


def test_discounts_make_list_prices(load: Any) -> None:
    rows = (
        "order,customer,time,product,quantity,price,off\n1,a,2024-01-01,tea,4,3,2\n1,a,2024-01-01,cup,1,3,\n"
    )
    load(LINES + 'discount = "off"\n', lines=rows)
    assert lines_of("1") == [("cup", 1, 3, None), ("tea", 4, 3, Decimal("3.5"))]


def test_orders_and_lines_in_files_of_their_own(load: Any) -> None:
    text = """
version = 1
[files.orders]
[files.items]
[order]
from = "orders"
order_id = "id"
anonymous_id = "visitor"
placed_at = "time"
store_id = "store"
[order.context]
weather = "weather"
[order.lines]
from = "items"
order_id = "order"
product_id = "product"
quantity = "quantity"
unit_price = { value = 2 }
"""
    orders = "id,visitor,time,store,weather\n1,v1,2024-01-01,s,rain\n2,v2,2024-01-01,,\n3,,2024-01-01,,\n"
    orders += ",v,2024-01-01,,\n"
    items = "order,product,quantity\n1,tea,1\n1,tea,2\n2,tea,0\n4,tea,1\n"
    result = load(text, orders=orders, items=items)
    assert rejects(result) == [
        ("orders.csv", "2", "id", "2", "no_lines"), ("orders.csv", "3", "id", "3", "no_lines"),
        ("orders.csv", "4", "id", "", "missing"), ("items.csv", "3", "quantity", "0", "zero"),
        ("items.csv", "4", "order", "4", "unknown_order"),
    ]  # fmt: skip
    assert counts(result) == (3, 0, 0, 5)
    assert counts(result["kinds"]["order"]) == (1, 0, 0, 3)
    assert counts(result["kinds"]["line"]) == (2, 0, 0, 2)
    order = Order.objects.get()
    assert order.identity is not None
    assert order.store is not None
    assert (order.identity.kind, order.identity.value, order.store.external_id) == ("anonymous_id", "v1", "s")
    assert order.context == {"weather": "rain"}
    assert counts(load(text, orders=orders, items=items)) == (0, 0, 3, 5)


def test_platforms_do_not_see_each_other(load: Any, tmp_path: Path) -> None:
    load(LINES, lines=ROWS)
    before = content()
    platforms.create_platform("second", name="Second")
    other = Platform.objects.get(key="second")
    path = tmp_path / "lines.csv"
    assert import_files(other, mapping.parse(LINES), {"lines": path}).rows.accepted == 3
    assert Identity.objects.filter(value="anna").values("customer").distinct().count() == 2
    mine = {row["id"] for row in before["order"]}
    assert [row for row in content()["order"] if row["id"] in mine] == before["order"]
    assert Customer.objects.filter(organisation=other.organisation).count() == 1


@pytest.mark.django_db(transaction=True)
def test_imports_into_one_platform_wait_for_each_other(tmp_path: Path, platform: Platform) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(ROWS)
    results: list[int] = []

    def load() -> None:
        try:
            results.append(import_files(platform, mapping.parse(LINES), {"lines": path}).rows.duplicate)
        finally:
            connection.close()

    with transaction.atomic():
        bulk.lock(platform)
        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        threads[0].join(timeout=1.5)
        assert results == [], "the lock is held"
    for thread in threads:
        thread.join(timeout=60)
    assert sorted(results) == [0, 3]
    assert (Order.objects.count(), OrderLine.objects.count()) == (2, 3)


@pytest.mark.parametrize("seed", range(3))
def test_every_row_is_counted_once(seed: int, tmp_path: Path, platform: Platform) -> None:
    """Random rows, good and bad: the counts add up, and what is loaded is what a plain loop finds good."""
    rng = np.random.default_rng(seed)
    pools: dict[str, list[str]] = {
        "order": ["1", "2", "3", "4", ""], "customer": ["a", "b", ""], "time": ["2024-01-01", "2024-01-01", "x", ""],
        "product": ["t", "u", ""], "quantity": ["1", "2", "0", "q"], "price": ["1", "2.5", "-1", ""],
    }  # fmt: skip
    weights = {name: [8] * (len(pool) - 2) + [1, 1] for name, pool in pools.items()}
    table = {
        name: rng.choice(pool, size=300, p=np.array(weights[name]) / sum(weights[name]))
        for name, pool in pools.items()
    }
    frame = pl.DataFrame({name: values.tolist() for name, values in table.items()})
    path = tmp_path / "lines.csv"
    frame.write_csv(path)
    result = import_files(platform, mapping.parse(LINES), {"lines": path})
    good: list[tuple[str, str, str, str]] = []
    dated = set()
    for row in frame.iter_rows(named=True):
        if (
            row["order"]
            and row["product"]
            and row["quantity"] in "12"
            and row["price"] in {"1", "2.5"}
            and row["time"] != "x"
        ):
            good.append((row["order"], row["product"], row["quantity"], row["price"]))
            if row["time"]:
                dated.add(row["order"])
    good = [row for row in good if row[0] in dated]
    rows = OrderLine.objects.values_list(
        "order__external_id", "product__external_id", "quantity", "unit_price"
    )
    stored: list[Any] = list(rows)
    assert Counter((a, b, str(int(c)), f"{d.normalize():f}") for a, b, c, d in stored) == Counter(good)
    assert (result.rows.total, result.rows.accepted) == (300, len(good))
    refused_rows = rejects(result.as_json())
    assert len({row[1] for row in refused_rows}) == result.rows.rejected == 300 - len(good)
    assert sum(result.rejected_by.values()) == len(refused_rows)
