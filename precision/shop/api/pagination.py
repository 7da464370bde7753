"""Pages of long lists by cursor: stable under inserts, equally fast on the last page."""

import base64
import binascii
import json
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

M = TypeVar("M", bound=Model)
LARGEST_ID = 2**63 - 1


class Page(Generic[M]):
    """Some rows of a list, and the address of those behind them."""

    def __init__(
        self,
        queryset: QuerySet[M],
        *,
        request: Request,
        count: int,
        cursor: str,
        descending: str | None = None,
    ) -> None:
        """Read a page of `count` rows behind `cursor`, ordered by the number column `descending`, then by id.

        Raises ValidationError naming `cursor` when that did not come from an earlier page.
        """
        order = ["id"] if descending is None else [f"-{descending}", "id"]
        if cursor:
            queryset = queryset.filter(_behind(cursor, descending))
        rows = list(queryset.order_by(*order)[: count + 1])
        self.rows: list[M] = rows[:count]
        self.next: str | None = None
        if len(rows) > count:
            last = self.rows[-1]
            place = [last.pk] if descending is None else [last.pk, getattr(last, descending)]
            text = base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")
            self.next = replace_query_param(request.build_absolute_uri(), "cursor", text)

    def answer(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the body of the answer around the entries made from `rows`."""
        return {"next": self.next, "results": results}


def _behind(cursor: str, descending: str | None) -> Q:
    """Return the condition of the rows behind a cursor."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key, *values = place
        sound = type(key) is int and 0 <= key <= LARGEST_ID and len(values) == (descending is not None)
        if not sound or any(type(value) not in {int, float} or abs(value) > 1e18 for value in values):
            raise ValueError(place)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValidationError(
            {"cursor": ["This cursor did not come from `next`; leave it out to start over."]}
        ) from None
    if descending is None:
        return Q(id__gt=key)
    return Q(**{f"{descending}__lt": values[0]}) | Q(**{descending: values[0], "id__gt": key})
