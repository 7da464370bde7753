"""Orders and what changes them, read from the wire format; pure.

The fields and their bounds are those of `records.ORDER` and `records.LINE`. What a word does not give (or gives as
null or as an empty text) it says nothing about. Fields that an order does not have are kept in its context, personal
ones left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from precision.shop import columns as c
from precision.shop import tokens
from precision.shop.intake import soundness
from precision.shop.intake.reading import text
from precision.shop.intake.verdicts import RefusedError
from precision.shop.records import CLOCK_SKEW, EARLIEST, LARGEST, LINE, ORDER, ORDER_STATUSES, Code

MOST_LINES: Final = 5_000
LONGEST_CONTEXT: Final = 16_384
"""Bytes of JSON."""
TEXTS: Final = {"channel": 60, "coupon": 100, "payment_method": 60}
KNOWN: Final = frozenset(field.name for field in ORDER.fields)
KNOWN_OF_CHANGES: Final = frozenset({"change", "at", "refund_id", "amount", "reason"})
CHANGES: Final = ("update", "cancel", "refund", "return")
LINE_FIELDS: Final = frozenset(field.name for field in LINE.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """A line by the shop's own product number, amounts in the parts of `columns.py`."""

    product_id: str
    quantity: int | None
    unit_price: int | None
    list_price: int | None = None
    discount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOrder:
    """What one word says about an order; None: nothing."""

    order_id: str
    customer_id: str = ""
    anonymous_id: str = ""
    placed_at: datetime | None = None
    status: str = ""
    currency: str = ""
    store_id: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[ReadLine, ...] | None = None
    updated_at: datetime | None = None
    """The word's own time; None: that of its receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadChange:
    """What one word changes of an order that is there."""

    kind: str
    """One of CHANGES."""
    order: ReadOrder
    """Number, time and, of an update, the fields."""
    at: datetime
    refund_id: str = ""
    amount: int | None = None
    currency: str = ""
    reason: str = ""


def read_order(row: Any, *, timezone: str, now: datetime, changes: bool = False) -> ReadOrder:
    """Return what the row says about an order; raise RefusedError naming the field that cannot be used.

    `timezone` is that of times without one. With `changes` the fields of a change may stand beside those of an order.
    """
    if not isinstance(row, dict):
        raise RefusedError(Code.NOT_AN_OBJECT, "", found=row)
    soundness.check({name: value for name, value in row.items() if not isinstance(value, datetime | Decimal)})
    order_id = text(row.get("order_id"), "order_id", 200)
    if not order_id:
        raise RefusedError(Code.MISSING, "order_id")
    status = text(row.get("status"), "status", 200).lower()
    if status and status not in ORDER_STATUSES:
        raise RefusedError(Code.NOT_A_CHOICE, "status")
    return ReadOrder(
        order_id=order_id,
        customer_id=text(row.get("customer_id"), "customer_id", 200),
        anonymous_id=text(row.get("anonymous_id"), "anonymous_id", 200),
        placed_at=moment(row.get("placed_at"), "placed_at", timezone=timezone, now=now),
        status=status,
        currency=_currency(row.get("currency"), "currency"),
        store_id=text(row.get("store_id"), "store_id", 100),
        texts={name: told for name, most in TEXTS.items() if (told := text(row.get(name), name, most))},
        context=_context(row, KNOWN | KNOWN_OF_CHANGES if changes else KNOWN),
        lines=_lines(row.get("lines"), of_order=not changes or row.get("change") == "update"),
        updated_at=moment(row.get("updated_at"), "updated_at", timezone=timezone, now=now),
    )


def read_change(row: Any, *, timezone: str, now: datetime) -> ReadChange:
    """Return what the row changes of an order; raise RefusedError. A row without `change` is a refund."""
    if not isinstance(row, dict):
        raise RefusedError(Code.NOT_AN_OBJECT, "", found=row)
    kind = row.get("change") or "refund"
    if kind not in CHANGES:
        raise RefusedError(Code.NOT_A_CHOICE, "change")
    order = read_order({**row, "change": kind}, timezone=timezone, now=now, changes=True)
    at = moment(row.get("at"), "at", timezone=timezone, now=now) or order.updated_at or now
    amount = number(row.get("amount"), "amount", parts=c.MONEY)
    if amount is not None and amount < 0:
        raise RefusedError(Code.NEGATIVE, "amount")
    refund_id = text(row.get("refund_id"), "refund_id", 200)
    if kind in {"refund", "return"} and not refund_id:
        refund_id = _digest(row, at)
    return ReadChange(
        kind=kind,
        order=order,
        at=at,
        refund_id=refund_id,
        amount=amount,
        currency=order.currency,
        reason=text(row.get("reason"), "reason", 500),
    )


def number(value: Any, name: str, *, parts: int) -> int | None:
    """Return a number, or the text of one, in whole parts, rounded half to even; None where none is given."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise RefusedError(Code.NOT_A_NUMBER, name, found=value)
    try:
        read = Decimal(value.strip() if isinstance(value, str) else str(value))
    except InvalidOperation as error:
        raise RefusedError(Code.NOT_A_NUMBER, name, found=value) from error
    if not read.is_finite():
        raise RefusedError(Code.NOT_A_NUMBER, name, found=value)
    if abs(read) > LARGEST:
        raise RefusedError(Code.OUT_OF_RANGE, name)
    return int((read * parts).to_integral_value(rounding=ROUND_HALF_EVEN))


