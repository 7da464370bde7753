"""The import of files: what is loaded, what is counted, what is refused, and nothing half."""

import csv
import gzip
import json
import threading
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from precision.shop import bulk, mapping, pii, platforms
from precision.shop.importing import ImportRefusedError, import_files
from precision.shop.models import (
    Category,
    Customer,
    Identity,
    ImportBatch,
    Order,
    OrderLine,
    Platform,
    Product,
    Profile,
    Store,
)

pytestmark = pytest.mark.django_db

LINES = """
version = 1
[files.lines]
[order]
from = "lines"
order_id = "order"
customer_id = "customer"
placed_at = "time"
[order.lines]
product_id = "product"
quantity = "quantity"
unit_price = "price"
"""
ROWS = """order,customer,time,product,quantity,price
1,anna,2024-03-01 10:00,tea,2,3.50
1,anna,2024-03-01 10:00,cup,1,12
2,,2024-03-02 11:00,tea,1,3.50
"""


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any) -> Path:
    settings.VAR = tmp_path / "var"
    return tmp_path / "var"


@pytest.fixture
def load(tmp_path: Path, platform: Platform) -> Any:
    """Imports CSV texts, each by the name of its data set, and gives the summary."""

    def run(text: str, **data: str | bytes) -> dict[str, Any]:
        toml = tmp_path / "shop.toml"
        toml.write_text(text)
        arguments = []
        for name, content in data.items():
            path = tmp_path / f"{name}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            arguments.append(f"{name}={path}")
        return summary("--platform", platform.key, "--mapping", str(toml), *arguments)

    return run


def summary(*arguments: str) -> dict[str, Any]:
    """The JSON summary of one run of the command."""
    out = StringIO()
    call_command("import_shop", *arguments, "--json", stdout=out)
    table: dict[str, Any] = json.loads(out.getvalue())
    return table


def counts(table: dict[str, Any]) -> tuple[int, int, int, int]:
    """Accepted, updated, duplicate, rejected."""
    return tuple(table[name] for name in ("accepted", "updated", "duplicate", "rejected"))


def rejects(result: dict[str, Any]) -> list[tuple[str, ...]]:
    """The lines of the rejects file, without the reasons."""
    with Path(result["rejects_file"]).open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "row", "column", "value", "code", "reason"]
    assert all(row[5].endswith(".") for row in rows[1:])
    return [tuple(row[:5]) for row in rows[1:]]


def content() -> dict[str, list[Any]]:
    """Every row of every table of facts but the imports themselves."""
    models = [model for model in apps.get_app_config("precision_shop").get_models() if model._meta.managed]
    return {
        model.__name__.lower(): list(model._default_manager.order_by("pk").values())
        for model in models
        if model is not ImportBatch
    }


def lines_of(number: str) -> list[Any]:
    rows = OrderLine.objects.filter(order__external_id=number).order_by("product__external_id")
    return list(rows.values_list("product__external_id", "quantity", "unit_price", "list_price"))


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


SHOP = """
version = 1
[files.goods]
[files.people]
[files.places]
[store]
from = "places"
store_id = "id"
stars = "stars"
region = "region"
[product]
from = "goods"
product_id = "sku"
title = "title"
category = ["department", "kind"]
price = "price"
active = "sold"
aliases = "names"
[product.traits]
size = "size"
[product.labels]
scent = "scent"
[customer]
from = "people"
customer_id = "id"
email = "email"
phone = "phone"
birth_date = "born"
income = "income"
[customer.address]
street = "street"
[customer.traits]
age_band = "age"
"""
GOODS = """sku,title,department,kind,price,sold,names,size,scent
1,Night cream,care,creams,16.00,yes,balm|night balm,50 ml,rose
2,Gift card,,,,no,,,
3,Soap,care,,2.5,,,,
"""
PEOPLE = """id,email,phone,born,income,street,age
a,anna@example.org,+49 30 1,1980-02-29,30-40K,Elm 1,40-49
b,,,,,,
"""
PLACES = "id,stars,region\ns1,3,north\ns2,9,south\n"


