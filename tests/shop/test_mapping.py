"""Mappings: what they may say, and one clear sentence for what they may not."""

import re
from pathlib import Path

import pytest

from precision.shop import mapping, records

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "intake.md"

WHOLE = """
version = 1
timezone = "Europe/London"
[files.lines]
format = "csv"
separator = ";"
encoding = "latin-1"
unique = true
drop = ["sheet"]
[files.lines.derive]
is_return = "starts_with(Invoice, 'C')"
[[files.lines.duplicate]]
when = "sheet = 'old'"
[[files.lines.reject]]
when = "Price = 0"
column = "Price"
code = "price_zero"
reason = "A line without a price is no sale."
[product]
from = "lines"
product_id = "StockCode"
title = { mode = "Description" }
price = { last = "Price", by = "InvoiceDate" }
currency = { value = "GBP" }
brand = { expr = "upper(Brand)" }
category = ["department", "kind"]
[product.traits]
package = "package_size"
[order]
from = "lines"
order_id = "Invoice"
placed_at = { column = "InvoiceDate", format = "%d/%m/%Y %H:%M" }
[order.lines]
product_id = "StockCode"
quantity = "Quantity"
unit_price = "Price"
"""


def test_every_part_is_read() -> None:
    read = mapping.parse(WHOLE, name="shop.toml")
    assert read.timezone == "Europe/London"
    assert read.files["lines"] == mapping.DataFile(
        name="lines", format="csv", separator=";", encoding="latin-1", unique=True, drop=("sheet",),
        derive={"is_return": "starts_with(Invoice, 'C')"}, duplicate=("sheet = 'old'",),
        reject=(
            mapping.RejectRule(
                when="Price = 0", column="Price", code="price_zero", reason="A line without a price is no sale."
            ),
        ),
    )  # fmt: skip
    product = read.records["product"]
    assert dict(product.fields) == {
        "product_id": mapping.Source(column="StockCode"),
        "title": mapping.Source(column="Description", reducer="mode"),
        "price": mapping.Source(column="Price", reducer="last", by="InvoiceDate"),
        "currency": mapping.Source(constant="GBP"),
        "brand": mapping.Source(expression="upper(Brand)"),
    }
    assert product.paths["category"] == (mapping.Source(column="department"), mapping.Source(column="kind"))
    assert dict(product.objects["traits"]) == {"package": mapping.Source(column="package_size")}
    assert list(read.records) == ["product", "order", "line"]
    assert read.records["order"].fields["placed_at"].time_format == "%d/%m/%Y %H:%M"
    assert read.records["line"].fields["order_id"] == mapping.Source(column="Invoice")


def test_values_are_frozen() -> None:
    read = mapping.parse(WHOLE)
    with pytest.raises(AttributeError):
        read.timezone = "UTC"  # type: ignore[misc]
    with pytest.raises(TypeError):
        read.files["other"] = read.files["lines"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version = 1", "version = 2", ["version is 2", "must be 1"]),
        ("version = 1", "version = ", ["no TOML"]),
        ('timezone = "Europe/London"', 'timezone = "London"', ["'London'", "Europe/London"]),
        ("unique = true", "uniqe = true", ["uniqe", "unique"]),
        ("unique = true", 'unique = "yes"', ["'yes'", "true or false"]),
        ('format = "csv"', 'format = "xls"', ["'xls'", "parquet"]),
        ('separator = ";"', 'separator = ";;"', ["';;'", "one ASCII character"]),
        ('encoding = "latin-1"', 'encoding = "latin-77"', ["'latin-77'", "utf-8"]),
        ('code = "price_zero"\n', "", ["reject", "'code'"]),
        ('when = "sheet', 'wenn = "sheet', ["duplicate", "'wenn'"]),
        ("[product]\nfrom", "[products]\nfrom", ["'products'", "product"]),
        ('brand = { expr = "upper(Brand)" }', 'colour = "Colour"', ["[product]", "'colour'", "brand"]),
        ('brand = { expr = "upper(Brand)" }', "brand = 7", ["product.brand", "7", "column name"]),
        ('{ expr = "upper(Brand)" }', '{ expr = "a", value = "b" }', ["exactly one of", "says 2"]),
        ('{ expr = "upper(Brand)" }', '{ words = "Brand" }', ["product.brand", "'words'"]),
        ('{ mode = "Description" }', '{ mode = "Description", by = "x" }', ["“by”", "first and last"]),
        ('brand = { expr = "upper(Brand)" }', 'brand = ["a", "b"]', ["product.brand", "a list"]),
        ('title = { mode = "Description" }\n', "", ["[product]", "title"]),
        ('from = "lines"\nproduct_id', 'from = "rows"\nproduct_id', ["'rows'", "lines"]),
        ('[order.lines]\nproduct_id = "StockCode"', '[order.lines]\nproduct_id = "S"\nsku = "x"', ["'sku'"]),
        ('quantity = "Quantity"\n', "", ["[order.lines]", "quantity"]),
        ("[product.traits]", "[files.spare]\n[product.traits]", ["files.spare"]),
        ('brand = { expr = "upper(Brand)" }', 'price = { column = "p", format = "%d" }', ["Cannot overwrite"]),
        ('from = "lines"\norder_id', 'from = "lines"\ncosts = 1\norder_id', ["[order]", "'costs'"]),
    ],
)  # fmt: skip
def test_one_sentence_for_what_is_wrong(old: str, new: str, words: list[str]) -> None:
    assert WHOLE.count(old) >= 1
    with pytest.raises(mapping.MappingError) as caught:
        mapping.parse(WHOLE.replace(old, new, 1), name="shop.toml")
    message = str(caught.value)
    assert "shop.toml" in message
    assert "\n" not in message
    assert message.endswith(".")
    assert [word for word in words if word not in message] == []


