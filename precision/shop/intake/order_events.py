"""Events of the SDK dialect that are an order or change one, turned into the wire format; pure.

The properties are those of the e-commerce specification of that dialect (Twilio Segment documentation, “Spec: V2
Ecommerce Events”: order_id, total, revenue, currency, coupon, products with product_id or sku, quantity, price), with
the spellings of older versions.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from precision.shop import segment_spec

CHANGES: Final = MappingProxyType(
    {
        segment_spec.ORDER_UPDATED: "update",
        segment_spec.ORDER_CANCELLED: "cancel",
        segment_spec.ORDER_REFUNDED: "refund",
        segment_spec.RETURN_COMPLETED: "return",
    }
)
SPELLINGS: Final = MappingProxyType(
    {
        "order_id": ("order_id", "orderId", "orderID", "order_number", "transaction_id", "transactionId"),
        "status": ("status",),
        "currency": ("currency",),
        "coupon": ("coupon", "coupon_code"),
        "channel": ("channel",),
        "store_id": ("store_id", "storeId"),
        "payment_method": ("payment_method", "paymentMethod"),
        "context": ("context",),
    }
)
"""Fields of an order, and the properties that give them; the first that is there counts."""
KEPT: Final = (
    "total", "revenue", "subtotal", "tax", "shipping", "discount", "affiliation", "checkout_id", "recommendation_id",
)  # fmt: skip
"""Properties that an order keeps in its context."""
PRODUCT: Final = ("product_id", "productId", "sku", "id")
QUANTITY: Final = ("quantity", "qty")
PRICE: Final = ("price", "unit_price", "unitPrice")
AMOUNTS: Final = ("amount", "refund_amount", "total", "revenue", "value")
REFUND: Final = ("refund_id", "refundId", "return_id", "returnId")


class OrderEvent(NamedTuple):
    """An event that is an order or changes one."""

    name: str
    """One of `segment_spec.ORDERS`."""
    properties: Mapping[str, Any]
    at: datetime
    """When it happened, in our time."""
    customer_id: str = ""
    anonymous_id: str = ""


def is_order(event: OrderEvent) -> bool:
    """Return whether the event tells a whole order, and not a change of one."""
    return event.name == segment_spec.ORDER_COMPLETED


def as_record(event: OrderEvent) -> dict[str, Any]:
    """Return the event as an order, or as a change (`change`, `at`), of the wire format; values are not checked."""
    given = event.properties
    record = {name: value for name, names in SPELLINGS.items() if (value := _first(given, names)) is not None}
    if isinstance(record.get("context"), dict):
        # Beside what the order keeps an event carries its surroundings here: device, campaign, page.
        record["context"] = {
            name: record["context"][name] for name in ("weather", "temperature") if name in record["context"]
        }
    else:
        record.pop("context", None)
    record["updated_at"] = event.at
    if is_order(event):
        record.setdefault("status", "completed")
        people = {"customer_id": event.customer_id, "anonymous_id": event.anonymous_id}
        return {
            **record, **people, **_kept(given, record), "placed_at": event.at, "lines": _lines(given, sold=True),
        }  # fmt: skip
    change = CHANGES[event.name]
    made: dict[str, Any] = {"order_id": record.get("order_id"), "change": change, "at": event.at}
    if change == "update":
        return {**record, **made, **_kept(given, record), "lines": _lines(given, sold=True)}
    if change == "cancel":
        return made
    lines = _lines(given, sold=False)
    amount = _first(given, AMOUNTS) if lines is None else None
    return {
        **made, "lines": lines, "amount": amount, "refund_id": _first(given, REFUND),
        "currency": record.get("currency"), "reason": given.get("reason"),
    }  # fmt: skip


def _kept(given: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in KEPT if given.get(name) is not None and name not in record}


def _lines(given: Mapping[str, Any], *, sold: bool) -> Any:
    """Return the lines; None where the event names no products. What is no list of products is given on as it is, to
    be refused by name.
    """
    products = given.get("products")
    if products is None and _first(given, PRODUCT[:3]) is not None:
        products = [given]  # a single product, told beside the order
    if not isinstance(products, list):
        return products
    return [_line(product, sold=sold) if isinstance(product, Mapping) else product for product in products]


def _line(product: Mapping[str, Any], *, sold: bool) -> dict[str, Any]:
    quantity = _first(product, QUANTITY)
    line = {
        "product_id": _first(product, PRODUCT),
        "quantity": 1 if quantity is None and sold else quantity,
        "unit_price": _first(product, PRICE),
        "list_price": _first(product, ("list_price", "listPrice")),
    }
    return {name: value for name, value in line.items() if value is not None}


def _first(given: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first of the properties that says anything."""
    return next((given[name] for name in names if given.get(name) not in (None, "")), None)
