"""Nightly jobs about people: read facts, compute, write the rows of a run. Importing this registers them."""

from segments.jobs import groups, prices, rfm

__all__ = ["groups", "prices", "rfm"]
