"""Nightly jobs about people: read facts, compute, write the rows of a run. Importing this registers them."""

from segments.jobs import (
    groups,
    labels,
    lifecycle,
    models,
    portals,
    portraits,
    prices,
    product_labels,
    rfm,
    scores,
    value,
)

__all__ = [
    "groups",
    "labels",
    "lifecycle",
    "models",
    "portals",
    "portraits",
    "prices",
    "product_labels",
    "rfm",
    "scores",
    "value",
]
