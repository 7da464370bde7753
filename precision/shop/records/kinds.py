"""The kinds of records with their fields."""

from types import MappingProxyType
from typing import Final

from precision.shop.records.fields import Field, Kind, Type

ORDER_STATUSES: Final = ("placed", "paid", "shipped", "completed", "cancelled", "returned")

CUSTOMER: Final = Kind(
    name="customer",
    key="customer_id",
    fields=(
        Field(name="customer_id", type=Type.ID, required=True),
        Field(name="email", type=Type.TEXT, longest=320, personal=True),
        Field(name="phone", type=Type.TEXT, longest=60, personal=True),
        Field(name="name", type=Type.TEXT, personal=True),
        Field(name="address", type=Type.OBJECT, personal=True),
        Field(name="registered_at", type=Type.TIME),
        Field(name="birth_date", type=Type.DATE),
        Field(name="gender", type=Type.TEXT, longest=20),
        Field(name="country", type=Type.TEXT, longest=60),
        Field(name="city", type=Type.TEXT, longest=100),
        Field(name="occupation", type=Type.TEXT, longest=100),
        Field(name="education", type=Type.TEXT, longest=100),
        Field(name="income", type=Type.TEXT, longest=60),
        Field(name="marital_status", type=Type.TEXT, longest=40),
        Field(name="timezone", type=Type.TEXT, longest=64),
        Field(name="language", type=Type.TEXT, longest=20),
        Field(name="referred_by", type=Type.ID),
        Field(name="identities", type=Type.RECORDS, of="identity"),
        Field(name="consents", type=Type.RECORDS, of="consent"),
        Field(name="traits", type=Type.OBJECT),
    ),
)

PRODUCT: Final = Kind(
    name="product",
    key="product_id",
    fields=(
        Field(name="product_id", type=Type.ID, required=True),
        Field(name="title", type=Type.TEXT, required=True, longest=500),
        Field(name="category", type=Type.PATH),
        Field(name="brand", type=Type.TEXT),
        Field(name="price", type=Type.MONEY, least=0),
        Field(name="list_price", type=Type.MONEY, least=0),
        Field(name="cost", type=Type.MONEY, least=0),
        Field(name="currency", type=Type.CURRENCY),
        Field(name="url", type=Type.URL, longest=1000),
        Field(name="image_url", type=Type.URL, longest=1000),
        Field(name="in_stock", type=Type.BOOLEAN),
        Field(name="active", type=Type.BOOLEAN),
        Field(name="repeatable", type=Type.BOOLEAN),
        Field(name="labels", type=Type.OBJECT),
        Field(name="aliases", type=Type.NAMES, longest=500),
        Field(name="traits", type=Type.OBJECT),
    ),
)

STORE: Final = Kind(
    name="store",
    key="store_id",
    fields=(
        Field(name="store_id", type=Type.ID, required=True, longest=100),
        Field(name="name", type=Type.TEXT),
        Field(name="type", type=Type.TEXT, longest=60),
        Field(name="region", type=Type.TEXT, longest=100),
        Field(name="province", type=Type.TEXT, longest=100),
        Field(name="stars", type=Type.WHOLE, least=1, most=5),
        Field(name="opened_at", type=Type.DATE),
        Field(name="traits", type=Type.OBJECT),
    ),
)

ORDER: Final = Kind(
    name="order",
    key="order_id",
    fields=(
        Field(name="order_id", type=Type.ID, required=True),
        Field(name="customer_id", type=Type.ID),
        Field(name="anonymous_id", type=Type.ID),
        Field(name="placed_at", type=Type.TIME, required=True),
        Field(name="status", type=Type.CHOICE, choices=ORDER_STATUSES),
        Field(name="currency", type=Type.CURRENCY),
        Field(name="channel", type=Type.TEXT, longest=60),
        Field(name="store_id", type=Type.ID, longest=100),
        Field(name="coupon", type=Type.TEXT, longest=100),
        Field(name="payment_method", type=Type.TEXT, longest=60),
        Field(name="context", type=Type.OBJECT),
        Field(name="updated_at", type=Type.TIME),
        Field(name="lines", type=Type.RECORDS, of="line"),
    ),
)

