"""Nightly jobs about people: read facts, compute, write the rows of a run. Importing this registers them."""

from segments.jobs import groups, lifecycle, portraits, prices, product_labels, rfm, value

__all__ = ["groups", "lifecycle", "portraits", "prices", "product_labels", "rfm", "value"]
