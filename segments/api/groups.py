"""Segments: their list, making, changing and deleting one."""

from typing import Any, ClassVar

from django.db import IntegrityError, transaction
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.api import parameters
from precision.shop.api.description import describe
from precision.shop.api.freshness import Cache
from precision.shop.api.pagination import Page
from precision.shop.api.parameters import PageParameters
from precision.shop.api.views import PlatformView
from precision.shop.scopes import Scope
from segments import conditions, definitions, effects, masking, membership
from segments.api.portraits import ScopeParameters, scope_of
from segments.conditions import Condition
from segments.definitions import Definitions
from segments.models import RESERVED, Segment
from segments.visibility import hidden_in

KEY = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the segment.")
SIZES_S = 30.0
CONDITION_HELP = (
    'Like {"label": "price_class", "op": "=", "value": "A"}; the language stands in docs/conditions.md.'
)

_sizes: Cache[int, dict[int, int]] = Cache(seconds=SIZES_S, most=1_000)


class EffectSerializer(serializers.Serializer[Any]):
    """When one term of a condition follows the facts."""

    path = serializers.CharField(allow_blank=True, help_text="Place in the tree; empty: the only term.")
    term = serializers.CharField(help_text="In words.")
    pace = serializers.CharField(help_text="event, minute or nightly.")
    note = serializers.CharField(allow_blank=True)


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    """A named group of customers."""

    key = serializers.SlugField(max_length=50, help_text=f"Not {', '.join(RESERVED)}.")
    condition = serializers.JSONField(
        required=False, allow_null=True, help_text=f"{CONDITION_HELP} None for a list."
    )
    static = serializers.BooleanField(
        required=False, help_text="A list: members are named one by one, see segments/{key}/members/."
    )
    size = serializers.SerializerMethodField(
        help_text="Members, at most half a minute old; null until the first computation after it was made."
    )

    class Meta:
        model = Segment
        fields = ["key", "name", "description", "condition", "static", "builtin", "size", "updated_at"]
        read_only_fields = ["builtin", "updated_at"]

    def get_size(self, segment: Segment) -> int | None:
        """Return the number of members."""
        run: Run | None = self.context["run"]
        if run is None or run.started_at < segment.updated_at:
            return None
        return sizes(self.context["scope"], run).get(segment.pk, 0)

    def validate_key(self, key: str) -> str:
        """Refuse words that addresses use, and another key for a segment that is there."""
        if key in RESERVED:
            raise serializers.ValidationError(f"{key!r} is taken by an address; choose another key.")
        if self.instance is not None and key != self.instance.key:
            raise serializers.ValidationError("The key of a segment does not change; make a new one.")
        return key

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a condition that cannot be used, pointing at the place in its tree, and a list with a condition."""
        static = attrs.get("static", bool(self.instance and self.instance.static))
        if self.instance is not None and static != self.instance.static:
            raise serializers.ValidationError({"static": ["A list stays a list; make a new segment."]})
        given = attrs.get("condition")
        if static and given is not None:
            raise serializers.ValidationError({"condition": ["A list has no condition."]})
        if not static and ("condition" in attrs or self.instance is None):
            key = attrs.get("key") or (self.instance.key if self.instance else None)
            condition = checked(self.context["scope"], given, self.context["sight"], key=key)
            attrs["condition"] = conditions.as_data(condition)
        return attrs


class SegmentWithEffectsSerializer(SegmentSerializer):
    """A segment, and when each term of its condition takes effect."""

    effects = serializers.SerializerMethodField(
        help_text="When each term follows the facts; empty for a list, which changes at once."
    )

    class Meta(SegmentSerializer.Meta):
        fields = [*SegmentSerializer.Meta.fields, "effects"]

    def get_effects(self, segment: Segment) -> list[dict[str, Any]]:
        """Return the effects of the terms."""
        known: Definitions = self.context["known"]
        condition = known.conditions.get(segment.key)
        return [] if condition is None else told(effects.effects(self.context["scope"], condition, known))


class SegmentPageSerializer(serializers.Serializer[Any]):
    """A page of segments."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = SegmentSerializer(many=True)


class ScopedPageParameters(ScopeParameters, PageParameters):
    """A page, for what it is asked."""


class ScopedView(PlatformView):
    """What belongs to a platform, or with `overall=true` to all of its organisation."""

    scopes: ClassVar = {
        "GET": frozenset({"read"}),
        **{method: frozenset({"write"}) for method in ("POST", "PATCH", "DELETE")},
    }
    parameters = ScopeParameters

    def asked(self) -> tuple[Scope, dict[str, Any]]:
        """Return the scope that is meant and all parameters of the address line."""
        given = self.read_parameters()
        return scope_of(self.principal, overall=given["overall"]), given

    def find(self, scope: Scope, key: str) -> Segment:
        """Return a segment of the scope; NotFound. One query."""
        segment = definitions.of_scope(scope).filter(key=key).first()
        if segment is None:
            raise NotFound(f"There is no segment {key!r} on {scope.key!r}.")
        return segment

    def visible(self, scope: Scope, key: str) -> Segment:
        """Return a segment whose members the key may see; PermissionDenied where it goes by hidden labels."""
        segment = self.find(scope, key)
        known = definitions.read(scope)
        condition = known.conditions.get(key)
        hidden = hidden_in(condition, known, masking.of_key(self.principal.key)) if condition else []
        if hidden:
            raise PermissionDenied(
                f"The segment {key!r} goes by {', '.join(hidden)}, which this key may not see."
            )
        return segment

    def context(self, scope: Scope) -> dict[str, Any]:
        """Return what the serializers need. One query."""
        return {
            "run": runs.published(membership.JOB, scope.key),
            "scope": scope,
            "sight": masking.of_key(self.principal.key),
        }


