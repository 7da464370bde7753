"""Exchange rates of an organisation: read for conversions, added from files and the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import narwhals as nw
import polars as pl
from django.db import transaction
from django.db.models import Count
from django.db.models.functions import TruncDate

from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop.methods import exchange
from precision.shop.methods.exchange import Converted, Rate
from precision.shop.models import ExchangeRate, Order, Organisation, Platform

EARLIEST: Final = date(1950, 1, 1)
LARGEST: Final = Decimal(10) ** 9
SMALLEST: Final = Decimal(10) ** -9
FIELDS: Final = ("currency", "target", "day", "rate")
PLACES: Final = Decimal(10) ** -10
ORDERS: Final = "orders"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row of rates that cannot be used."""

    index: int
    """Its place among the rows, from 0."""
    field: str
    code: str
    detail: str


@dataclass(slots=True, kw_only=True)
class Added:
    """What became of rows of rates."""

    accepted: int = 0
    updated: int = 0
    duplicate: int = 0
    rejected: list[Refusal] = field(default_factory=list)


class _RefusedError(ValueError):
    """A value of a row cannot be used."""

    def __init__(self, field_name: str, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field, self.code, self.detail = field_name, code, detail


def known(organisation: int) -> list[Rate]:
    """Return all rates of an organisation (by its number). One query."""
    rows = ExchangeRate.objects.filter(organisation_id=organisation)
    return [
        Rate(currency=currency, target=target, day=epoch_day(day), rate=float(rate))
        for currency, target, day, rate in rows.values_list(*FIELDS)
    ]


def to_platform_currency(
    frame: nw.LazyFrame[Any], platform: Platform, *, amount: str = c.AMOUNT_E4, into: str | None = None
) -> Converted:
    """Return the frame with an amount in the platform's own currency, and how many rows have no rate. One query.

    The frame has exchange.CURRENCY, DAY and the amount (see `exchange.convert`); an amount without a rate is null.
    """
    rates = known(platform.organisation_id)
    return exchange.convert(frame, rates, target=platform.currency, amount=amount, into=into)


def without_rate(platform: Platform, *, start: date, end: date) -> dict[str, int]:
    """Return the number of orders per foreign currency, placed from `start` until before `end`, that no rate converts.

    Reads the orders of those days by their index: bound the time around it.
    """
    first, last = (datetime(day.year, day.month, day.day, tzinfo=UTC) for day in (start, end))
    rows = (
        Order.objects.filter(platform=platform, placed_at__gte=first, placed_at__lt=last)
        .exclude(currency=platform.currency)
        .order_by()
        .values_list("currency", TruncDate("placed_at", tzinfo=UTC))
        .annotate(orders=Count("id"))
    )
    found = [(currency, epoch_day(day), orders) for currency, day, orders in rows]
    schema = {exchange.CURRENCY: pl.String, exchange.DAY: pl.Int64, ORDERS: pl.Int64}
    counted = pl.DataFrame(found, schema=schema, orient="row")
    converted = to_platform_currency(
        nw.from_native(counted.lazy()), platform, amount=ORDERS, into="_converted"
    )
    lacking = converted.frame.filter(nw.col("_converted").is_null()).group_by(exchange.CURRENCY)
    sums = lacking.agg(nw.col(ORDERS).sum()).collect("polars").to_native()
    return dict(sorted(sums.iter_rows()))


def add(organisation: Organisation, rows: Sequence[Any], *, replace: bool) -> Added:
    """Add rates from rows with FIELDS; return what became of each.

    A rate that is known with another value is replaced, or refused as `other_rate` where `replace` is off. Rows of one
    call that name the same pair and day: the last counts. Rows that cannot be used are left out and listed.
    """
    answer = Added()
    wanted: dict[tuple[str, str, date], tuple[int, Decimal]] = {}
    for index, row in enumerate(rows):
        try:
            currency, target, day, rate = _values(row)
        except _RefusedError as error:
            answer.rejected.append(Refusal(index, error.field, error.code, error.detail))
            continue
        place = (currency, target, day)
        answer.duplicate += place in wanted
        wanted[place] = (index, rate)
    with transaction.atomic():
        # Writers of one organisation wait for each other, so that none is told of a state that another changes.
        Organisation.objects.select_for_update().get(pk=organisation.pk)
        stored = _stored(organisation, wanted)
        fresh = []
        for place, (index, rate) in wanted.items():
            before = stored.get(place)
            if before is None:
                fresh.append(place)
                answer.accepted += 1
            elif before == rate:
                answer.duplicate += 1
            elif replace:
                fresh.append(place)
                answer.updated += 1
            else:
                detail = (
                    f"1 {place[0]} was {before.normalize():f} {place[1]} on {place[2]}; staff may correct it."
                )
                answer.rejected.append(Refusal(index, "rate", "other_rate", detail))
        ExchangeRate.objects.bulk_create(
            (
                ExchangeRate(
                    organisation=organisation,
                    currency=one,
                    target=other,
                    day=day,
                    rate=wanted[one, other, day][1],
                )
                for one, other, day in fresh
            ),
            batch_size=1_000,
            update_conflicts=True,
            unique_fields=["organisation", "currency", "target", "day"],
            update_fields=["rate"],
        )
    answer.rejected.sort(key=lambda refusal: refusal.index)
    return answer


def _stored(
    organisation: Organisation, wanted: Mapping[tuple[str, str, date], Any]
) -> dict[tuple[str, str, date], Decimal]:
    """Return the stored rates of the wanted pairs and days. One query by index."""
    rows = ExchangeRate.objects.filter(
        organisation=organisation,
        currency__in={one for one, _, _ in wanted},
        target__in={other for _, other, _ in wanted},
        day__in={day for _, _, day in wanted},
    )
    return {(one, other, day): rate for one, other, day, rate in rows.values_list(*FIELDS)}


def _values(row: Any) -> tuple[str, str, date, Decimal]:
    """Return the values of a row; raise _RefusedError for the first that cannot be used."""
    if not isinstance(row, Mapping):
        raise _RefusedError("", "not_an_object", f"A rate is an object with {', '.join(FIELDS)}.")
    unknown = [str(name) for name in row if name not in FIELDS]
    if unknown:
        raise _RefusedError(
            unknown[0][:100], "unknown_field", f"A rate has no such field; it has {', '.join(FIELDS)}."
        )
    currency, target = _currency(row, "currency"), _currency(row, "target")
    if currency == target:
        raise _RefusedError("target", "same_currency", f"A rate from {currency} into itself says nothing.")
    return currency, target, _day(row), _rate(row)


def _currency(row: Mapping[str, Any], name: str) -> str:
    text = row.get(name)
    if not isinstance(text, str) or not (
        len(text.strip()) == 3 and text.strip().isascii() and text.strip().isalpha()
    ):
        raise _RefusedError(name, "bad_currency", "A currency is written as three letters, like GBP.")
    return text.strip().upper()


def _day(row: Mapping[str, Any]) -> date:
    try:
        day = date.fromisoformat(str(row.get("day", "")).strip())
    except ValueError:
        raise _RefusedError("day", "not_a_date", "A day is written like 2026-11-30.") from None
    latest = datetime.now(UTC).date() + timedelta(days=1)
    if not EARLIEST <= day <= latest:
        raise _RefusedError("day", "out_of_range", f"The day must lie between {EARLIEST} and tomorrow.")
    return day


def _rate(row: Mapping[str, Any]) -> Decimal:
    given = row.get("rate")
    try:
        rate = Decimal(str(given).strip()) if not isinstance(given, bool) else Decimal("nan")
    except InvalidOperation:
        rate = Decimal("nan")
    if not rate.is_finite():
        raise _RefusedError("rate", "not_a_number", "A rate is a number, like 1.0853.")
    if not SMALLEST <= rate <= LARGEST:
        raise _RefusedError("rate", "out_of_range", f"A rate lies between {SMALLEST:f} and {LARGEST:f}.")
    return rate.quantize(PLACES)
