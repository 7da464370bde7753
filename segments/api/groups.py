"""Segments and their members."""

from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from django.db.models import Count
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.api import parameters
from precision.shop.api.description import describe
from precision.shop.api.freshness import Cache
from precision.shop.api.pagination import Page
from precision.shop.api.parameters import PageParameters, QueryParameters
from precision.shop.api.views import PlatformView
from segments import conditions
from segments.api.names import names_of
from segments.builtin import LABELS
from segments.models import Segment, SegmentMember

_sizes: Cache[int, dict[int, int]] = Cache(seconds=None, most=1_000)


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    """A named group of customers."""

    key = serializers.SlugField(max_length=50)
    condition = serializers.JSONField(help_text='Like {"label": "price_class", "op": "=", "value": "A"}.')
    size = serializers.SerializerMethodField(
        help_text="Members; null until the first computation after it was made."
    )

    class Meta:
        model = Segment
        fields = ["key", "name", "description", "condition", "builtin", "size", "updated_at"]
        read_only_fields = ["builtin", "updated_at"]

    def get_size(self, segment: Segment) -> int | None:
        """Return the number of members found by the run in force."""
        run: Run | None = self.context["run"]
        if run is None or run.started_at < segment.updated_at:
            return None
        return sizes(run.pk).get(segment.pk, 0)

    def validate_condition(self, data: Any) -> Any:
        """Refuse a condition that cannot be used, pointing at the place in its tree."""
        try:
            condition = conditions.parse(data, labels=LABELS)
        except conditions.ConditionError as error:
            raise serializers.ValidationError(f"{error.path or 'condition'}: {error.message}") from error
        for term in conditions.behaviour_of(condition):
            raise serializers.ValidationError(
                f"did: {term.event!r}: behaviour is not counted for segments yet; "
                f"use labels: {', '.join(sorted(LABELS))}."
            )
        return conditions.as_data(condition)


class SegmentPageSerializer(serializers.Serializer[Any]):
    """A page of segments."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = SegmentSerializer(many=True)


class MemberSerializer(serializers.Serializer[Any]):
    """A member of a segment under the ids this platform knows."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(allow_null=True, help_text="Given where there is no customer id.")


class MemberPageSerializer(serializers.Serializer[Any]):
    """A page of members."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    as_of = serializers.DateField(allow_null=True, help_text="The day they were computed for; null: not yet.")
    results = MemberSerializer(many=True)


class SegmentsView(PlatformView):
    """The segments of a platform."""

    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"write"})}

    def read_parameters(self) -> dict[str, Any]:
        """Return the parameters: pages for GET, none for POST."""
        kind = PageParameters if self.request.method == "GET" else QueryParameters
        return parameters.read(kind, self.request.query_params)

    @describe(
        operation_id="segments_list",
        tags=["segments"],
        summary="Segments with their sizes",
        parameters=[PageParameters],
        responses=SegmentPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of the segments of the platform."""
        given = self.read_parameters()
        page = Page(
            Segment.objects.filter(platform=self.platform),
            request=request,
            count=given["count"],
            cursor=given["cursor"],
        )
        return Response(
            page.answer(list(SegmentSerializer(page.rows, many=True, context=self._context()).data))
        )

    @describe(
        operation_id="segments_create",
        tags=["segments"],
        summary="Make a segment from a condition",
        request=SegmentSerializer,
        responses={201: SegmentSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a segment; its members are found at the next computation."""
        self.read_parameters()
        segment = SegmentSerializer(data=request.data, context=self._context())
        segment.is_valid(raise_exception=True)
        try:
            with transaction.atomic():
                segment.save(platform=self.platform)
        except IntegrityError as error:
            key = segment.validated_data["key"]
            raise ValidationError(
                {"key": [f"There is a segment {key!r} already; choose another key."]}, "unique"
            ) from error
        return Response(segment.data, status=201)

    def _context(self) -> dict[str, Any]:
        """Return what the serializer needs to tell sizes. One query."""
        return {"run": runs.published("segments", self.platform.key)}


class MembersView(PlatformView):
    """The members of a segment."""

    parameters = PageParameters

    @describe(
        operation_id="segments_members",
        tags=["segments"],
        summary="Members of a segment",
        parameters=[
            PageParameters,
            OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the segment."),
        ],
        responses=MemberPageSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """Answer with a page of the members that the run in force found."""
        given = self.read_parameters()
        segment = Segment.objects.filter(platform=self.platform, key=key).first()
        if segment is None:
            raise NotFound(f"There is no segment {key!r} on platform {self.platform.key!r}.")
        run = runs.published("segments", self.platform.key)
        page = Page(
            SegmentMember.objects.filter(run_id=run.pk if run else 0, segment=segment),
            request=request,
            count=given["count"],
            cursor=given["cursor"],
        )
        names = names_of(self.platform, [member.customer_id for member in page.rows])
        members = [
            names.get(member.customer_id, {"customer_id": None, "anonymous_id": None}) for member in page.rows
        ]
        return Response({**page.answer(members), "as_of": run.as_of if run else None})


def sizes(run: int) -> dict[int, int]:
    """Return the number of members per segment of a run. At most one query a run."""
    return _sizes.get(
        run,
        lambda: dict(
            SegmentMember.objects.filter(run_id=run)
            .order_by()
            .values_list("segment_id")
            .annotate(size=Count("id"))
        ),
    )
