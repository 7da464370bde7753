"""Data quality of a platform, for its shop."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import quality
from precision.shop.api.description import describe
from precision.shop.api.spans import SpanParameters
from precision.shop.api.views import PlatformView

MOST_DAYS = 366
USUAL_DAYS = 7


class QualityParameters(SpanParameters):
    """Which days, and which kind of record."""

    most_days = MOST_DAYS
    kind = serializers.CharField(
        max_length=20,
        default="",
        allow_blank=True,
        help_text="Kind of record, like event or order; default: all.",
    )


class LineSerializer(serializers.Serializer[Any]):
    """What became of the records of a source on a day; accepted, updated, duplicate and rejected exclude each other."""

    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Key of the source; “–” where a record names none; empty: all."
    )
    name = serializers.CharField()
    day = serializers.DateField(allow_null=True, help_text="Of receipt, UTC; null in totals.")
    accepted = serializers.IntegerField()
    updated = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = serializers.IntegerField()
    late = serializers.IntegerField(help_text="Came in more than a day after it happened.")
    clock_skewed = serializers.IntegerField(help_text="Told a time in the future, which was clamped.")
    unknown_product = serializers.IntegerField(help_text="Named a product that the shop has not described.")
    bot = serializers.IntegerField(help_text="Came from a robot and was left out.")
    waiting = serializers.IntegerField(help_text="Dead letters that wait for somebody.")
    rejected_by = serializers.DictField(
        child=serializers.IntegerField(), help_text="Rejected records by reason."
    )


class FlagSerializer(serializers.Serializer[Any]):
    """A source whose use of the data is not accounted for."""

    source = serializers.CharField()  # type: ignore[assignment]
    name = serializers.CharField()
    missing = serializers.ListField(child=serializers.CharField(), help_text="licence, basis.")


class SensorSerializer(serializers.Serializer[Any]):
    """Readings of a kind of sensor on a day."""

    sensor = serializers.CharField()
    day = serializers.DateField(help_text="Of the reading, UTC.")
    readings = serializers.IntegerField()
    stores = serializers.IntegerField()


class QualitySerializer(serializers.Serializer[Any]):
    """Data quality of a span of days."""

    lines = LineSerializer(many=True)
    totals = LineSerializer(many=True, help_text="One line a source, and the sum of all at the end.")
    unaccounted_sources = FlagSerializer(many=True)
    orders_without_rate = serializers.DictField(
        child=serializers.IntegerField(),
        allow_null=True,
        help_text="Orders per foreign currency that no exchange rate converts; null: too many to count.",
    )
    sensors = SensorSerializer(many=True, allow_null=True, help_text="Null: too many to count.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields, the span among them."""
        first = serializers.DateField(help_text="First day of the span.")
        behind = serializers.DateField(help_text="The day behind the span.")
        return {"from": first, "to": behind, **super().get_fields()}


class QualityView(PlatformView):
    """Data quality of a platform."""

    parameters: ClassVar = QualityParameters

    @describe(
        operation_id="quality",
        tags=["operations"],
        summary="What became of what came in, per source and day; by default of the last seven days",
        parameters=[QualityParameters],
        responses=QualitySerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the counts per source and day, and with what needs a person's eye."""
        given = self.read_parameters()
        start, end = span(given["from"], given["to"])
        found = quality.report(self.platform, start=start, end=end, kind=given["kind"])
        return Response(
            {
                "from": found.start,
                "to": found.end,
                "lines": [line.as_row() for line in found.lines],
                "totals": [line.as_row() for line in found.totals],
                "unaccounted_sources": [
                    {"source": flag.source, "name": flag.name, "missing": list(flag.missing)}
                    for flag in found.flags
                ],
                "orders_without_rate": found.foreign,
                "sensors": None
                if found.sensors is None
                else [
                    {"sensor": each.sensor, "day": each.day, "readings": each.readings, "stores": each.stores}
                    for each in found.sensors
                ],
            }
        )


def span(start: date | None, end: date | None) -> tuple[date, date]:
    """Return the days to report: the last seven, today among them, where nobody says which."""
    until = end or (
        (start + timedelta(days=USUAL_DAYS)) if start else datetime.now(UTC).date() + timedelta(days=1)
    )
    return start or until - timedelta(days=USUAL_DAYS), until
