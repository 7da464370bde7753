"""Products and stores of the API into their tables."""

from collections.abc import Mapping

import polars as pl

from precision.shop import aliases, bulk
from precision.shop.bulk import OUTCOME
from precision.shop.importing import catalogue
from precision.shop.models import Product
from precision.shop.recording.batch import Batch
from precision.shop.recording.reading import INDEX
from precision.shop.records import Code


def write_products(batch: Batch) -> Mapping[int, str]:
    """Add or update the products, link the aliases they declare; a new product needs a title."""
    _refuse_untitled(batch)
    if not batch.frame.height:
        return {}
    frame = batch.whole() if batch.replace else batch.frame
    outcome = catalogue.write_products(
        batch.platform, frame.drop(INDEX), replace=batch.replace, now=batch.now
    )
    named = (
        batch.frame.get_column("aliases")
        if "aliases" in batch.frame.columns
        else pl.Series([None], dtype=pl.List(pl.String))
    )
    if (named.list.len() > 0).any() or bulk.ACCEPTED in outcome.get_column(OUTCOME):
        # A new product may be what another one's name has waited for.
        aliases.link_declared(batch.platform.organisation)
    elif batch.replace or named.is_not_null().any():
        aliases.take_back_undeclared(batch.platform.organisation)  # there may be no names where some were
    return by_index(batch.frame, outcome, "product_id")


def write_stores(batch: Batch) -> Mapping[int, str]:
    """Add or update the stores."""
    frame = batch.whole() if batch.replace else batch.frame
    outcome = catalogue.load_stores(batch.platform, frame.drop(INDEX), replace=batch.replace, now=batch.now)
    return by_index(batch.frame, outcome, "store_id")


def by_index(frame: pl.DataFrame, outcome: pl.DataFrame, key: str) -> dict[int, str]:
    """Return the outcome of each row of the frame by its index, from outcomes by key."""
    joined = frame.select(INDEX, key).join(outcome, on=key, how="inner", maintain_order="left")
    return dict(joined.select(INDEX, OUTCOME).iter_rows())


def _refuse_untitled(batch: Batch) -> None:
    """Refuse rows without a title, unless they tell something new about a product that has one."""
    frame = batch.frame
    bare = frame.filter(pl.col("title").is_null()) if "title" in frame.columns else frame
    if not bare.height:
        return
    known = pl.Series("external_id", [], dtype=pl.String)
    if not batch.replace:
        known = bulk.lookup(
            Product,
            bare.select(external_id="product_id"),
            within={"platform_id": batch.platform.pk, "listed": True},
            columns={"id": pl.Int64},
        ).get_column("external_id")
    lacking = bare.filter(~pl.col("product_id").is_in(known.implode())).get_column(INDEX).to_list()
    batch.refuse(lacking, Code.MISSING, "title")
