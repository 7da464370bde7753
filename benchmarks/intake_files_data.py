"""Generated files of a shop, and the least that PostgreSQL has to do to take the same rows."""

from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

START: Final = datetime(2025, 1, 1)  # noqa: DTZ001 the file has local times
PRODUCTS: Final = 20_000
LINES_AN_ORDER: Final = 2.5
LINES_A_VISIT: Final = 9
SEED: Final = 20_260_301

ORDERS_MAPPING: Final = """
version = 1
[files.lines]
[order]
from = "lines"
order_id = "order"
customer_id = "customer"
placed_at = "placed"
[order.lines]
product_id = "product"
quantity = "quantity"
unit_price = "price"
"""
EVENTS_MAPPING: Final = """
version = 1
[files.events]
[event]
from = "events"
event_id = "id"
event = "event"
anonymous_id = "visitor"
at = "at"
product_id = "product"
[event.properties]
page = "page"
"""
ORDERS_TABLE: Final = '"order" text, customer text, placed text, product text, quantity text, price text'
EVENTS_TABLE: Final = "id text, event text, visitor text, at text, product text, page text"
# One statement a table, in the order that foreign keys want; without any check of a value.
PRODUCTS_SQL: Final = """
INSERT INTO precision_shop_product (platform_id, external_id, title, brand, currency, url, image_url, in_stock, active,
    listed, labels, traits, aliases, updated_at)
SELECT {platform}, product, 'Product ' || product, '', 'EUR', '', '', true, true, false, '{{}}', '{{}}', '{{}}', now()
FROM (SELECT DISTINCT product FROM raw WHERE product <> '') AS told
"""
PEOPLE_SQL: Final = """
WITH told AS MATERIALIZED (
    SELECT name, nextval(pg_get_serial_sequence('precision_shop_customer', 'id')) AS number
    FROM (SELECT DISTINCT {column} AS name FROM raw WHERE {column} <> '') AS named
), added AS (
    INSERT INTO precision_shop_customer (id, organisation_id, created_at)
    SELECT number, {organisation}, now() FROM told
)
INSERT INTO precision_shop_identity (platform_id, kind, value, customer_id, created_at)
SELECT {platform}, '{kind}', name, number, now() FROM told
"""
ORDERS_SQL: Final = """
INSERT INTO precision_shop_order (platform_id, external_id, identity_id, placed_at, status, currency, channel, coupon,
    payment_method, context, fingerprint, version_at, received_at)
SELECT DISTINCT ON (r."order") {platform}, r."order", i.id, r.placed::timestamptz, 'completed', 'EUR', '', '', '',
    '{{}}', 0, now(), now()
FROM raw r LEFT JOIN precision_shop_identity i
    ON i.platform_id = {platform} AND i.kind = 'customer_id' AND i.value = r.customer
"""
LINES_SQL: Final = """
INSERT INTO precision_shop_orderline (order_id, product_id, quantity, unit_price)
SELECT o.id, p.id, (r.quantity::numeric * 1000)::bigint, (r.price::numeric * 10000)::bigint
FROM raw r JOIN precision_shop_order o ON o.platform_id = {platform} AND o.external_id = r."order"
JOIN precision_shop_product p ON p.platform_id = {platform} AND p.external_id = r.product
"""
EVENTS_SQL: Final = """
INSERT INTO precision_shop_event (platform_id, message, identity_id, name, at, received_at, product_id, properties)
SELECT {platform}, decode(md5(r.id), 'hex'), i.id, r.event, r.at::timestamptz, now(), p.id,
    jsonb_build_object('page', r.page)
FROM raw r LEFT JOIN precision_shop_identity i
    ON i.platform_id = {platform} AND i.kind = 'anonymous_id' AND i.value = r.visitor
LEFT JOIN precision_shop_product p ON p.platform_id = {platform} AND p.external_id = r.product
ON CONFLICT DO NOTHING
"""