def test_an_order_needs_lines() -> None:
    with pytest.raises(mapping.MappingError, match=r"\[order\.lines\]"):
        mapping.parse(WHOLE[: WHOLE.index("[order.lines]")])


def test_a_mapping_of_nothing() -> None:
    with pytest.raises(mapping.MappingError, match=r"name at least one data set"):
        mapping.parse("version = 1")
    with pytest.raises(mapping.MappingError, match="maps no record"):
        mapping.parse("version = 1\n[files.a]")


def test_lines_of_a_data_set_of_their_own_name_their_order() -> None:
    text = WHOLE.replace("[order.lines]", '[files.details]\n[order.lines]\nfrom = "details"')
    with pytest.raises(mapping.MappingError, match=r"\[order\.lines\] lacks order_id"):
        mapping.parse(text)
    read = mapping.parse(text.replace('from = "details"', 'from = "details"\norder_id = "number"'))
    assert read.records["line"].source == "details"
    assert read.records["line"].fields["order_id"] == mapping.Source(column="number")


def test_a_file_that_is_not_there_or_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(mapping.MappingError, match="cannot be read: No such file"):
        mapping.read(tmp_path / "none.toml")
    (tmp_path / "old.toml").write_bytes('reason = "für"'.encode("latin-1"))
    with pytest.raises(mapping.MappingError, match=r"not UTF-8 \(byte 11\)"):
        mapping.read(tmp_path / "old.toml")


def test_every_field_of_every_kind_can_be_mapped() -> None:
    for kind in mapping.KINDS.values():
        if kind is records.ORDER:
            continue  # it wants lines
        # Lists of records come with the API only: a file has a data set of their own for them.
        mapped = [field for field in kind.fields if field.type is not records.Type.RECORDS]
        plain = [field for field in mapped if field.type is not records.Type.OBJECT]
        nested = [field for field in mapped if field.type is records.Type.OBJECT]
        text = f'version = 1\n[files.a]\n[{kind.name}]\nfrom = "a"\n'
        text += "".join(f'{field.name} = "{field.name}"\n' for field in plain)
        text += "".join(f'[{kind.name}.{field.name}]\nx = "{field.name}"\n' for field in nested)
        record = mapping.parse(text).records[kind.name]
        assert {*record.fields, *record.objects} == {field.name for field in mapped}


def test_the_guide_names_every_field_and_code() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    lines = {"order.lines": records.LINE, "refund.lines": mapping.REFUND_LINE}
    for name, kind in {**mapping.KINDS, **lines}.items():
        table = guide[guide.index(f"| `[{name}]`") :].split("\n\n")[0]
        told = re.findall(r"`(\w+)`(\*?)", table)
        fields = [field for field in kind.fields if field.type is not records.Type.RECORDS]
        assert {field.name for field in fields} - {key for key, _ in told} == set(), name
        assert {field.name for field in fields if field.required} == {key for key, star in told if star}, name
        for field in fields:
            if field.type is records.Type.TEXT:
                assert re.search(
                    rf"`{field.name}`\*?(?: \({field.longest}\)| \| text, {field.longest} )", table
                ), field
    codes = guide[guide.index("| code |") :].split("\n\n")[0]
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", codes, flags=re.MULTILINE)))
    assert set(named) == {code.value for code in records.Code}


def test_every_example_of_the_guide_is_a_mapping() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 3
    read = [mapping.parse(block) for block in blocks]
    assert list(read[0].records) == ["product", "customer", "order", "line"]
    assert read[0].records["product"].fields["category"].words
