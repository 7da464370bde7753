"""Nightly jobs about people: read facts, compute, write the rows of a run. Importing this registers them."""

from segments.jobs import (
    behaviour,
    clusters,
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
    screening,
    value,
)

__all__ = [
    "behaviour",
    "clusters",
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
    "screening",
    "value",
]
