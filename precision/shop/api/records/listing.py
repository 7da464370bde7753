"""Pages of records in the order of an index: stable under inserts, equally fast on the last page."""

import base64
import binascii
import json
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import Field, Model, Q, QuerySet
from django.db.models.fields import IntegerField
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from precision.shop.api.parameters import NamesField, QueryParameters

M = TypeVar("M", bound=Model)
LARGEST: Final = 2**63 - 1
LONGEST: Final = 4_000
REFUSED: Final = "This cursor did not come from `next`; leave it out to start over."


class ListParameters(QueryParameters):
    """Parameters of every list of records."""

    count = serializers.IntegerField(
        min_value=1, max_value=1_000, default=100, help_text="Most records of a page."
    )
    cursor = serializers.CharField(
        max_length=LONGEST,
        default="",
        allow_blank=True,
        help_text="Where the page starts: taken from `next`.",
    )


class IdParameters(ListParameters):
    """Parameters of a list of records with ids of their own."""

    ids = NamesField(default=list, help_text="Only the records of these ids; repeated, or with commas.")


class WindowParameters(ListParameters):
    """Parameters of a list of facts, each with a time."""

    since = serializers.DateTimeField(
        default=None, allow_null=True, help_text="Only what happened at this time or later."
    )
    until = serializers.DateTimeField(
        default=None, allow_null=True, help_text="Only what happened before this time."
    )
    customer = serializers.CharField(
        max_length=200, default="", help_text="Only what this customer id of the platform did."
    )


class Page(Generic[M]):
    """Some rows of a list, and the address of those behind them."""

    def __init__(
        self, queryset: QuerySet[M], *, order: tuple[str, ...], request: Request, count: int, cursor: str
    ) -> None:
        """Read `count` rows behind `cursor`, ordered by columns that an index of the platform leads to.

        The columns together are unique and never null. Raises ValidationError naming `cursor` when that did not come
        from an earlier page.
        """
        if cursor:
            queryset = queryset.filter(_behind(queryset.model, order, cursor))
        rows = list(queryset.order_by(*order)[: count + 1])
        self.rows: list[M] = rows[:count]
        self.next: str | None = None
        if len(rows) > count:
            place = json.dumps([_plain(getattr(rows[count - 1], name)) for name in order])
            text = base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
            self.next = replace_query_param(request.build_absolute_uri(), "cursor", text)


def window(rows: QuerySet[M], values: dict[str, Any], column: str) -> QuerySet[M]:
    """Return the rows whose time lies in the half-open window of the parameters."""
    if values["since"] is not None:
        rows = rows.filter(**{f"{column}__gte": values["since"]})
    if values["until"] is not None:
        rows = rows.filter(**{f"{column}__lt": values["until"]})
    return rows


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _behind(model: type[Model], order: tuple[str, ...], cursor: str) -> Q:
    """Return the condition of the rows behind a cursor; its first part alone gives the index its start."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(place, list) or len(place) != len(order):
            raise ValueError(place)
        values = [_sound(model._meta.get_field(name), one) for name, one in zip(order, place, strict=True)]
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError, DjangoValidationError):
        raise ValidationError({"cursor": [REFUSED]}) from None
    condition = Q(**{f"{order[-1]}__gt": values[-1]})
    for name, value in zip(reversed(order[:-1]), reversed(values[:-1]), strict=True):
        condition = Q(**{f"{name}__gte": value}) & (Q(**{f"{name}__gt": value}) | condition)
    return condition


def _sound(field: Any, value: Any) -> Any:
    """Return the value of a column from a cursor; raise ValueError when it cannot be one."""
    if not isinstance(field, Field) or type(value) not in {int, str}:
        raise ValueError(value)
    target = getattr(field, "target_field", field)
    if isinstance(target, IntegerField) != (type(value) is int):
        raise ValueError(value)
    if isinstance(value, int):
        if not -LARGEST <= value <= LARGEST:
            raise ValueError(value)
        return value
    if "\0" in value or value.encode("utf-8") is None:
        raise ValueError(value)
    made = target.to_python(value)
    if isinstance(made, datetime) and made.tzinfo is None:
        raise ValueError(value)
    return made