def moment(value: Any, name: str, *, timezone: str, now: datetime) -> datetime | None:
    """Return the moment in UTC, None where none is given; raise RefusedError for what is no time or too far off."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    read = value
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise RefusedError(Code.NOT_A_TIME, name, found=value) from error
    if not isinstance(read, datetime):
        raise RefusedError(Code.NOT_A_TIME, name, found=value)
    try:
        read = (read if read.tzinfo else read.replace(tzinfo=ZoneInfo(timezone))).astimezone(UTC)
    except OverflowError as error:  # the first or the last day of the calendar, in another zone
        raise RefusedError(Code.TOO_EARLY if read.year < EARLIEST.year else Code.IN_FUTURE, name) from error
    if read < EARLIEST:
        raise RefusedError(Code.TOO_EARLY, name)
    if read > now + CLOCK_SKEW:
        raise RefusedError(Code.IN_FUTURE, name)
    return read


def _currency(value: Any, name: str) -> str:
    told = text(value, name, 200).upper()
    if told and not (len(told) == 3 and told.isascii() and told.isalpha()):
        raise RefusedError(Code.BAD_CURRENCY, name)
    return told


def _context(row: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the context with the fields that an order does not have, personal ones left out."""
    given = row.get("context")
    if given is not None and not isinstance(given, dict):
        raise RefusedError(Code.NOT_AN_OBJECT, "context", found=given)
    extra = {name: value for name, value in row.items() if name not in known and value is not None}
    made = _impersonal({**extra, **(given or {})})
    if len(orjson.dumps(made, default=str)) > LONGEST_CONTEXT:
        raise RefusedError(Code.TOO_LONG, "context")
    return made  # type: ignore[no-any-return]


def _impersonal(value: Any) -> Any:
    """Return the value without its personal members; an order is no place for them."""
    if isinstance(value, dict):
        return {
            name: _impersonal(inner)
            for name, inner in value.items()
            if inner is not None and not tokens.is_personal(name)
        }
    return [_impersonal(inner) for inner in value] if isinstance(value, list) else value


def _lines(given: Any, *, of_order: bool) -> tuple[ReadLine, ...] | None:
    """Return the lines, None where none are given. Those of an order need a quantity; those of a refund do not."""
    if given is None:
        return None
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise RefusedError(Code.NOT_A_LIST, "lines", found=given)
    if len(given) > MOST_LINES:
        raise RefusedError(Code.TOO_LARGE, "lines")
    if not given:
        return None
    return tuple(_line(line, f"lines[{place}]", of_order=of_order) for place, line in enumerate(given))


def _line(line: Any, at: str, *, of_order: bool) -> ReadLine:
    if not isinstance(line, dict):
        raise RefusedError(Code.NOT_AN_OBJECT, at, found=line)
    product_id = text(line.get("product_id"), f"{at}.product_id", 200)
    if not product_id:
        raise RefusedError(Code.MISSING, f"{at}.product_id")
    quantity = number(line.get("quantity"), f"{at}.quantity", parts=c.QUANTITY)
    if quantity is None and of_order:
        raise RefusedError(Code.MISSING, f"{at}.quantity")
    if quantity == 0:
        raise RefusedError(Code.ZERO, f"{at}.quantity")
    if quantity is not None and quantity < 0 and not of_order:
        raise RefusedError(Code.NEGATIVE, f"{at}.quantity")
    money = {}
    for name in ("unit_price", "list_price", "discount"):
        money[name] = number(line.get(name), f"{at}.{name}", parts=c.MONEY)
        if (money[name] or 0) < 0:
            raise RefusedError(Code.NEGATIVE, f"{at}.{name}")
    return ReadLine(product_id=product_id, quantity=quantity, **money)


def _digest(row: Mapping[str, Any], at: datetime) -> str:
    """Return the number of a refund that has none: the same for the same word told again."""
    content = {
        name: row[name] for name in ("order_id", "amount", "lines", "currency") if row.get(name) is not None
    }
    text_of = orjson.dumps([content, at], option=orjson.OPT_SORT_KEYS, default=str)
    return blake2b(text_of, digest_size=8).hexdigest()
