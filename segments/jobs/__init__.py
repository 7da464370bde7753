"""Nightly jobs about people: read facts, compute, write the rows of a run. Importing this registers them."""

from segments.jobs import groups, portraits, prices, product_labels, rfm

__all__ = ["groups", "portraits", "prices", "product_labels", "rfm"]
