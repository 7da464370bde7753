"""Staff pages; importing this package registers them all."""

from segments.admin import (
    class_rules,
    clusters,
    groups,
    labels,
    lifecycle,
    overrides,
    portals,
    portraits,
    predictions,
    prices,
    product_labels,
    rfm,
    screening,
    segment_rows,
    value,
)

__all__ = [
    "class_rules",
    "clusters",
    "groups",
    "labels",
    "lifecycle",
    "overrides",
    "portals",
    "portraits",
    "predictions",
    "prices",
    "product_labels",
    "rfm",
    "screening",
    "segment_rows",
    "value",
]
