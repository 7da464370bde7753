"""Labels of products, every night."""

from typing import Final

import narwhals as nw
import polars as pl

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.reading import read_frame
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import history, interests, scopes
from precision.shop.models import Platform
from segments import kept, product_labels
from segments.jobs.frames import once
from segments.methods import prices
from segments.methods import product_labels as m
from segments.methods.price_classes import PRICE_CLASS
from segments.models import ProductLabelRow

TOPICS: Final = 10
"""Words of interest that a product shows at most."""
_TOPICS = "_topics"


def compute_product_labels(run: Run, engine: Engine) -> Outcome:
    """Write ProductLabelRow rows of the run's platform, and the same as a file."""
    scope = scopes.read(run.scope)
    platform = scope.platforms[0]
    as_of = epoch_day(run.as_of)
    with history.snapshot():
        lines = once(scope.scan("order_lines", run.as_of))
        events = scope.scan("events", run.as_of)
        goods = _goods(platform)
        found = m.labelled(
            nw.from_native(goods.drop(product_labels.GIVEN).lazy()),
            _prices(platform),
            lines,
            events,
            _classes(platform),
            as_of=as_of,
        ).collect("polars").to_native()  # fmt: skip
    table = found.select(
        c.PRODUCT,
        product_labels.CATEGORY,
        product_labels.BRAND,
        m.PRICE_TIER,
        prices.PRICE_POSITION,
        (pl.col(prices.USUAL_PRICE_E4) / c.MONEY).alias(product_labels.USUAL_PRICE),
        prices.DISCOUNT_SHARE,
        m.REPEATABLE,
        m.REBUY_SHARE,
        m.SEASON,
        m.SEASONALITY,
        m.BUYERS_CLASS,
        m.BUYERS_CLASS_LIFT,
        m.TYPICAL_HOUR,
        m.DAYPART,
        m.NOVELTY,
        (as_of - 1 - pl.col(m.FIRST_DAY)).alias(product_labels.AGE_DAYS),
        m.LINES,
        m.BUYERS,
    ).sort(c.PRODUCT)
    rows = copy_rows(ProductLabelRow, _as_rows(run, table, goods))
    kept.write(run, product_labels.JOB, table)
    known = table.select(pl.all().exclude(c.PRODUCT).count()).row(0, named=True)
    return Outcome(rows={"product_label_row": rows}, measures={"products": table.height, "known": known})


def _goods(platform: Platform) -> pl.DataFrame:
    """Return what the shop says of its products: PRODUCT, category, brand, REPEATABLE, topics, and its own labels."""
    products = read_frame(f"""
        SELECT p.id AS "{c.PRODUCT}", array_to_string(k.path, ' / ') AS "{product_labels.CATEGORY}",
               nullif(p.brand, '') AS "{product_labels.BRAND}", p.repeatable AS "{m.REPEATABLE}",
               p.category_id AS "{c.CATEGORY}_id", p.labels::text AS "{product_labels.GIVEN}"
        FROM precision_shop_product p LEFT JOIN precision_shop_category k ON k.id = p.category_id
        WHERE p.platform_id = {platform.pk:d} AND p.same_as_id IS NULL
    """)
    return products.join(_topics(platform), on=f"{c.CATEGORY}_id", how="left").drop(f"{c.CATEGORY}_id")


def _topics(platform: Platform) -> pl.DataFrame:
    """Return the words of interest of each category, the most trusted first."""
    terms = [(term.category, term.topic) for term in interests.vocabulary(platform) if term.category]
    frame = pl.DataFrame(terms, schema={f"{c.CATEGORY}_id": pl.Int64, _TOPICS: pl.String}, orient="row")
    return frame.group_by(f"{c.CATEGORY}_id", maintain_order=True).agg(
        pl.col(_TOPICS).unique(maintain_order=True).head(TOPICS).alias(product_labels.INTERESTS)
    )


def _prices(platform: Platform) -> "nw.LazyFrame[pl.LazyFrame]":
    """Return the price figures of the run of price classes in force; no row before one."""
    run = runs.published_ids(platform.key).get("price-classes", 0)
    return nw.from_native(
        read_frame(f"""
            SELECT product_id AS "{c.PRODUCT}", usual_price AS "{prices.USUAL_PRICE_E4}",
                   price_position AS "{prices.PRICE_POSITION}", discount_share AS "{prices.DISCOUNT_SHARE}"
            FROM precision_segments_productprice WHERE run_id = {run:d}
        """).lazy()
    )


def _classes(platform: Platform) -> "nw.LazyFrame[pl.LazyFrame]":
    """Return CUSTOMER and PRICE_CLASS of the run of price classes in force."""
    run = runs.published_ids(platform.key).get("price-classes", 0)
    return nw.from_native(
        read_frame(f"""
            SELECT customer_id AS "{c.CUSTOMER}", letter AS "{PRICE_CLASS}"
            FROM precision_segments_customerclass WHERE run_id = {run:d}
        """).lazy()
    )


def _as_rows(run: Run, table: pl.DataFrame, goods: pl.DataFrame) -> pl.DataFrame:
    """Return the table as rows of ProductLabelRow: the labels of a product as one JSON object."""
    told = goods.select(
        c.PRODUCT,
        pl.col(product_labels.INTERESTS).fill_null([]),
        pl.col(product_labels.GIVEN).fill_null("{}"),
    )
    labels = [product_labels.INTERESTS, *(name for name in table.columns if name != c.PRODUCT)]
    return table.join(told, on=c.PRODUCT, how="left").select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(c.PRODUCT).alias("product_id"),
        # What the shop gave is JSON text already: it goes in as it is.
        pl.concat_str(
            pl.struct(labels).struct.json_encode().str.strip_suffix("}"),
            pl.lit(f',"{product_labels.GIVEN}":'),
            pl.col(product_labels.GIVEN),
            pl.lit("}"),
        ).alias("values"),
    )


register(
    Job(
        name=product_labels.JOB,
        title="labels of products",
        compute=compute_product_labels,
        after=("price-classes",),
    )
)