def test_products_customers_and_stores(load: Any, platform: Platform) -> None:
    result = load(SHOP, goods=GOODS, people=PEOPLE, places=PLACES)
    assert {kind: counts(table) for kind, table in result["kinds"].items()} == {
        "product": (3, 0, 0, 0), "customer": (2, 0, 0, 0), "store": (1, 0, 0, 1),
    }  # fmt: skip
    assert counts(result) == (6, 0, 0, 1)
    assert rejects(result) == [("places.csv", "2", "stars", "9", "out_of_range")]
    cream, card, soap = Product.objects.order_by("external_id")
    assert (cream.title, cream.price, cream.active, cream.listed) == ("Night cream", 16, True, True)
    assert (cream.aliases, cream.traits, cream.labels) == (
        ["balm", "night balm"],
        {"size": "50 ml"},
        {"scent": "rose"},
    )
    assert cream.category is not None
    assert soap.category is not None
    assert (cream.category.path, soap.category.path, card.category) == (["care", "creams"], ["care"], None)
    assert sorted(Category.objects.values_list("path", "derived")) == [
        (["care"], False),
        (["care", "creams"], False),
    ]
    assert (card.price, card.active, card.traits, card.aliases, card.currency) == (None, False, {}, [], "EUR")
    anna = Profile.objects.get(identity__value="a")
    assert (str(anna.birth_date), anna.income, anna.traits) == ("1980-02-29", "30-40K", {"age_band": "40-49"})
    assert anna.personal is not None
    assert pii.decrypt(anna.personal) == {
        "email": "anna@example.org", "phone": "+49 30 1", "address": {"street": "Elm 1"},
    }  # fmt: skip
    assert Profile.objects.get(identity__value="b").personal is None
    assert Store.objects.get().stars == 3
    before = content()
    assert counts(load(SHOP, goods=GOODS, people=PEOPLE, places=PLACES)) == (0, 0, 6, 1)
    assert content() == before, "personal values too: encrypting again would change them"


def test_given_fields_are_updated_and_the_rest_is_kept(load: Any) -> None:
    load(SHOP, goods=GOODS, people=PEOPLE, places=PLACES)
    stamps = dict(Product.objects.values_list("external_id", "updated_at"))
    goods = GOODS.replace("16.00,yes,balm|night balm,50 ml,rose", ",,,75 ml,")
    people = PEOPLE.replace("anna@example.org,+49 30 1", ",+49 30 2").replace("30-40K,Elm 1", ",")
    result = load(SHOP, goods=goods, people=people, places=PLACES.replace("3,north", "4,"))
    assert {kind: counts(table) for kind, table in result["kinds"].items()} == {
        "product": (0, 1, 2, 0), "customer": (0, 1, 1, 0), "store": (0, 1, 0, 1),
    }  # fmt: skip
    cream = Product.objects.get(external_id="1")
    assert (cream.price, cream.active, cream.aliases) == (16, True, ["balm", "night balm"])
    assert (cream.traits, cream.labels) == ({"size": "75 ml"}, {"scent": "rose"})
    assert cream.updated_at > stamps["1"]
    assert Product.objects.get(external_id="2").updated_at == stamps["2"]
    anna = Profile.objects.get(identity__value="a")
    assert anna.income == "30-40K"
    assert anna.personal is not None
    assert pii.decrypt(anna.personal) == {
        "email": "anna@example.org", "phone": "+49 30 2", "address": {"street": "Elm 1"},
    }  # fmt: skip
    store = Store.objects.get()
    assert (store.stars, store.region) == (4, "north")


