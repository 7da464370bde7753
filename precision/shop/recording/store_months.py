"""Months of stores of the API into their table."""

from collections.abc import Mapping

from precision.shop.bulk import OUTCOME
from precision.shop.importing.store_months import FIGURES, KEY, load_store_months
from precision.shop.recording import resolving
from precision.shop.recording.batch import Batch
from precision.shop.recording.reading import INDEX


def write(batch: Batch) -> Mapping[int, str]:
    """Add or update what stores displayed and sold."""
    whole = batch.whole()
    frame = whole.select(
        INDEX, *FIGURES, "month", "traits",
        store_id=resolving.stores(batch, whole.get_column("store_id")),
        product_id=resolving.products(batch, whole.get_column("product_id")),
    )  # fmt: skip
    outcome = load_store_months(batch.platform, frame.drop(INDEX), replace=batch.replace, now=batch.now)
    joined = frame.join(outcome, on=KEY, how="inner", nulls_equal=True, maintain_order="left")
    return dict(joined.select(INDEX, OUTCOME).iter_rows())
