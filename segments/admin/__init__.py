"""Staff pages; importing this package registers them all."""

from segments.admin import groups, overrides, portraits, prices, product_labels, rfm

__all__ = ["groups", "overrides", "portraits", "prices", "product_labels", "rfm"]
