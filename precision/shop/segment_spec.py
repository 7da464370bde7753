"""The words of the event dialect that the common customer-data SDKs speak: one name for each event of a shop.

The names are those of the e-commerce specification, version 2, of that dialect (Twilio Segment documentation, “Spec: V2
Ecommerce Events”), with those of version 1 as aliases, and a few that it lacks. Case, and whether words are parted by
spaces, underscores or hyphens, make no difference. An event that stands in no table keeps the name it came with.
"""

from types import MappingProxyType
from typing import Final

PAGE_VIEWED: Final = "Page Viewed"
SCREEN_VIEWED: Final = "Screen Viewed"
IDENTIFIED: Final = "Customer Identified"
GROUPED: Final = "Group Joined"
ALIASED: Final = "Identity Aliased"

ORDER_COMPLETED: Final = "Order Completed"
ORDER_UPDATED: Final = "Order Updated"
ORDER_CANCELLED: Final = "Order Cancelled"
ORDER_REFUNDED: Final = "Order Refunded"
RETURN_REQUESTED: Final = "Return Requested"
RETURN_COMPLETED: Final = "Return Completed"

BROWSING: Final = ("Products Searched", "Product List Viewed", "Product List Filtered")
PROMOTIONS: Final = ("Promotion Viewed", "Promotion Clicked")
ORDERING: Final = (
    "Product Clicked", "Product Viewed", "Product Added", "Product Removed", "Cart Viewed", "Checkout Started",
    "Checkout Step Viewed", "Checkout Step Completed", "Checkout Completed", "Payment Info Entered", ORDER_COMPLETED,
    ORDER_UPDATED, ORDER_CANCELLED, ORDER_REFUNDED,
)  # fmt: skip
COUPONS: Final = ("Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed")
WISHES: Final = (
    "Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart",
)  # fmt: skip
SHARING: Final = ("Product Shared", "Cart Shared")
REVIEWING: Final = ("Product Reviewed",)
LACKING: Final = (
    "Product Compared", "Inquiry Sent", "Customer Registered", RETURN_REQUESTED, RETURN_COMPLETED, "Ticket Opened",
    "Ticket Closed", "Shipment Delivered", "Feedback Given", "Flash Sale Joined", "Group Buy Joined", "Comment Posted",
    "Sensor Reading",
)  # fmt: skip
"""What the specification lacks and a shop has."""
CALLS: Final = MappingProxyType(
    {
        "page": PAGE_VIEWED,
        "screen": SCREEN_VIEWED,
        "identify": IDENTIFIED,
        "group": GROUPED,
        "alias": ALIASED,
    }
)
"""Under which name a call that is no `track` is kept."""

EVENTS: Final = (
    *BROWSING, *PROMOTIONS, *ORDERING, *COUPONS, *WISHES, *SHARING, *REVIEWING, *LACKING, PAGE_VIEWED, SCREEN_VIEWED,
    IDENTIFIED, GROUPED, ALIASED,
)  # fmt: skip
ORDER_CHANGES: Final = frozenset({ORDER_UPDATED, ORDER_CANCELLED, ORDER_REFUNDED, RETURN_COMPLETED})
"""Events that change an order which is there already."""
ORDERS: Final = ORDER_CHANGES | {ORDER_COMPLETED}
"""Events that are an order, or change one."""

ALIASES: Final = MappingProxyType(
    {
        "Product Category Viewed": "Product List Viewed",
        "Viewed Product Category": "Product List Viewed",
        "Viewed Product Listing": "Product List Viewed",
        "Product Listing Viewed": "Product List Viewed",
        "Product Searched": "Products Searched",
        "Searched Product": "Products Searched",
        "Viewed Product Details": "Product Viewed",
        "Viewed Product Detail": "Product Viewed",
        "Product Details Viewed": "Product Viewed",
        "Added to Cart": "Product Added",
        "Add to Cart": "Product Added",
        "Product Added to Cart": "Product Added",
        "Removed from Cart": "Product Removed",
        "Remove from Cart": "Product Removed",
        "Product Removed from Cart": "Product Removed",
        "Order Started": "Checkout Started",
        "Started Order": "Checkout Started",
        "Entered Payment Info": "Payment Info Entered",
        "Payment Information Entered": "Payment Info Entered",
        "Order Canceled": ORDER_CANCELLED,
        "Canceled Order": ORDER_CANCELLED,
        "Transaction Completed": ORDER_COMPLETED,
        "Completed Transaction": ORDER_COMPLETED,
        "Transaction Refunded": ORDER_REFUNDED,
        "Refunded Transaction": ORDER_REFUNDED,
        "Added Product to Wishlist": "Product Added to Wishlist",
        "Added to Wishlist": "Product Added to Wishlist",
        "Removed Product from Wishlist": "Product Removed from Wishlist",
        "Removed from Wishlist": "Product Removed from Wishlist",
        "Added Wishlist Product to Cart": "Wishlist Product Added to Cart",
        "Wishlist Product Added": "Wishlist Product Added to Cart",
        "Signed Up": "Customer Registered",
        "Account Created": "Customer Registered",
        "User Registered": "Customer Registered",
        "Viewed Page": PAGE_VIEWED,
        "Viewed Screen": SCREEN_VIEWED,
        "Product Review Submitted": "Product Reviewed",
    }
)
"""Names of older versions and common misspellings, beside those that only turn the words: see `canonical`."""

NUMBERS: Final = frozenset(
    {
        "price", "list_price", "unit_price", "quantity", "position", "value", "revenue", "total", "subtotal", "tax",
        "shipping", "discount", "rating", "amount", "step", "stars",
    }
)  # fmt: skip
"""Properties that are numbers; a text that reads as one becomes one."""


def _folded(name: str) -> str:
    """Return the name as it is compared."""
    return " ".join(name.replace("_", " ").replace("-", " ").split()).casefold()


def _turned(name: str) -> str:
    """Return the name as version 1 put it, the verb before its object: “Viewed Product” for “Product Viewed”."""
    *things, verb = name.split()
    return " ".join([verb, *things])


_CANONICAL: Final = MappingProxyType(
    {
        **{_folded(_turned(name)): name for name in EVENTS if not name.endswith(("Cart", "Wishlist"))},
        **{_folded(name): kept for name, kept in ALIASES.items()},
        **{_folded(name): name for name in EVENTS},
    }
)


def canonical(name: str) -> str:
    """Return the one name under which an event is kept; a name in no table comes back without spaces around it."""
    return _CANONICAL.get(_folded(name)) or name.strip()
