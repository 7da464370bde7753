"""Exchange rates of the organisation that the platform belongs to."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from precision.shop import exchange
from precision.shop.api import parameters
from precision.shop.api.description import describe
from precision.shop.api.pagination import Page
from precision.shop.api.parameters import PageParameters, QueryParameters
from precision.shop.api.records.parser import RecordParser
from precision.shop.api.views import PlatformView
from precision.shop.models import ExchangeRate

MOST_ROWS = 5_000
CURRENCY = {"type": "string", "pattern": "^[A-Za-z]{3}$"}
ONE = {
    "type": "object",
    "required": list(exchange.FIELDS),
    "properties": {
        "currency": CURRENCY,
        "target": CURRENCY,
        "day": {"type": "string", "format": "date", "description": "From this day on, until a newer rate."},
        "rate": {
            "oneOf": [{"type": "number"}, {"type": "string"}],
            "description": "Units of the target for one.",
        },
    },
    "additionalProperties": False,
}
BODY = {"oneOf": [ONE, {"type": "array", "maxItems": MOST_ROWS, "items": ONE}]}


class RatesParameters(PageParameters):
    """Which rates."""

    currency = serializers.CharField(
        max_length=3, default="", allow_blank=True, help_text="Only of this currency."
    )


class RateSerializer(serializers.Serializer[Any]):
    """What one unit of a currency was worth in another from a day on."""

    currency = serializers.CharField()
    target = serializers.CharField()
    day = serializers.DateField()
    rate = serializers.CharField(help_text="Units of the target for one unit of the currency.")


class RatePageSerializer(serializers.Serializer[Any]):
    """A page of rates."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = RateSerializer(many=True)


class RefusalSerializer(serializers.Serializer[Any]):
    """A row that was not taken."""

    index = serializers.IntegerField(help_text="Its place in the list, from 0.")
    code = serializers.CharField()
    detail = serializers.CharField()
    field = serializers.CharField(help_text="Empty: the row as a whole.")


class AddedSerializer(serializers.Serializer[Any]):
    """What became of the rows."""

    accepted = serializers.IntegerField()
    updated = serializers.IntegerField(help_text="Always 0: a known rate is corrected by staff only.")
    duplicate = serializers.IntegerField()
    rejected = RefusalSerializer(many=True)


class RatesView(PlatformView):
    """The exchange rates of the organisation; its platforms share them."""

    parser_classes = [RecordParser]
    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"write"})}

    @describe(
        operation_id="exchange_rates_list",
        tags=["exchange rates"],
        summary="Dated exchange rates of the organisation",
        parameters=[RatesParameters],
        responses=RatePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of the rates."""
        given = parameters.read(RatesParameters, request.query_params)
        rows = ExchangeRate.objects.filter(organisation_id=self.platform.organisation_id)
        if given["currency"]:
            rows = rows.filter(currency=given["currency"].upper())
        page = Page(rows, request=request, count=given["count"], cursor=given["cursor"])
        return Response(
            page.answer(
                [
                    {
                        "currency": row.currency,
                        "target": row.target,
                        "day": row.day,
                        "rate": f"{row.rate.normalize():f}",
                    }
                    for row in page.rows
                ]
            )
        )

    @describe(
        operation_id="exchange_rates_add",
        tags=["exchange rates"],
        summary="Add exchange rates; one that is known with another value is refused",
        request={"application/json": BODY},
        responses={201: AddedSerializer},
        examples=[
            OpenApiExample(
                "a rate",
                value={"currency": "USD", "target": "EUR", "day": "2026-11-01", "rate": "0.92"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        """Add one rate or a list of them; rows that cannot be used are listed, the others are added.

        Other platforms of the organisation use the same rates, so that a key adds and never changes them.
        """
        parameters.read(QueryParameters, request.query_params)
        body = request.data
        rows = body if isinstance(body, list) else [body]
        if len(rows) > MOST_ROWS:
            raise ParseError(f"The list has {len(rows)} rows; send at most {MOST_ROWS} at a time.")
        found = exchange.add(self.platform.organisation, rows, replace=False)
        if found.rejected and not isinstance(body, list):
            refusal = found.rejected[0]
            raise ValidationError(
                {refusal.field or api_settings.NON_FIELD_ERRORS_KEY: [refusal.detail]}, code=refusal.code
            )
        return Response(
            {
                "accepted": found.accepted,
                "updated": found.updated,
                "duplicate": found.duplicate,
                "rejected": [
                    {"index": each.index, "code": each.code, "detail": each.detail, "field": each.field}
                    for each in found.rejected
                ],
            },
            status=201,
        )
