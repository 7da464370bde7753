"""Staff pages; importing this package registers them all."""

from segments.admin import groups, prices, rfm

__all__ = ["groups", "prices", "rfm"]
