"""Outer ids of a batch into our numbers; what nobody has described yet is added."""

import polars as pl

from precision.shop import identities, tallies
from precision.shop.importing.catalogue import add_unlisted, product_numbers, store_numbers
from precision.shop.models import Identity
from precision.shop.recording.batch import Batch
from precision.shop.recording.reading import INDEX
from precision.shop.records import Code
from precision.shop.tallies import Outcome

PEOPLE = (Identity.Kind.CUSTOMER_ID, Identity.Kind.ANONYMOUS_ID)


def people(batch: Batch, *, required: bool = False) -> pl.Series:
    """Return the identity of each row, the known customer before the anonymous visitor; null for nobody.

    With `required` the rows whose customer id names nobody are refused, so ask for the rows only afterwards.
    """
    columns = [kind.value for kind in PEOPLE if kind.value in batch.frame.columns]
    wanted = {
        (kind, value) for kind in columns for value in batch.frame.get_column(kind).drop_nulls().to_list()
    }
    found = identities.resolve(batch.platform, wanted, now=batch.now)
    numbers = [
        next(
            (found[kind, value] for kind, value in zip(columns, row, strict=True) if (kind, value) in found),
            None,
        )
        for row in batch.frame.select(columns).iter_rows()
    ] or [None] * batch.frame.height
    made = pl.Series("identity_id", numbers, dtype=pl.Int64)
    if required and made.has_nulls():
        lacking = batch.frame.filter(made.is_null()).get_column(INDEX).to_list()
        batch.refuse(lacking, Code.UNUSABLE_IDENTITY, PEOPLE[0].value)
        made = made.drop_nulls()
    return made


def products(batch: Batch, told: pl.Series) -> pl.Series:
    """Return our number of each product id (null for none), adding products that nobody described."""
    named = told.unique().drop_nulls()
    if not len(named):
        return pl.Series("product", [None], dtype=pl.Int64).new_from_index(0, len(told))
    numbers = product_numbers(batch.platform, named)
    unknown = named.filter(~named.is_in(numbers.get_column("product_id").implode()))
    if len(unknown):
        add_unlisted(batch.platform, unknown.sort(), now=batch.now)
        numbers = product_numbers(batch.platform, named)
        count = told.is_in(unknown.implode()).sum()
        tallies.append(
            batch.platform,
            batch.source,
            {(Outcome.UNKNOWN_PRODUCT, ""): int(count)},
            kind=batch.kind.name,
            day=batch.now.date(),
        )
    joined = told.to_frame("product_id").join(numbers, on="product_id", how="left", maintain_order="left")
    return joined.get_column("product")


def stores(batch: Batch, told: pl.Series) -> pl.Series:
    """Return our number of each store id (null for none), adding stores that nobody described."""
    named = told.unique().drop_nulls()
    if not len(named):
        return pl.Series("store", [None], dtype=pl.Int64).new_from_index(0, len(told))
    numbers = store_numbers(batch.platform, named, now=batch.now)
    joined = told.to_frame("store_id").join(numbers, on="store_id", how="left", maintain_order="left")
    return joined.get_column("store")
