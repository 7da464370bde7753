"""Staff pages; importing this package registers them all."""

from segments.admin import (
    class_rules,
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
    value,
)

__all__ = [
    "class_rules",
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
    "value",
]