def test_no_personal_value_stands_in_the_clear(load: Any, var: Path) -> None:
    people = PEOPLE.replace("+49 30 1", "9" * 61).replace("Elm 1", "Elm 1\x00")
    result = load(SHOP, goods=GOODS, people=people + "c,ceee@example.org,,,,,\n", places=PLACES)
    assert ("people.csv", "1", "phone", "(personal)", "too_long") in rejects(result)
    assert "99999" not in Path(result["rejects_file"]).read_text()
    with connection.cursor() as cursor:
        cursor.execute("SELECT p::text FROM precision_shop_profile AS p")
        assert "ceee" not in str(cursor.fetchall())


def test_a_product_without_title_is_refused_and_stays_unlisted(load: Any) -> None:
    text = LINES + '[product]\nfrom = "lines"\nproduct_id = "product"\ntitle = { mode = "name" }\n'
    rows = "order,customer,time,product,quantity,price,name\n" + "".join(
        f"{n},a,2024-01-01,{product},1,1,{name}\n"
        for n, (product, name) in enumerate(
            [("x", ""), ("y", "B"), ("y", "A"), ("y", "A"), ("x", ""), ("z", "D"), ("z", "C")]
        )
    )
    result = load(text, lines=rows)
    assert dict(Product.objects.values_list("external_id", "title")) == {"x": "Product x", "y": "A", "z": "C"}
    assert dict(Product.objects.values_list("external_id", "listed")) == {"x": False, "y": True, "z": True}
    assert counts(result) == (7, 0, 0, 0), "its lines count all the same"
    assert counts(result["kinds"]["product"]) == (2, 0, 0, 1)
    assert rejects(result) == [("lines.csv", "1", "name", "", "missing")]
    later = load(text, lines=rows.replace("x,1,1,", "x,1,1,Known now"))
    assert counts(later["kinds"]["product"]) == (0, 1, 2, 0)
    assert Product.objects.get(external_id="x").listed


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


def test_reducers(load: Any) -> None:
    text = """
version = 1
[files.rows]
[product]
from = "rows"
product_id = "id"
title = { mode = "title" }
price = { last = "price", by = "at" }
cost = { max = "price" }
list_price = { min = "price" }
brand = { first = "brand", by = "at" }
"""
    rows = """id,title,price,at,brand
a,Two,3,2024-01-02,y
a,One,9,2024-01-01,x
a,Two,,2024-01-03,
b,B,1,2024-01-01,
"""
    result = load(text, rows=rows)
    assert counts(result) == (4, 0, 0, 0)
    one = Product.objects.get(external_id="a")
    assert (one.title, one.price, one.cost, one.list_price, one.brand) == ("Two", 3, 9, 3, "x")


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


def test_categories_from_the_words_of_titles(load: Any) -> None:
    text = 'version = 1\n[files.g]\n[product]\nfrom = "g"\nproduct_id = "i"\ntitle = "t"\ncategory = { words = "t" }\n'
    rows = (
        "i,t\n"
        + "".join(f"{n},Number {chr(97 + n)}{chr(97 + n)}{chr(97 + n)} mug\n" for n in range(16))
        + "99,Other thing\n"
    )
    load(text, g=rows)
    assert list(Category.objects.values_list("path", "derived")) == [(["mug"], True)]
    assert Product.objects.filter(category__isnull=False).count() == 16
    # A later, small file is judged by the words of the whole catalogue.
    result = load(text, g="i,t\n100,Enamel mug\n")
    assert counts(result) == (1, 0, 0, 0)
    category = Product.objects.get(external_id="100").category
    assert category is not None
    assert category.path == ["mug"]
    assert counts(load(text, g=rows)) == (0, 0, 17, 0)


