"""A few hand-written rows of each trap, and what it takes to load them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from demo import sources
from precision.shop import mapping, platforms
from precision.shop.importing import ImportSummary, import_files
from precision.shop.models import OrderLine, Platform

OLD, NEW = "Year 2009-2010", "Year 2010-2011"
UK = "United Kingdom"
HEART = "WHITE HANGING HEART T-LIGHT HOLDER "
OTHER_HEART = "CREAM HANGING HEART T-LIGHT HOLDER"
VOUCHER = "Dotcomgiftshop Gift Voucher £20.00"
GIFTS_COLUMNS = [
    "sheet", "Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID",
    "Country",
]  # fmt: skip
GIFTS: list[tuple[Any, ...]] = [
    # An order of customer 1, one line twice; local summer time.
    (OLD, "500001", "85123A", HEART, 6, (2010, 6, 1, 10, 0), 2.55, 1, "EIRE"),
    (OLD, "500001", "85123A", HEART, 6, (2010, 6, 1, 10, 0), 2.55, 1, "EIRE"),
    (OLD, "500001", "47503J ", "SET/3  FLORAL GARDEN TOOLS", 1, (2010, 6, 1, 10, 1), 16.13, 1, "EIRE"),
    (OLD, "500001", "POST", "POSTAGE", 1, (2010, 6, 1, 10, 0), 18.00, 1, "EIRE"),
    # Part of it comes back, with a manual entry beside it; later the customer moves.
    (OLD, "C500002", "85123A", HEART, -2, (2010, 6, 8, 9, 30), 2.55, 1, "EIRE"),
    (OLD, "C500002", "M", "Manual", 1, (2010, 6, 8, 9, 30), 373.57, 1, "EIRE"),
    (NEW, "500009", "85123a", OTHER_HEART, 1, (2010, 12, 5, 12, 0), 2.95, 1, "Spain"),
    # The same row in the sheet that overlaps.
    (OLD, "500009", "85123a", OTHER_HEART, 1, (2010, 12, 5, 12, 0), 2.95, 1, "Spain"),
    # A guest pays twice as much, and buys something that nobody with a number ever bought.
    (OLD, "500003", "85123A", HEART, 1, (2010, 6, 2, 15, 0), 5.91, None, UK),
    (OLD, "500003", "20739", "*USB Office Glitter Lamp", 1, (2010, 6, 2, 15, 0), 8.47, None, UK),
    (OLD, "500003", "DOT", "DOTCOM POSTAGE", 1, (2010, 6, 2, 15, 0), 150.00, None, UK),
    # Nothing of these is a sale of goods, and customer 2 never buys any.
    (OLD, "500004", "gift_0001_20", VOUCHER, 1, (2010, 6, 3, 9, 0), 17.02, 2, "Unspecified"),
    (OLD, "500005", "85123A", "damaged", -40, (2010, 6, 4, 9, 0), 0.0, None, UK),
    (OLD, "500006", "85123A", None, 12, (2010, 6, 4, 9, 0), 0.0, None, UK),
    (OLD, "A500007", "B", "Adjust bad debt", 1, (2010, 6, 4, 9, 0), -53594.36, None, UK),
    (OLD, "500008", "PADS", "PADS TO MATCH ALL CUSHIONS", 1, (2010, 6, 4, 9, 0), 0.001, 3, UK),
    (OLD, "500008", "S", "SAMPLES", 1, (2010, 6, 4, 9, 0), 30.0, 3, UK),
    (OLD, "500008", "22423", "REGENCY CAKESTAND 3 TIER", 2, (2010, 6, 4, 9, 0), 12.75, 3, "Unspecified"),
]

LINE_COLUMNS = [
    "household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc",
    "coupon_disc", "coupon_match_disc",
]  # fmt: skip
LINES: list[tuple[Any, ...]] = [
    # Loyalty card 0.50 off, a coupon of 1.00 and the shop's match of 0.40: two for 3.10 in the place of 5.00.
    (900, 330, 71, 1, 2, 4.10, 0.50, 1.00, 0.40),
    # One free with another: list price 2.99, paid nothing.
    (900, 330, 71, 2, 1, 0.0, 2.99, 0.0, 0.0),
    # The coupon was worth more than the goods.
    (900, 330, 71, 3, 1, 0.75, 0.0, 1.00, 0.0),
    # 10.601 gallons.
    (900, 330, 72, 4, 10601, 24.80, 0.0, 0.0, 0.0),
    # 15 dollars at the pump, gallons unknown.
    (901, 331, 73, 6533765, 1, 15.0, 0.0, 0.0, 0.0),
    # In no product table.
    (901, 331, 73, 926775, 1, 2.99, 0.0, 0.0, 0.0),
    # A coupon by itself, a line taken back, goods without a price: no sale.
    (901, 331, 73, 5978656, 0, 0.0, 0.0, 2.0, 0.0),
    (901, 331, 74, 1, 0, 0.01, 0.0, 0.0, 0.0),
    (901, 331, 74, 2, 1, 0.0, 0.0, 0.0, 0.0),
]
PRODUCT_COLUMNS = [
    "product_id", "manufacturer_id", "department", "brand", "product_category", "product_type",
    "package_size",
]  # fmt: skip
PRODUCTS: list[tuple[Any, ...]] = [
    (1, 69, "GROCERY", "Private", "COLD CEREAL", "KIDS CEREAL", "12.7 OZ"),
    (2, 5804, "DRUG GM", "National", "CANDY - CHECKLANE", "CANDY BARS (SINGLES)(INCLUDING", None),
    (3, 2, "MISCELLANEOUS", "National", None, None, None),
    (4, 2, "MISCELLANEOUS", "National", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", None),
    (6533765, 2, "FUEL", "National", "FUEL", "GASOLINE-REG UNLEADED", None),
    (7, 2, "MISCELLANEOUS", "National", "COUPON/MISC ITEMS", "MASTERCARD GIFT CARD", None),
]
PEOPLE_COLUMNS = [
    "household_id", "age", "income", "home_ownership", "marital_status", "household_size", "household_comp",
    "kids_count",
]  # fmt: skip
PEOPLE: list[tuple[Any, ...]] = [
    (900, "65+", "35-49K", "Homeowner", "Married", "2", "2 Adults No Kids", "0"),
    (902, "19-24", "Under 15K", None, None, "1", "1 Adult No Kids", "0"),
]


def write(path: Path, rows: Sequence[tuple[Any, ...]], columns: Sequence[str], **extra: pl.Expr) -> Path:
    """Write the rows as Parquet; return the path."""
    frame = pl.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None)
    frame.with_columns(**extra).write_parquet(path)
    return path


def gifts_file(folder: Path) -> Path:
    """Write the rows of the gift shop; return the file."""
    rows = [(*row[:5], datetime(*row[5]), *row[6:]) for row in GIFTS]  # noqa: DTZ001 local, as in the source
    return write(
        folder / "gifts.parquet",
        rows,
        GIFTS_COLUMNS,
        InvoiceDate=pl.col("InvoiceDate").cast(pl.Datetime("ms")),
        Quantity=pl.col("Quantity").cast(pl.Int32),
    )


def grocer_files(folder: Path) -> dict[str, Path]:
    """Write the rows of the grocery chain; return its files by data set. All baskets are of one moment."""
    moment = pl.lit(datetime(2018, 1, 1, 4, 1, 20)).cast(pl.Datetime("ns"))  # noqa: DTZ001 as in the source
    return {
        "lines": write(folder / "lines.parquet", LINES, LINE_COLUMNS, transaction_timestamp=moment),
        "products": write(folder / "products.parquet", PRODUCTS, PRODUCT_COLUMNS),
        "people": write(folder / "people.parquet", PEOPLE, PEOPLE_COLUMNS),
    }


def load(key: str, files: Mapping[str, Path]) -> tuple[Platform, ImportSummary]:
    """Import the files into a platform like the sample shop's; return it and what became of the rows."""
    shop = next(shop for shop in sources.shops() if shop.key == key)
    if not Platform.objects.filter(key=key).exists():
        platforms.create_platform(key, name=shop.name, currency=shop.currency, timezone=shop.timezone)
    platform = Platform.objects.get(key=key)
    return platform, import_files(platform, mapping.read(shop.mapping), files)


def lines_of(platform: Platform, order: str) -> list[tuple[str, Decimal, Decimal, Decimal | None]]:
    """Return product, quantity, unit price and list price of each line of an order, by product."""
    lines = OrderLine.objects.filter(order__platform=platform, order__external_id=order)
    return sorted(lines.values_list("product__external_id", "quantity", "unit_price", "list_price"))
