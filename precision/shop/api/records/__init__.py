"""Records by the API: `addresses()` gives the address of every kind."""

from precision.shop.api.records.addresses import addresses

__all__ = ["addresses"]
