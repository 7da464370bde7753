"""Endpoints of records: lists in and out, and one record by its id."""

from typing import Any, ClassVar

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.exceptions import APIException, NotFound, ParseError, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from precision.shop import bulk, sources
from precision.shop.api.description import ErrorSerializer, describe
from precision.shop.api.records import schemas
from precision.shop.api.records.examples import EXAMPLES
from precision.shop.api.records.listing import ListParameters, Page
from precision.shop.api.records.parser import RecordParser
from precision.shop.api.records.resources import Resource
from precision.shop.api.views import PlatformView
from precision.shop.intake import committing
from precision.shop.intake.committing import BusyError
from precision.shop.models import ApiKey, Source
from precision.shop.recording import Answer, record
from precision.shop.recording.content import DEEPEST

READ = frozenset({"read"})
WRITE = frozenset({"write"})
PERSONAL = "export"
"""Scope of a key that is answered with personal values."""
WAIT_SECONDS = 5
BODY_ERRORS = {
    429: OpenApiResponse(ErrorSerializer, description="Others write; `Retry-After` says when to come again."),
    503: OpenApiResponse(ErrorSerializer, description="The database does not answer; nothing was kept."),
    413: OpenApiResponse(ErrorSerializer, description="The body is too large, or grows too large."),
    415: OpenApiResponse(ErrorSerializer, description="The body comes in an encoding that is not read."),
}


class UnavailableError(APIException):
    """Nothing can be written for a while."""

    status_code = 503
    default_code = "unavailable"
    default_detail = "The database does not answer, so nothing was kept; come again later."


class RecordView(PlatformView):
    """What the endpoints of a kind of record have in common."""

    parser_classes = [RecordParser]
    resource: ClassVar[Resource[Any]]

    def represent(self, rows: list[Any]) -> list[dict[str, Any]]:
        """Return the records, with personal values where the key may see them."""
        key: ApiKey = self.principal.key
        return self.resource.represent(rows, personal=PERSONAL in key.scopes)

    def record(self, rows: list[Any], *, replace: bool) -> Answer:
        """Write rows; return what became of them. Raises Throttled or UnavailableError when others are in the way."""
        try:
            return record(
                self.platform,
                self.resource.name,
                rows,
                replace=replace,
                source=sources.default(self.platform, Source.Kind.REST),
                now=timezone.now(),
                trusted=self.principal.is_trusted,
            )
        except BusyError as error:
            raise Throttled(WAIT_SECONDS, f"{error} Nothing was kept.") from error
        except committing.UnavailableError as error:
            raise UnavailableError from error

    def record_one(self, row: Any, *, replace: bool) -> Answer:
        """Write one record; raise ValidationError that names the field when it is refused."""
        answer = self.record([row], replace=replace)
        refuse(answer)
        return answer


class CollectionView(RecordView):
    """The records of a kind."""

    parameters: ClassVar[type[ListParameters]] = ListParameters

    def get(self, request: Request) -> Response:
        """Answer a page of records."""
        values = self.read_parameters()
        rows = self.resource.rows(self.platform, values)
        page: Page[Any] = Page(
            rows, order=self.resource.order, request=request, count=values["count"], cursor=values["cursor"]
        )
        return Response({"next": page.next, "results": self.represent(page.rows)})

    def post(self, request: Request) -> Response:
        """Add records, or update the given fields of those that are there."""
        return self.write(request, replace=False)

    def put(self, request: Request) -> Response:
        """Add records, or replace those that are there."""
        return self.write(request, replace=True)

    def write(self, request: Request, *, replace: bool) -> Response:
        """Write what the body holds: one record, or a list of which each is judged by itself."""
        body = request.data
        if isinstance(body, list):
            if len(body) > schemas.MOST_ROWS:
                raise ParseError(
                    f"The list has {len(body)} rows; send at most {schemas.MOST_ROWS} at a time.",
                    code="too_many_rows",
                )
            return Response(self.record(body, replace=replace).as_json())
        return Response(self.record_one(body, replace=replace).as_json())


class DetailView(RecordView):
    """One record by the id that the shop gave it; the id may contain slashes."""

    def found(self, record_id: str) -> Any:
        """Return the row; raise NotFound."""
        row = self.resource.find(self.platform, record_id)
        if row is None:
            raise NotFound(
                f"There is no {self.resource.name} {record_id!r} on platform {self.platform.key!r}."
            )
        return row

    def get(self, request: Request, record_id: str) -> Response:
        """Answer the record."""
        self.read_parameters()
        return Response(self.represent([self.found(record_id)])[0])

    def patch(self, request: Request, record_id: str) -> Response:
        """Change the given fields; null empties a field, as in a JSON merge patch (RFC 7396)."""
        change = request.data
        if not isinstance(change, dict):
            raise ParseError("The body must be one object with the fields to change.", code="not_an_object")
        key = self.resource.kind.key
        if str(change.get(key, record_id)) != record_id:
            raise ValidationError({key: ["An id does not change; leave it out."]}, code="fixed")
        with transaction.atomic():
            bulk.lock(self.platform)
            before = self.resource.represent([self.found(record_id)], personal=True)[0]
            answer = self.record([merged(before, {**change, key: record_id})], replace=True)
        refuse(answer)
        return Response(self.represent([self.found(record_id)])[0])

    def delete(self, request: Request, record_id: str) -> Response:
        """Take the record away."""
        self.remove(self.found(record_id))
        return Response(status=204)

    def remove(self, row: Any) -> None:
        """Take the row away, in one transaction that other writers wait for."""
        with transaction.atomic():
            bulk.lock(self.platform)
            self.resource.remove(self.platform, row)