class SegmentsView(ScopedView):
    """The segments of a platform."""

    def read_parameters(self) -> dict[str, Any]:
        """Return the parameters: pages for GET."""
        kind = ScopedPageParameters if self.request.method == "GET" else ScopeParameters
        return parameters.read(kind, self.request.query_params)

    @describe(
        operation_id="segments_list",
        tags=["segments"],
        summary="Segments with their sizes",
        parameters=[ScopedPageParameters],
        responses=SegmentPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of the segments of the platform."""
        scope, given = self.asked()
        page = Page(
            definitions.of_scope(scope), request=request, count=given["count"], cursor=given["cursor"]
        )
        rows = SegmentSerializer(page.rows, many=True, context=self.context(scope)).data
        return Response(page.answer(list(rows)))

    @describe(
        operation_id="segments_create",
        tags=["segments"],
        summary="Make a segment from a condition, or a list",
        parameters=[ScopeParameters],
        request=SegmentSerializer,
        responses={201: SegmentSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a segment; the members of a condition are found at the next computation."""
        scope, _ = self.asked()
        try:
            with definitions.changing(scope):
                segment = SegmentSerializer(data=request.data, context=self.context(scope))
                segment.is_valid(raise_exception=True)
                with transaction.atomic():
                    segment.save(**owner_of(scope))
        except IntegrityError as error:
            key = segment.validated_data["key"]
            raise ValidationError(
                {"key": [f"There is a segment {key!r} already; choose another key."]}, "unique"
            ) from error
        return Response(segment.data, status=201)


class SegmentView(ScopedView):
    """One segment."""

    @describe(
        operation_id="segments_get",
        tags=["segments"],
        summary="A segment, and when its terms take effect",
        parameters=[ScopeParameters, KEY],
        responses=SegmentWithEffectsSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """Answer with the segment."""
        scope, _ = self.asked()
        context = {**self.context(scope), "known": definitions.read(scope)}
        return Response(SegmentWithEffectsSerializer(self.find(scope, key), context=context).data)

    @describe(
        operation_id="segments_update",
        tags=["segments"],
        summary="Change name, description or condition of a segment",
        parameters=[ScopeParameters, KEY],
        request=SegmentSerializer,
        responses=SegmentSerializer,
    )
    def patch(self, request: Request, key: str) -> Response:
        """Change it; a changed condition counts from the next computation on, and nobody enters by the change."""
        scope, _ = self.asked()
        with definitions.changing(scope):
            segment = SegmentSerializer(
                self.find(scope, key), data=request.data, partial=True, context=self.context(scope)
            )
            segment.is_valid(raise_exception=True)
            segment.save()
        return Response(segment.data)

    @describe(
        operation_id="segments_delete",
        tags=["segments"],
        summary="Delete a segment with its history",
        parameters=[ScopeParameters, KEY],
        responses={204: None},
    )
    def delete(self, request: Request, key: str) -> Response:
        """Delete it; one that others name, or that came with the product, is refused."""
        scope, _ = self.asked()
        segment = self.find(scope, key)
        if segment.builtin:
            raise ValidationError(
                {"key": [f"The segment {key!r} came with the product and would come back."]}
            )
        try:
            definitions.delete(segment, scope)
        except definitions.UsedError as error:
            raise ValidationError({"key": [str(error)]}, "used") from error
        return Response(status=204)


def checked(scope: Scope, data: Any, sight: masking.Sight, *, key: str | None = None) -> Condition:
    """Return the condition that was sent; ValidationError points at the place in its tree.

    Raises PermissionDenied where it asks, itself or through segments, by what the caller may not see.
    """
    try:
        condition = definitions.check(scope, data, key=key)
    except conditions.ConditionError as error:
        raise ValidationError({"condition": [f"{error.path or 'condition'}: {error.message}"]}) from error
    hidden = hidden_in(condition, definitions.read(scope), sight)
    if hidden:
        raise PermissionDenied(f"This key may not see {', '.join(hidden)}, so it may not ask by it.")
    return condition


def owner_of(scope: Scope) -> dict[str, Any]:
    """Return the columns that say whose a segment is."""
    if scope.platform is not None:
        return {"platform": scope.platform}
    return {"organisation": scope.platforms[0].organisation}


def told(found: list[effects.Effect]) -> list[dict[str, Any]]:
    """Return effects as answers tell them."""
    return [{"path": one.path, "term": one.term, "pace": str(one.pace), "note": one.note} for one in found]


def sizes(scope: Scope, run: Run) -> dict[int, int]:
    """Return the number of members per segment, at most SIZES_S old."""
    return _sizes.get(run.pk, lambda: membership.sizes(scope, run))