LINE: Final = Kind(
    name="line",
    key="order_id",
    fields=(
        Field(name="order_id", type=Type.ID, required=True),
        Field(name="product_id", type=Type.ID, required=True),
        Field(name="quantity", type=Type.QUANTITY, required=True),
        Field(name="unit_price", type=Type.MONEY, required=True, least=0),
        Field(name="list_price", type=Type.MONEY, least=0),
        Field(name="discount", type=Type.MONEY, least=0),
    ),
)

IDENTITY_KINDS: Final = ("customer_id", "anonymous_id", "external_id", "email", "phone", "card")

IDENTITY: Final = Kind(
    name="identity",
    key="",
    fields=(
        Field(name="kind", type=Type.CHOICE, required=True, choices=IDENTITY_KINDS),
        Field(name="value", type=Type.TEXT, required=True, longest=320, personal=True),
    ),
)

CONSENT: Final = Kind(
    name="consent",
    key="",
    fields=(
        Field(name="channel", type=Type.TEXT, required=True, longest=40),
        Field(name="purpose", type=Type.TEXT, required=True, longest=60),
        Field(name="granted", type=Type.BOOLEAN, required=True),
        Field(name="basis", type=Type.TEXT, longest=60),
        Field(name="at", type=Type.TIME),
    ),
)

EVENT: Final = Kind(
    name="event",
    key="event_id",
    fields=(
        Field(name="event_id", type=Type.ID, longest=100),
        Field(name="event", type=Type.TEXT, required=True, longest=100),
        Field(name="customer_id", type=Type.ID),
        Field(name="anonymous_id", type=Type.ID),
        Field(name="at", type=Type.TIME),
        Field(name="channel", type=Type.TEXT, longest=60),
        Field(name="session_id", type=Type.ID, longest=100),
        Field(name="duration_s", type=Type.NUMBER, least=0),
        Field(name="store_id", type=Type.ID, longest=100),
        Field(name="query", type=Type.TEXT, longest=500),
        Field(name="product_id", type=Type.ID),
        Field(name="recommendation_id", type=Type.ID, longest=40),
        Field(name="properties", type=Type.OBJECT),
    ),
)

REFUND: Final = Kind(
    name="refund",
    key="refund_id",
    fields=(
        Field(name="refund_id", type=Type.ID),
        Field(name="order_id", type=Type.ID, required=True),
        Field(name="at", type=Type.TIME, required=True),
        Field(name="amount", type=Type.MONEY, least=0),
        Field(name="currency", type=Type.CURRENCY),
        Field(name="reason", type=Type.TEXT, longest=500),
        Field(name="lines", type=Type.RECORDS, of="line"),
    ),
)

SHIPMENT: Final = Kind(
    name="shipment",
    key="shipment_id",
    fields=(
        Field(name="shipment_id", type=Type.ID),
        Field(name="order_id", type=Type.ID, required=True),
        Field(name="at", type=Type.TIME, required=True),
        Field(name="status", type=Type.CHOICE, choices=("shipped", "delivered", "returned", "lost")),
        Field(name="carrier", type=Type.TEXT, longest=100),
        Field(name="properties", type=Type.OBJECT),
    ),
)

TICKET: Final = Kind(
    name="ticket",
    key="ticket_id",
    fields=(
        Field(name="ticket_id", type=Type.ID),
        Field(name="order_id", type=Type.ID),
        Field(name="customer_id", type=Type.ID),
        Field(name="at", type=Type.TIME, required=True),
        Field(name="status", type=Type.CHOICE, choices=("opened", "closed")),
        Field(name="topic", type=Type.TEXT, longest=100),
        Field(name="text", type=Type.TEXT, longest=5000),
        Field(name="properties", type=Type.OBJECT),
    ),
)

