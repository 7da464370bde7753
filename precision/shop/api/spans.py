"""Parameters `from` and `to` of reports: a half-open span of days."""

from datetime import date, timedelta
from typing import Any

from rest_framework import serializers

from precision.shop.api.parameters import AnyField, QueryParameters

EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)


class SpanParameters(QueryParameters):
    """A span of days; a class that derives says how long it may be and names its own further parameters."""

    most_days: int | None = None

    def get_fields(self) -> dict[str, AnyField]:
        """Return the fields; `from` is a word of Python and cannot be an attribute."""
        return {
            "from": serializers.DateField(
                default=None,
                allow_null=True,
                help_text="First day, like 2026-11-01; left out: see the summary.",
            ),
            "to": serializers.DateField(
                default=None, allow_null=True, help_text="The day behind the last one: it is not in the span."
            ),
            **super().get_fields(),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a span that is upside down, too long, or beyond what a calendar is for."""
        start, end = attrs["from"], attrs["to"]
        for name, day in (("from", start), ("to", end)):
            if day is not None and not EARLIEST <= day <= LATEST:
                raise serializers.ValidationError({name: [f"Choose a day from {EARLIEST} to {LATEST}."]})
        if start is not None and end is not None:
            if start >= end:
                raise serializers.ValidationError({"to": [f"{end} is not after from, {start}."]})
            if self.most_days is not None and end - start > timedelta(days=self.most_days):
                raise serializers.ValidationError(
                    {"to": [f"The span has {(end - start).days} days; choose at most {self.most_days}."]}
                )
        return attrs
