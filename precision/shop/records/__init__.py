"""The wire format: which fields each kind of record has, what they hold, and when a value is refused.

The same fields come in by files, mappings and REST (design: Records). This package only states the format;
values are read by `precision.shop.importing.values`.
"""

from precision.shop.records.codes import REASONS, Code
from precision.shop.records.fields import CLOCK_SKEW, EARLIEST, LARGEST, NAMES_SEPARATOR, Field, Kind, Type
from precision.shop.records.kinds import (
    ASSIGNMENT,
    CONSENT,
    CUSTOMER,
    EVENT,
    EXPOSED_ITEM,
    EXPOSURE,
    IDENTITY,
    IDENTITY_KINDS,
    KINDS,
    LINE,
    ORDER,
    ORDER_STATUSES,
    PRODUCT,
    REFUND,
    RESPONSE,
    SEND,
    SHIPMENT,
    STORE,
    STORE_MONTH,
    TICKET,
)

__all__ = [
    "ASSIGNMENT",
    "CLOCK_SKEW",
    "CONSENT",
    "CUSTOMER",
    "EARLIEST",
    "EVENT",
    "EXPOSED_ITEM",
    "EXPOSURE",
    "IDENTITY",
    "IDENTITY_KINDS",
    "KINDS",
    "LARGEST",
    "LINE",
    "NAMES_SEPARATOR",
    "ORDER",
    "ORDER_STATUSES",
    "PRODUCT",
    "REASONS",
    "REFUND",
    "RESPONSE",
    "SEND",
    "SHIPMENT",
    "STORE",
    "STORE_MONTH",
    "TICKET",
    "Code",
    "Field",
    "Kind",
    "Type",
]