def write_lines(path: Path, count: int) -> None:
    """Write a CSV file of so many order lines: some are guests', products sell unevenly."""
    rng = np.random.default_rng(SEED)
    orders = np.sort(rng.integers(0, max(1, round(count / LINES_AN_ORDER)), count))
    customers = orders * 7_919 % max(1, count // 8)
    frame = pl.DataFrame(
        {
            "order": orders, "customer": customers, "minute": orders % 500_000,
            "product": _products(rng, count), "quantity": rng.integers(1, 6, count),
            "price": rng.integers(100, 9_999, count),
        }
    )  # fmt: skip
    frame.select(
        order=pl.format("o-{}", "order"),
        customer=pl.when(pl.col("customer") % 10 != 0)
        .then(pl.format("c-{}", "customer"))
        .otherwise(pl.lit("")),
        placed=_times("minute"),
        product=pl.format("p-{}", "product"),
        quantity="quantity",
        price=(pl.col("price") / 100),
    ).write_csv(path)


def write_events(path: Path, count: int) -> None:
    """Write a CSV file of so many events of visitors, half of them of a product."""
    rng = np.random.default_rng(SEED + 1)
    frame = pl.DataFrame(
        {
            "number": np.arange(count), "visitor": np.sort(rng.integers(0, max(1, count // 10), count)),
            "minute": rng.integers(0, 500_000, count), "product": _products(rng, count),
            "views": rng.random(count) < 0.5, "page": rng.integers(0, 1_000, count),
        }
    )  # fmt: skip
    views = pl.col("views")
    frame.select(
        id=pl.format("e-{}", "number"),
        event=pl.when(views).then(pl.lit("Product Viewed")).otherwise(pl.lit("Page Viewed")),
        visitor=pl.format("v-{}", "visitor"),
        at=_times("minute"),
        product=pl.when(views).then(pl.format("p-{}", "product")).otherwise(pl.lit("")),
        page=pl.format("/page/{}", "page"),
    ).write_csv(path)


def write_log(path: Path, count: int) -> None:
    """Write an access log of so many lines in the combined format: a third are static files."""
    rng = np.random.default_rng(SEED + 2)
    number = np.arange(count)
    visits = np.sort(rng.integers(0, 40_000, max(1, count // LINES_A_VISIT)))
    visit = np.minimum(number // LINES_A_VISIT, visits.size - 1)
    frame = pl.DataFrame(
        {
            "visitor": visit * 7_919 % max(1, visits.size // 2), "minute": visits[visit],
            "second": number % LINES_A_VISIT * 20, "kind": rng.integers(0, 6, count), "product": _products(rng, count),
        }
    )  # fmt: skip
    target = (
        pl.when(pl.col("kind") < 2).then(pl.format("/static/{}.js", "product"))
        .when(pl.col("kind") < 4).then(pl.format("/product/p-{}", "product"))
        .when(pl.col("kind") == 4).then(pl.format("/find?q=word+{}&session=x", "product"))
        .otherwise(pl.format("/page/{}?utm_source=news", "product"))
    )  # fmt: skip
    visitor = pl.col("visitor")
    at = (pl.lit(START) + pl.duration(minutes="minute", seconds="second")).dt.strftime(
        "%d/%b/%Y:%H:%M:%S +0000"
    )
    ip = pl.format("10.{}.{}.{}", visitor // 65_536, visitor // 256 % 256, visitor % 256)
    agent = pl.lit("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0")
    lines = frame.select(
        pl.format(
            '{} - - [{}] "GET {} HTTP/1.1" 200 5120 "https://shop.example/" "{}"', ip, at, target, agent
        )
    ).to_series()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _products(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return product numbers of which few are much sought."""
    return (PRODUCTS * rng.random(count) ** 3).astype(np.int64)


def _times(minutes: str) -> pl.Expr:
    return (pl.lit(START) + pl.duration(minutes=minutes)).dt.strftime("%Y-%m-%d %H:%M:%S")
