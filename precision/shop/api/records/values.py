"""Stored values as the API writes them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any


def decimal(value: Decimal | None) -> str | None:
    """Return a quantity as a decimal text without useless zeros, like “12.5”."""
    if value is None:
        return None
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def amount(value: Decimal | None) -> str | None:
    """Return an amount of money as a decimal text of two places, or of as many as it has, like “12.50”."""
    if value is None:
        return None
    places = max(2, -int(value.normalize().as_tuple().exponent))
    return f"{value:.{places}f}"


def moment(value: datetime | date | None) -> str | None:
    """Return a time in UTC or a day, as ISO 8601."""
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def given(table: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that have a value, as they would be sent: nothing empty."""
    return {name: value for name, value in table.items() if value not in (None, "", [], {})}