STORE_MONTH: Final = Kind(
    name="store-month",
    key="",
    fields=(
        Field(name="store_id", type=Type.ID, required=True, longest=100),
        Field(name="month", type=Type.DATE, required=True),
        Field(name="product_id", type=Type.ID),
        Field(name="displays", type=Type.NUMBER, least=0),
        Field(name="sales_value", type=Type.MONEY),
        Field(name="sales_units", type=Type.QUANTITY),
        Field(name="retail_value", type=Type.MONEY),
        Field(name="industry_value", type=Type.MONEY),
        Field(name="traits", type=Type.OBJECT),
    ),
)

ASSIGNMENT: Final = Kind(
    name="assignment",
    key="",
    fields=(
        Field(name="campaign_id", type=Type.ID, required=True, longest=100),
        Field(name="customer_id", type=Type.ID, required=True),
        Field(name="arm", type=Type.TEXT, required=True, longest=60),
        Field(name="at", type=Type.TIME, required=True),
    ),
)

EXPOSURE: Final = Kind(
    name="exposure",
    key="recommendation_id",
    fields=(
        Field(name="recommendation_id", type=Type.ID, required=True, longest=40),
        Field(name="customer_id", type=Type.ID),
        Field(name="anonymous_id", type=Type.ID),
        Field(name="at", type=Type.TIME, required=True),
        Field(name="page", type=Type.TEXT, longest=100),
        Field(name="experiment", type=Type.TEXT, longest=100),
        Field(name="arm", type=Type.TEXT, longest=60),
        Field(name="items", type=Type.RECORDS, of="exposed-item"),
    ),
)

EXPOSED_ITEM: Final = Kind(
    name="exposed-item",
    key="",
    fields=(
        Field(name="slot", type=Type.TEXT, longest=60),
        Field(name="rank", type=Type.WHOLE, least=1, most=10_000),
        Field(name="product_id", type=Type.ID, required=True),
        Field(name="source", type=Type.TEXT, longest=40),
        Field(name="propensity", type=Type.NUMBER, least=0, most=1),
    ),
)

SEND: Final = Kind(
    name="send",
    key="",
    fields=(
        Field(name="campaign_id", type=Type.ID, required=True, longest=100),
        Field(name="step", type=Type.TEXT, longest=60),
        Field(name="customer_id", type=Type.ID, required=True),
        Field(name="channel", type=Type.TEXT, required=True, longest=40),
        Field(name="at", type=Type.TIME, required=True),
        Field(name="status", type=Type.TEXT, longest=20),
        Field(name="properties", type=Type.OBJECT),
    ),
)

RESPONSE: Final = Kind(
    name="response",
    key="response_id",
    fields=(
        Field(name="response_id", type=Type.ID, longest=100),
        Field(
            name="response",
            type=Type.CHOICE,
            required=True,
            choices=("delivered", "opened", "clicked", "answered", "unsubscribed", "bounced", "complained"),
        ),
        Field(name="customer_id", type=Type.ID),
        Field(name="anonymous_id", type=Type.ID),
        Field(name="campaign_id", type=Type.ID, longest=100),
        Field(name="recommendation_id", type=Type.ID, longest=40),
        Field(name="slot", type=Type.TEXT, longest=60),
        Field(name="rank", type=Type.WHOLE, least=1, most=10_000),
        Field(name="product_id", type=Type.ID),
        Field(name="at", type=Type.TIME, required=True),
        Field(name="properties", type=Type.OBJECT),
    ),
)

KINDS: Final = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            CUSTOMER, PRODUCT, STORE, ORDER, LINE, IDENTITY, CONSENT, EVENT, REFUND, SHIPMENT, TICKET, STORE_MONTH,
            ASSIGNMENT, EXPOSURE, EXPOSED_ITEM, SEND, RESPONSE,
        )
    }
)  # fmt: skip