def refuse(answer: Answer) -> None:
    """Raise ValidationError that names the field when the one row of an answer was refused."""
    for refusal in answer.rejected:
        name = refusal.field or api_settings.NON_FIELD_ERRORS_KEY
        raise ValidationError({name: [refusal.detail]}, code=refusal.code)


def merged(before: dict[str, Any], change: dict[str, Any], *, depth: int = DEEPEST) -> dict[str, Any]:
    """Return an object after a merge patch: members of inner objects too, null takes one away.

    What lies deeper than is kept is taken over as it is, to be refused by name.
    """
    made = dict(before)
    for name, value in change.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, dict) and depth:
            inner = made.get(name)
            made[name] = merged(inner if isinstance(inner, dict) else {}, value, depth=depth - 1)
        else:
            made[name] = value
    return made


def collection(
    resource: Resource[Any], *, scopes: dict[str, frozenset[str]] | None = None
) -> type[CollectionView]:
    """Return the view of all records of a kind, described in OpenAPI from its fields."""
    kind, plural = resource.kind, resource.plural
    many = plural.replace("-", " ")
    example = OpenApiExample("a record", value=EXAMPLES[resource.name], request_only=True)
    errors: dict[int, Any] = {
        200: OpenApiResponse(schemas.ANSWER, description="What became of each row."),
        **BODY_ERRORS,
    }
    keys = {"GET": READ, "POST": WRITE, "PUT": WRITE, **(scopes or {})}

    class View(CollectionView):
        __doc__ = f"The {many} of the platform."
        scopes = keys
        parameters = resource.parameters

        @describe(
            operation_id=f"{plural}_list",
            tags=[plural],
            summary=f"List {many}",
            parameters=[resource.parameters],
            responses=OpenApiResponse(schemas.page(kind), description="A page."),
        )
        def get(self, request: Request) -> Response:
            return super().get(request)

        @describe(
            operation_id=f"{plural}_add",
            tags=[plural],
            summary=f"Add {many}, or update the given fields",
            request={"application/json": schemas.body(kind, replace=False)},
            responses=errors,
            examples=[example],
        )
        def post(self, request: Request) -> Response:
            return super().post(request)

        @describe(
            operation_id=f"{plural}_replace",
            tags=[plural],
            summary=f"Add {many}, or replace them: what is not given is emptied",
            request={"application/json": schemas.body(kind, replace=True)},
            responses=errors,
            examples=[example],
        )
        def put(self, request: Request) -> Response:
            return super().put(request)

    View.resource = resource
    return View


def detail(
    resource: Resource[Any], *, methods: tuple[str, ...] = ("get", "patch", "delete")
) -> type[DetailView]:
    """Return the view of one record of a kind, with these methods."""
    kind, plural = resource.kind, resource.plural
    path = OpenApiParameter(
        "record_id", str, OpenApiParameter.PATH, description=f"`{kind.key}`; it may contain slashes."
    )
    one = OpenApiResponse(schemas.answered(kind), description="The record.")

    class View(DetailView):
        __doc__ = f"One {resource.name} of the platform."
        scopes = {"GET": READ, "PATCH": WRITE, "DELETE": WRITE}
        http_method_names = [*methods, "options"]

        @describe(
            operation_id=f"{plural}_read", tags=[plural], summary=f"Read a {resource.name}", parameters=[path],
            responses=one,
        )  # fmt: skip
        def get(self, request: Request, record_id: str) -> Response:
            return super().get(request, record_id)

        @describe(
            operation_id=f"{plural}_change", tags=[plural], parameters=[path],
            summary=f"Change fields of a {resource.name}; null empties one",
            request={"application/json": schemas.written(kind, partial=True)},
            responses={200: one, **BODY_ERRORS},
        )  # fmt: skip
        def patch(self, request: Request, record_id: str) -> Response:
            return super().patch(request, record_id)

        @describe(
            operation_id=f"{plural}_remove", tags=[plural], summary=f"Take a {resource.name} away",
            parameters=[path], responses={204: OpenApiResponse(description="It is gone.")},
        )  # fmt: skip
        def delete(self, request: Request, record_id: str) -> Response:
            return super().delete(request, record_id)

    View.resource = resource
    return View
