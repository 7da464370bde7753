"""Names of the columns of the fact frames, written once (see docs/data-model.md).

The dialect that every engine speaks: times are Int64 epoch seconds (UTC) beside local day, hour and weekday;
money is Int64 of 1/10,000 of the currency unit; quantities are Int64 of 1/1,000; unknown is null, never NaN.
Ids are the inner ids (`id` of the row in PostgreSQL), never the shop's own numbers.
"""

# Ids
CUSTOMER = "customer"  # Int64, null for a guest; the joined person, resolved through the identity map
IDENTITY = "identity"  # Int64, null for a guest
ORDER = "order"  # Int64
PRODUCT = "product"  # Int64, the product that stands for its aliases
CATEGORY = "category"  # Int64, null when the product has none
STORE = "store"  # Int64, null when not given
ID = "id"  # Int64, the row of an event or exposure in PostgreSQL
REFERS_TO = "refers_to"  # Int64, the order that a credit note takes goods back from
SESSION = "session"  # Int64, keyed digest of the session's name: tells sessions apart, leads back to none
RECOMMENDATION = "recommendation"  # Int64, keyed digest of the recommendation id, the same in all tables
RUN = "run"  # Int64, the run whose results were shown

# Time
SECONDS = "seconds"  # Int64 epoch seconds, UTC
DAY = "day"  # Int64 days since 1970-01-01 in the platform's time zone
HOUR = "hour"  # Int64 0..23, local
WEEKDAY = "weekday"  # Int64 1 (Monday) .. 7, local
RECEIVED = "received"  # Int64 epoch seconds, UTC: when the event came in
DURATION_MS = "duration_ms"  # Int64, dwell in 1/1,000 s; null when not given

# Amounts of an order line
QUANTITY_E3 = "quantity_e3"  # Int64, 1/1,000 of a unit; negative when goods came back
UNIT_PRICE_E4 = "unit_price_e4"  # Int64, what the customer paid for one unit
LIST_PRICE_E4 = "list_price_e4"  # Int64, the price before discounts; null when the shop gave none
AMOUNT_E4 = "amount_e4"  # Int64, what the customer paid for the line; negative when goods came back
RETURNED = "returned"  # Boolean, the line takes goods back (a credit note, a cancelled order)
CURRENCY = "currency"  # String, three capital letters: what the money columns of the line are in
STATUS = "status"  # String, one of Order.Status
CONFIRMED = "confirmed"  # Boolean, False: told by a browser only, counts in no revenue

# What somebody did, and what was shown
EVENT = "event"  # String, name of the event
CHANNEL = "channel"  # String, null when not given
PAGE = "page"  # String, null when not given
EXPERIMENT = "experiment"  # String, null when there was none
ARM = "arm"  # String, null when there was no experiment
SLOT = "slot"  # String, null when the answer had no item
RANK = "rank"  # Int64, place within the slot
SOURCE = "source"  # String, what proposed the item
PROPENSITY = "propensity"  # Float64 0..1, null when unknown

# Product
PRICE_E4 = "price_e4"  # Int64, today's price
IN_STOCK = "in_stock"  # Boolean
ACTIVE = "active"  # Boolean, the shop sells it (not hidden)
REPEATABLE = "repeatable"  # Boolean, null when unknown: may be offered again to who has it

MONEY = 10_000  # how many parts one currency unit has in a money column
QUANTITY = 1_000  # how many parts one unit has in a quantity column
