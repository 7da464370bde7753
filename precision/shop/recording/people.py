"""Customers of the API into their tables."""

from collections.abc import Mapping

from precision.shop.importing.customers import load_customers
from precision.shop.recording.batch import Batch
from precision.shop.recording.catalogue import by_index
from precision.shop.recording.reading import INDEX


def write(batch: Batch) -> Mapping[int, str]:
    """Add or update what the shop tells about its customers."""
    frame = batch.whole() if batch.replace else batch.frame
    outcome = load_customers(
        batch.platform, frame.drop(INDEX, "referred_by", strict=False), replace=batch.replace, now=batch.now
    )
    return by_index(batch.frame, outcome, "customer_id")
