"""What the mappings make of the whole data sets: every trap is met, and as often as docs/demo.md says."""

from pathlib import Path

import polars as pl
import pytest

from demo import sources
from precision.shop import mapping
from precision.shop.importing.datasets import prepare
from precision.shop.importing.rejects import Rejects

DOCS = Path(__file__).resolve().parents[2] / "docs" / "demo.md"

GIFTS = {
    "postage": 3_886, "manual_entry": 1_565, "bookkeeping": 228, "gift_voucher": 104, "sample": 101,
    "no_product": 40, "stock_correction": 3_391, "no_price": 2_566,
}  # fmt: skip
GROCER = {"coupon_only": 2_978, "quantity_zero": 5_891, "no_value": 263}


def prepared(key: str, name: str) -> tuple[pl.DataFrame, int, int, dict[str, int]]:
    """The usable rows of a data set, how many it has, how many repeat others, and the rejected by code."""
    shop = next(shop for shop in sources.shops() if shop.key == key)
    rules = mapping.read(shop.mapping)
    rejects = Rejects()
    frame, rows, repeated = prepare(
        rules, rules.files[name], [shop.files[name]], kind="line", first=0, rejects=rejects
    )
    codes = dict(rejects.frame().group_by("code").len().iter_rows())
    return frame, sum(rows.values()), repeated, codes


@pytest.fixture(scope="module")
def gifts() -> tuple[pl.DataFrame, int, int, dict[str, int]]:
    return prepared("gifts", "lines")


@pytest.fixture(scope="module")
def grocer() -> tuple[pl.DataFrame, int, int, dict[str, int]]:
    return prepared("grocer", "lines")


def test_gifts_counts(gifts: tuple[pl.DataFrame, int, int, dict[str, int]]) -> None:
    frame, rows, repeated, codes = gifts
    assert codes == GIFTS
    assert (rows, repeated, frame.height) == (1_067_370, 22_523 + 11_812, 1_021_154)
    assert rows == repeated + frame.height + sum(codes.values())
    assert frame["Invoice"].n_unique() == 46_916
    assert frame["code"].n_unique() == 4_734
    assert frame["Customer ID"].drop_nulls().n_unique() == 5_875


def test_gifts_accepted_rows(gifts: tuple[pl.DataFrame, int, int, dict[str, int]]) -> None:
    frame = gifts[0]
    returns = frame.filter("is_return")
    assert (returns.height, returns["Invoice"].n_unique()) == (17_911, 7_403)
    # A line takes goods back exactly where its invoice is a cancellation, and everything has a price.
    assert frame.filter((pl.col("Quantity") < 0) != pl.col("is_return")).is_empty()
    assert frame["Price"].min() == 0.03
    guests = frame.filter(pl.col("Customer ID").is_null())
    assert (guests.height, guests["Invoice"].n_unique()) == (227_088, 3_045)
    assert {"DCGS0058", "DCGSSGIRL", "SP1002", "47503J"} <= set(frame["code"])
    priced = frame.group_by("code").agg(pl.col("customer_price").drop_nulls().len())
    assert priced.filter(pl.col("customer_price") == 0).height == 117
    descriptions = frame.group_by("code").agg(pl.col("plain").n_unique())
    assert descriptions.filter(pl.col("plain") > 1).height == 596
    countries = frame.drop_nulls("Customer ID").group_by("Customer ID").agg(pl.col("country").n_unique())
    assert countries.filter(pl.col("country") > 1).height == 12
    minutes = frame.group_by("Invoice").agg(pl.col("InvoiceDate").n_unique())
    assert minutes.filter(pl.col("InvoiceDate") > 1).height == 83


def test_grocer_counts(grocer: tuple[pl.DataFrame, int, int, dict[str, int]]) -> None:
    frame, rows, repeated, codes = grocer
    assert codes == GROCER
    assert (rows, repeated, frame.height) == (1_469_307, 0, 1_460_175)
    assert frame["basket_id"].n_unique() == 155_381
    assert frame["household_id"].n_unique() == 2_469


def test_grocer_prices(grocer: tuple[pl.DataFrame, int, int, dict[str, int]]) -> None:
    frame = grocer[0]
    products = prepared("grocer", "products")[0].select("product_id", "is_fuel", "by_amount", "first_level")
    frame = frame.join(products, on="product_id", how="left")
    assert frame.filter(pl.col("before_discounts") < pl.col("paid")).is_empty()
    # A coupon leaves a rounding residue of 1e-16 here and there: half a cent tells it from a price.
    assert frame.filter(pl.col("before_discounts") - pl.col("paid") > 0.005).height == 743_203
    assert frame.filter(pl.col("paid") < 0.005).height == 3_814
    assert frame.filter("gallons").height == 13_520
    assert frame.filter("gallons")["is_fuel"].all()
    pump = frame.filter("by_amount")
    assert (pump.height, pump["quantity"].max(), pump["first_level"].null_count()) == (1_177, 1, 1_177)
    # Nobody takes a thousand pieces of anything home, and fuel costs between 1.78 and 3.26 dollars a gallon.
    assert frame["amount"].max() == 144
    gallon = frame.filter("gallons").select(pl.col("paid") / pl.col("amount")).to_series()
    assert 1.78 < gallon.min() < gallon.max() < 3.27
    unknown = frame.filter(pl.col("is_fuel").is_null())
    assert (unknown.height, unknown["product_id"].n_unique()) == (32, 3)


def test_grocer_goods() -> None:
    products = prepared("grocer", "products")[0]
    assert products["is_goods"].null_count() == 0
    hidden = products.filter(~pl.col("is_goods"))
    assert {"COUPONS/STORE & MFG", "BOTTLE DEPOSITS", "MASTERCARD GIFT CARD"} <= set(hidden["product_type"])
    kept = set(products.filter("is_goods")["product_type"])
    assert {"PHONE CARDS", "GREETING CARDS", "MISC SNACKS", "ICE - CRUSHED/CUBED"} & kept == {
        "PHONE CARDS", "MISC SNACKS", "ICE - CRUSHED/CUBED",
    }  # fmt: skip
    assert products["title"].null_count() == 0
    assert products.filter(pl.col("name").str.contains(r"\([^)]*$")).is_empty()


@pytest.mark.parametrize("counts", [GIFTS, GROCER], ids=["gifts", "grocer"])
def test_documented(counts: dict[str, int]) -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    for code, count in counts.items():
        assert any(f"| {count:,} |" in line and f"`{code}`" in line for line in lines), code
