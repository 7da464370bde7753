"""Tables of the facts."""

from precision.shop.models.activity import Event, Order, OrderLine
from precision.shop.models.catalogue import Category, Product, ProductAlias
from precision.shop.models.intake import ImportBatch
from precision.shop.models.organisation import ApiKey, Organisation, Platform
from precision.shop.models.parties import Customer, Identity, Profile
from precision.shop.models.stores import Store

__all__ = [
    "ApiKey",
    "Category",
    "Customer",
    "Event",
    "Identity",
    "ImportBatch",
    "Order",
    "OrderLine",
    "Organisation",
    "Platform",
    "Product",
    "ProductAlias",
    "Profile",
    "Store",
]
