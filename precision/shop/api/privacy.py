"""What a person may ask of a shop: what is known of them, what they agreed to, and to be forgotten."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django.db import OperationalError, transaction
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from psycopg.errors import LockNotAvailable
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ParseError, Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import consent, enqueueing, erasure, export, sources, tasks
from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.records import schemas
from precision.shop.api.records.parser import RecordParser
from precision.shop.api.records.people import Customers
from precision.shop.api.records.views import BODY_ERRORS, detail
from precision.shop.api.views import PlatformView
from precision.shop.consent import Word
from precision.shop.intake import guard
from precision.shop.models import Consent, Erasure, Identity, Source
from precision.shop.platforms import ORGANISATION
from precision.shop.recording.answers import Answer
from precision.shop.recording.reading import INDEX, read
from precision.shop.records import KINDS

CUSTOMER: Final = OpenApiParameter(
    "customer_id",
    str,
    OpenApiParameter.PATH,
    description="The shop's own customer id; it may contain slashes.",
)
PATIENCE: Final = "4s"
WAIT_SECONDS: Final = 5
HISTORY: Final = 1_000
"""Words that an answer tells, the newest."""
KIND: Final = KINDS["consent"]
_Detail: Any = detail(Customers(), methods=("get", "patch", "delete"))


class ErasureSerializer(serializers.Serializer[Any]):
    """What became of an erasure."""

    erasure = serializers.IntegerField(help_text="Its number.")
    scope = serializers.CharField(help_text="Key of the platform, or * for the whole joined person.")
    state = serializers.ChoiceField(
        choices=Erasure.State.choices,
        help_text="`erased`: no table knows the person any more, files follow; `requested`: it waits for an import.",
    )
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Rows of each table that were emptied or removed."
    )


class CustomerView(_Detail):  # type: ignore[misc]
    """One customer of the platform."""

    scopes: ClassVar[dict[str, frozenset[str]]] = {**_Detail.scopes, "DELETE": frozenset({"erase"})}

    @describe(
        operation_id="customers_erase",
        tags=["customers"],
        summary="Forget a customer: names, words and traces go, figures stay",
        parameters=[OpenApiParameter("record_id", str, OpenApiParameter.PATH, description="`customer_id`.")],
        responses={200: ErasureSerializer, 202: ErasureSerializer},
    )
    def delete(self, request: Request, record_id: str) -> Response:
        """Erase what this platform knows of the person; with the scope `organisation`, the joined person."""
        key = self.principal.key
        done = erasure.erase_customer(
            self.platform, record_id, by=key.prefix, whole=ORGANISATION in key.scopes, finish=False
        )
        if done is None:
            raise NotFound(f"There is no customer {record_id!r} on platform {self.platform.key!r}.")
        enqueueing.after_commit(tasks.erasures)
        answer = {"erasure": done.pk, "scope": done.scope, "state": done.state, "counts": done.counts}
        return Response(answer, status=202 if done.state == Erasure.State.REQUESTED else 200)


class ExportView(PlatformView):
    """Everything known of a customer."""

    scopes: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset({"export"})}

    @describe(
        operation_id="customers_export",
        tags=["customers"],
        summary="Everything known of a customer, as one JSON object",
        parameters=[CUSTOMER],
        responses={(200, "application/json"): OpenApiResponse(
            {"type": "object", "additionalProperties": True}, description="A list of rows by the name of each table."
        )},
    )  # fmt: skip
    def get(self, request: Request, customer_id: str) -> HttpResponseBase:
        """Answer piece by piece; personal values are opened. With the scope `organisation`, of the joined person."""
        self.read_parameters()
        subject = erasure.of_identity(
            self.find_customer(customer_id), whole=ORGANISATION in self.principal.key.scopes
        )
        head = {"customer_id": customer_id, "platform": self.platform.key}
        text: Iterator[str] = export.as_json(subject, asked_for=head, now=timezone.now())
        response = StreamingHttpResponse(text, content_type="application/json")
        response["Cache-Control"] = "no-store"
        return response


class WordSerializer(serializers.Serializer[Any]):
    """One word on one purpose and channel."""

    channel = serializers.CharField(help_text="`*`: every channel.")
    purpose = serializers.CharField()
    granted = serializers.BooleanField()
    basis = serializers.CharField(help_text="Legal basis; empty: not told.")
    at = serializers.DateTimeField(help_text="When the person said so.")


class ConsentsSerializer(serializers.Serializer[Any]):
    """What a customer agreed to."""

    customer_id = serializers.CharField()
    current = WordSerializer(many=True, help_text="The latest word on each purpose and channel.")
    history = WordSerializer(many=True, help_text=f"The newest {HISTORY} words, the newest first.")


class ConsentsView(PlatformView):
    """The consents of a customer."""

    scopes: ClassVar[dict[str, frozenset[str]]] = {
        "GET": frozenset({"read"}),
        "POST": frozenset({"write"}),
    }
    parser_classes = [RecordParser]
    parameters: ClassVar[type[QueryParameters]] = QueryParameters

    @describe(
        operation_id="customers_consents",
        tags=["customers"],
        summary="What a customer agreed to, with its history",
        parameters=[CUSTOMER],
        responses=ConsentsSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer the words of all identities of the person on this platform."""
        self.read_parameters()
        person = self.find_customer(customer_id)
        rows = Consent.objects.filter(
            platform=self.platform, identity__in=Identity.objects.filter(customer=person.customer_id)
        ).order_by("-at", "granted", "-id")
        history = [_word(row) for row in rows[:HISTORY]]
        current: dict[tuple[str, str], dict[str, Any]] = {}
        for word in history:
            current.setdefault((word["purpose"], word["channel"]), word)
        return Response(
            {
                "customer_id": customer_id,
                "current": [current[key] for key in sorted(current)],
                "history": history,
            }
        )

    @describe(
        operation_id="customers_consents_add",
        tags=["customers"],
        summary="Tell what a customer agreed to, or took back",
        parameters=[CUSTOMER],
        request={"application/json": schemas.body(KIND, replace=False)},
        responses={
            200: OpenApiResponse(schemas.ANSWER, description="What became of each word."),
            **BODY_ERRORS,
        },
    )
    def post(self, request: Request, customer_id: str) -> Response:
        """Keep one word, or a list of which each is judged by itself; an older one never overrules a newer one."""
        rows = request.data if isinstance(request.data, list) else [request.data]
        if len(rows) > schemas.MOST_ROWS:
            raise ParseError(
                f"The list has {len(rows)} words; send at most {schemas.MOST_ROWS} at a time.",
                code="too_many_rows",
            )
        now = timezone.now()
        table = read(KIND, rows, timezone=self.platform.timezone, now=now)
        source = sources.default(self.platform, Source.Kind.REST)
        usable = table.usable().frame.drop(INDEX)
        try:
            with transaction.atomic():
                guard.share([self.platform.organisation_id], patience=PATIENCE)  # nobody is erased meanwhile
                person = self.find_customer(customer_id).pk
                words = [_told(person, row) for row in usable.iter_rows(named=True)]
                told = consent.record(self.platform, words, source=source, now=now)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise Throttled(WAIT_SECONDS, "Somebody is being erased; nothing was kept.") from error
        answer = Answer(
            accepted=told.accepted,
            updated=told.updated,
            duplicate=told.duplicate,
            rejected=[table.refused[place] for place in sorted(table.refused)],
        )
        return Response(answer.as_json())


def _told(identity: int, row: dict[str, Any]) -> Word:
    given = {**row, "basis": row.get("basis") or ""}
    return Word(identity=identity, **given)


def _word(row: Consent) -> dict[str, Any]:
    return {
        "channel": row.channel, "purpose": row.purpose, "granted": row.granted, "basis": row.basis, "at": row.at
    }  # fmt: skip