@pytest.mark.parametrize("form", ["csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "ndjson.zst", "parquet"])
def test_every_format_says_the_same(form: str, tmp_path: Path, platform: Platform) -> None:
    frame = pl.read_csv(ROWS.encode(), infer_schema=False)
    path = tmp_path / f"lines.{form}"
    kind, _, compression = form.partition(".")
    if kind == "parquet":
        frame.with_columns(
            pl.col("price").cast(pl.Float64), pl.col("time").str.to_datetime("%Y-%m-%d %H:%M")
        ).write_parquet(path)
    else:
        text = ROWS if kind == "csv" else "".join(json.dumps(row) + "\n" for row in frame.to_dicts())
        with pa.output_stream(
            str(path), compression={"gz": "gzip", "zst": "zstd", "": None}[compression]
        ) as out:
            out.write(text.encode())
    result = import_files(platform, mapping.parse(LINES), {"lines": path})
    assert (result.rows.accepted, result.rows.rejected) == (3, 0)
    assert lines_of("1") == [("cup", 1, 12, None), ("tea", 2, Decimal("3.5"), None)]
    # The digest does not depend on the format: the CSV file says nothing new.
    plain = tmp_path / "again.csv"
    plain.write_text(ROWS)
    assert import_files(platform, mapping.parse(LINES), {"lines": plain}).rows.duplicate == 3


def test_json_lines_with_a_broken_line_and_mixed_types(tmp_path: Path, platform: Platform) -> None:
    path = tmp_path / "lines.jsonl"
    good = {
        "order": 1,
        "customer": 7,
        "time": "2024-01-01T00:00:00Z",
        "product": 5,
        "quantity": 1,
        "price": "2.5",
    }
    other = {**good, "order": "A2", "price": 3}
    path.write_text("\n".join([json.dumps(good), "{broken", "[1]", json.dumps(other)]) + "\n")
    result = import_files(platform, mapping.parse(LINES), {"lines": path})
    assert (result.rows.accepted, result.rows.rejected, dict(result.rejected_by)) == (2, 2, {"bad_line": 2})
    assert sorted(Order.objects.values_list("external_id", flat=True)) == ["1", "A2"]


def test_several_files_of_one_data_set(tmp_path: Path, platform: Platform) -> None:
    head, *rows = ROWS.splitlines()
    paths = []
    for number, row in enumerate([*rows, "9,a,2024-01-01,tea,0,1"]):
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(f"{head}\n{row}\n")
    result = import_files(platform, mapping.parse(LINES), {"lines": paths})
    assert (result.rows.accepted, result.rows.rejected, len(result.files)) == (3, 1, 4)
    assert rejects(result.as_json())[0][:2] == ("3.csv", "1")
    assert [line[0] for line in lines_of("1")] == ["cup", "tea"], "an order may go on in the next file"


BAD_FILES = [
    ("missing.csv", None, "There is no file"),
    ("lines.txt", b"a,b\n", "ends in '.txt'"),
    ("lines.csv", b"order,customer\n1,a\n", "names the column"),
    ("lines.csv", b"", "is empty"),
    ("lines.csv", ROWS.replace("anna", "änna").encode("latin-1"), "is not utf-8 (byte 0xE4"),
    ("lines.csv", ROWS.encode() + b'3,"open,2024-01-01,tea,1,1\n', "cannot be read as csv"),
    ("lines.csv", ROWS.encode("utf-16"), "is not utf-8 (byte 0xFF"),
    ("lines.csv.gz", gzip.compress(ROWS.encode() * 50)[:-20], "truncated"),
    ("lines.csv.gz", b"no gzip at all", "cannot be read as csv"),
    ("lines.csv.zst", pa.compress(ROWS.encode() * 50, codec="zstd", asbytes=True)[:-20], "truncated"),
    ("lines.jsonl", b"{\n]\n", "cannot be read as jsonl"),
    ("lines.parquet", b"PAR1 not at all", "cannot be read as parquet"),
]


@pytest.mark.parametrize(("name", "data", "words"), BAD_FILES)
def test_a_damaged_file_loads_nothing(
    name: str, data: bytes | None, words: str, tmp_path: Path, platform: Platform, var: Path
) -> None:
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    refused(platform, LINES, words, [str(path)], tmp_path, var)


def test_a_truncated_parquet_file_loads_nothing(tmp_path: Path, platform: Platform, var: Path) -> None:
    path = tmp_path / "lines.parquet"
    pl.DataFrame({"order": list(range(5_000))}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])
    refused(platform, LINES, "damaged, truncated", [str(path)], tmp_path, var)


REJECT = """[[files.lines.reject]]
when = "{when}"
column = "{column}"
code = "x"
reason = "y"
[order]"""
BAD_MAPPINGS = [
    (LINES.replace('"quantity"', '"pieces"'), "line.quantity names the column 'pieces'"),
    (LINES.replace('"quantity"', '{ expr = "quantity +" }'), "'quantity +' cannot be computed"),
    (LINES.replace('"quantity"', '{ expr = "nothing(quantity)" }'), "unsupported function"),
    (LINES.replace('"quantity"', '{ expr = "pieces" }'), "pieces"),
    (LINES.replace('"quantity"', "{ value = 0 }"), "the constant 0 cannot be used"),
    (LINES.replace("unit_price", "unit_prize"), "unknown key 'unit_prize'"),
    (LINES.replace("[order]", REJECT.format(when="price", column="price")), "is no condition"),
    (LINES.replace("[order]", REJECT.format(when="true", column="cost")), "'cost'"),
    (LINES.replace("[order]", '[files.lines.derive]\nprice = "1"\n[order]'), "has a column 'price' already"),
    (LINES.replace("[files.lines]", '[files.lines]\ndrop = ["sheet"]'), "'sheet'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BAD_MAPPINGS)
def test_a_wrong_mapping_loads_nothing(
    text: str, words: str, tmp_path: Path, platform: Platform, var: Path
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(ROWS)
    refused(platform, text, words, [str(path)], tmp_path, var)


def refused(platform: Platform, text: str, words: str, data: list[str], tmp_path: Path, var: Path) -> None:
    """The command ends with one sentence and code 2, and nothing is there."""
    toml = tmp_path / "shop.toml"
    toml.write_text(text)
    before = content()
    with pytest.raises(CommandError) as caught:
        call_command("import_shop", "--platform", platform.key, "--mapping", str(toml), *data)
    message = str(caught.value)
    assert caught.value.returncode == 2
    assert words in message
    assert "\n" not in message
    assert message.endswith(".")
    assert content() == before
    assert not ImportBatch.objects.exists()
    assert not var.exists()


def test_arguments(tmp_path: Path, platform: Platform) -> None:
    toml, data = tmp_path / "shop.toml", tmp_path / "lines.csv"
    toml.write_text(LINES)
    data.write_text(ROWS)
    base = ["--platform", platform.key, "--mapping", str(toml)]
    for arguments, words in [
        (["--platform", "nowhere", "--mapping", str(toml), str(data)], "no platform 'nowhere'"),
        ([*base, f"rows={data}"], "no data set 'rows'"),
        ([*base, str(data), str(data)], "2 files came without a name"),
        (["--platform", platform.key, "--mapping", str(tmp_path / "none.toml"), str(data)], "cannot be read"),
    ]:
        with pytest.raises(CommandError) as caught:
            call_command("import_shop", *arguments)
        assert caught.value.returncode == 2
        assert words in str(caught.value)
    with pytest.raises(ImportRefusedError, match="needs data for 'lines'"):
        import_files(platform, mapping.parse(LINES), {})
    out = StringIO()
    call_command("import_shop", *base, str(data), stdout=out)
    assert "corner: 3 rows" in out.getvalue()
    assert "unknown products: 2, in 3 lines" in out.getvalue()


def test_a_failure_at_the_end_takes_everything_back(
    tmp_path: Path, platform: Platform, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text(ROWS + "3,a,2024-01-01,tea,0,1\n")
    before = content()

    def fail(**fields: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(ImportBatch.objects, "create", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        import_files(platform, mapping.parse(LINES), {"lines": path})
    assert content() == before
    assert list((var / "rejects").iterdir()) == []


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
