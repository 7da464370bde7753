"""The wire format: which fields each kind of record has, what they hold, and when a value is refused.

The same fields come in by files, mappings and REST (design: Records). This module only states the format;
values are read by `precision.shop.importing.values`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
CLOCK_SKEW: Final = timedelta(days=1)
"""How far ahead of our clock a time may lie: clocks differ, and a day begins earlier in the east."""
LARGEST: Final = 10**12
"""Bound of amounts and quantities: kept in eight bytes, sums of a million rows included."""
NAMES_SEPARATOR: Final = "|"
"""Between several names in one cell of a text file."""


class Type(StrEnum):
    """What a field holds."""

    ID = "id"  # text without spaces around it; a whole number counts as its digits
    TEXT = "text"
    MONEY = "money"  # 1/10,000 of the currency unit once read
    QUANTITY = "quantity"  # 1/1,000 of a unit once read
    WHOLE = "whole number"
    NUMBER = "number"
    TIME = "time"  # with zone, or in the zone of the mapping
    DATE = "date"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CURRENCY = "currency"
    URL = "address"
    PATH = "path"  # list of texts, from the root
    NAMES = "names"  # list of texts
    OBJECT = "object"  # anything, by key
    RECORDS = "records"  # list of records of another kind (`of`)


class Code(StrEnum):
    """Why a value is refused; the words for people are in REASONS."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NUL = "nul_character"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NEGATIVE = "negative"
    ZERO = "zero"
    NOT_A_TIME = "not_a_time"
    TOO_EARLY = "too_early"
    IN_FUTURE = "in_future"
    NOT_A_BOOLEAN = "not_a_boolean"
    NOT_A_CHOICE = "not_a_choice"
    BAD_CURRENCY = "bad_currency"
    BAD_ADDRESS = "bad_address"
    TOO_MANY_FIELDS = "too_many_fields"
    BAD_LINE = "bad_line"
    UNKNOWN_ORDER = "unknown_order"
    NO_LINES = "no_lines"
    BOT = "bot"
    EVENT_TOO_LARGE = "event_too_large"
    UNUSABLE = "unusable"
    NOT_TEXT = "not_a_text"
    NOT_UNICODE = "not_unicode"
    NOT_AN_OBJECT = "not_an_object"
    NOT_A_LIST = "not_a_list"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    UNKNOWN_FIELD = "unknown_field"
    UNUSABLE_IDENTITY = "unusable_identity"


REASONS: Final = MappingProxyType(
    {
        Code.MISSING: "The value is missing, and nothing can stand for it.",
        Code.TOO_LONG: "The text is longer than the field keeps.",
        Code.NUL: "The text contains a NUL character, which PostgreSQL cannot keep.",
        Code.NOT_A_NUMBER: "This is no finite number; write it like 12.50.",
        Code.OUT_OF_RANGE: "The number is beyond what the field keeps.",
        Code.NEGATIVE: "The value must not be negative.",
        Code.ZERO: "A quantity of zero says nothing.",
        Code.NOT_A_TIME: "This is no time; write it like 2024-05-31T14:30:00+02:00.",
        Code.TOO_EARLY: "The time lies before the year 1900.",
        Code.IN_FUTURE: "The time lies in the future.",
        Code.NOT_A_BOOLEAN: "This is neither true nor false.",
        Code.NOT_A_CHOICE: "The field does not know this value.",
        Code.BAD_CURRENCY: "A currency is written as three letters, like GBP.",
        Code.BAD_ADDRESS: "An address begins with http:// or https://.",
        Code.TOO_MANY_FIELDS: "The row has more fields than the file has columns.",
        Code.BAD_LINE: "The line is no JSON object.",
        Code.UNKNOWN_ORDER: "There is no usable order of this number.",
        Code.NO_LINES: "The order has no usable line.",
        Code.BOT: "The user agent is that of a bot.",
        Code.EVENT_TOO_LARGE: "The event is larger than 32 KiB.",
        Code.UNUSABLE: "The database cannot keep this value.",
        Code.NOT_TEXT: "A text or a number is wanted here.",
        Code.NOT_UNICODE: "The text holds half of a surrogate pair, which is no character.",
        Code.NOT_AN_OBJECT: "An object, names with values, is wanted here.",
        Code.NOT_A_LIST: "A list is wanted here.",
        Code.TOO_DEEP: "The value is nested more than 32 levels deep.",
        Code.TOO_LARGE: "The object is larger than the 64 KiB that the field keeps.",
        Code.UNKNOWN_FIELD: "There is no such field, and nowhere to keep what is unknown.",
        Code.UNUSABLE_IDENTITY: "This value names nobody: it is blocked, or malformed.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a record and its bounds."""

    name: str
    type: Type
    required: bool = False
    longest: int = 200
    """Characters of a text, or of each text of a list."""
    least: int | None = None
    """Smallest allowed number, in whole units; None: no bound but LARGEST."""
    most: int | None = None
    choices: tuple[str, ...] = ()
    personal: bool = False
    """Kept encrypted, and never repeated in a rejects file."""
    of: str = ""
    """Kind of the records in a list of records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of record; its rows belong together when they share `key`."""

    name: str
    key: str
    """Field whose value tells its records apart; empty: nothing does, or several fields together."""
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """Return the field of that name, or None when the kind has none."""
        return next((field for field in self.fields if field.name == name), None)


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
