"""Who is in segments: members, lists, history, overlap, and the segments of one customer."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from precision.engine import runs
from precision.shop.api import parameters
from precision.shop.api.description import describe
from precision.shop.api.pagination import LARGEST_ID, Page
from precision.shop.api.parameters import NamesField
from segments import definitions, following, lists, masking, membership, overlap, standing
from segments.api.groups import KEY, ScopedPageParameters, ScopedView
from segments.api.names import names_of
from segments.api.portraits import ScopeParameters
from segments.models import SegmentSpell
from segments.visibility import hidden_in

MOST_IDS = 5_000
NAMELESS = {"customer_id": None, "anonymous_id": None}
CUSTOMER = OpenApiParameter(
    "customer_id", str, OpenApiParameter.PATH, description="The shop's own customer id."
)


class MemberSerializer(serializers.Serializer[Any]):
    """A member of a segment under the ids this platform knows."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(allow_null=True, help_text="Given where there is no customer id.")
    entered_at = serializers.DateTimeField(
        help_text="When they came in; of who was in it from the start, when it was first computed."
    )


class MemberPageSerializer(serializers.Serializer[Any]):
    """A page of members."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    as_of = serializers.DateField(allow_null=True, help_text="The day they were computed for; null: not yet.")
    results = MemberSerializer(many=True)


class IdsSerializer(serializers.Serializer[Any]):
    """Customers of the platform, by the shop's ids."""

    customer_ids = serializers.ListField(
        child=serializers.CharField(max_length=200), min_length=1, max_length=MOST_IDS
    )


class ListedSerializer(serializers.Serializer[Any]):
    """What became of named customers."""

    changed = serializers.IntegerField(help_text="Customers who came onto the list, or left it.")
    same = serializers.IntegerField(help_text="Ids that changed nothing.")
    unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Ids that the platform does not know."
    )


class SpellSerializer(serializers.Serializer[Any]):
    """One stay in a segment."""

    customer_id = serializers.CharField(allow_null=True)
    anonymous_id = serializers.CharField(allow_null=True)
    entered_at = serializers.DateTimeField()
    left_at = serializers.DateTimeField(allow_null=True, help_text="Null: still in it.")


class SpellPageSerializer(serializers.Serializer[Any]):
    """A page of stays, in the order in which they began to be written."""

    next = serializers.CharField(allow_null=True)
    results = SpellSerializer(many=True)


class HistoryParameters(ScopedPageParameters):
    """A page of the history."""

    customer = serializers.CharField(
        max_length=200, default="", allow_blank=True, help_text="Customer id: only their stays."
    )


class OverlapParameters(ScopeParameters):
    """Which segments."""

    keys = NamesField(
        default=list, help_text=f"Keys, repeated or with commas; none: the first {overlap.MOST}."
    )


class OverlapSerializer(serializers.Serializer[Any]):
    """Overlap of segments; every matrix has rows and columns in the order of `keys`."""

    keys = serializers.ListField(child=serializers.CharField())
    names = serializers.ListField(child=serializers.CharField())
    counts = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="Customers in both; on the diagonal the sizes.",
    )
    shares = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="Of the members of the row's segment, the share who are in the column's.",
    )
    jaccard = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True)),
        help_text="In both over in either; null where nobody is in either.",
    )


class StandingParameters(ScopeParameters):
    """As of when."""

    live = serializers.BooleanField(
        default=False, help_text="Evaluate every segment at this moment instead of telling the last change."
    )


class StandingSerializer(serializers.Serializer[Any]):
    """The segments of a customer."""

    customer_id = serializers.CharField()
    segments = serializers.ListField(child=serializers.CharField(), help_text="Keys, sorted.")


class MembersView(ScopedView):
    """The members of a segment."""

    def read_parameters(self) -> dict[str, Any]:
        """Return the parameters: pages for GET."""
        kind = ScopedPageParameters if self.request.method == "GET" else ScopeParameters
        return parameters.read(kind, self.request.query_params)

    @describe(
        operation_id="segments_members",
        tags=["segments"],
        summary="Members of a segment",
        parameters=[ScopedPageParameters, KEY],
        responses=MemberPageSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """Answer with a page of the members as they are now."""
        scope, given = self.asked()
        segment = self.visible(scope, key)
        run = runs.published(membership.JOB, scope.key)
        rows = membership.page(
            scope, segment.pk, after=_place(given["cursor"]), most=given["count"] + 1
        ).rows()
        shown = rows[: given["count"]]
        names = names_of(self.platform, [customer for customer, _ in shown])
        return Response(
            {
                "next": _next(request, shown[-1][0]) if len(rows) > given["count"] else None,
                "as_of": run.as_of if run else None,
                "results": [
                    {
                        **names.get(customer, NAMELESS),
                        "entered_at": datetime.fromtimestamp(entered, UTC).isoformat(),
                    }
                    for customer, entered in shown
                ],
            }
        )

    @describe(
        operation_id="segments_members_add",
        tags=["segments"],
        summary="Put customers onto a list",
        parameters=[ScopeParameters, KEY],
        request=IdsSerializer,
        responses=ListedSerializer,
    )
    def post(self, request: Request, key: str) -> Response:
        """Add customers to a list; ids that the platform does not know are named in the answer."""
        return self._change(request, key, lists.add)

    @describe(
        operation_id="segments_members_remove",
        tags=["segments"],
        summary="Take customers off a list",
        parameters=[ScopeParameters, KEY],
        request=IdsSerializer,
        responses=ListedSerializer,
    )
    def delete(self, request: Request, key: str) -> Response:
        """Take customers off a list: those that the body names, as for POST."""
        return self._change(request, key, lists.remove)

    def _change(self, request: Request, key: str, change: Any) -> Response:
        scope, _ = self.asked()
        segment = self.find(scope, key)
        given = IdsSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            done = change(segment, self.platform, given.validated_data["customer_ids"])
        except lists.NotAListError as error:
            raise ValidationError({"key": [str(error)]}) from error
        following.list_changed(scope, key, done.changed)
        return Response({"changed": len(done.changed), "same": done.same, "unknown": done.unknown})


class SegmentHistoryView(ScopedView):
    """Who entered and left a segment when."""

    parameters = HistoryParameters

    @describe(
        operation_id="segments_history",
        tags=["segments"],
        summary="Entries and exits of a segment",
        description="Stays that began or ended since the segment was first computed. Who was in it then and never left "
        "has none.",
        parameters=[HistoryParameters, KEY],
        responses=SpellPageSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        """Answer with a page of stays."""
        scope, given = self.asked()
        spells = SegmentSpell.objects.filter(segment=self.visible(scope, key))
        if given["customer"]:
            spells = spells.filter(customer_id=self.find_customer(given["customer"]).customer_id)
        page = Page(spells, request=request, count=given["count"], cursor=given["cursor"])
        names = names_of(self.platform, [row.customer_id for row in page.rows])
        found = [
            {
                **names.get(row.customer_id, NAMELESS),
                "entered_at": row.entered_at.isoformat(),
                "left_at": row.left_at.isoformat() if row.left_at else None,
            }
            for row in page.rows
        ]
        return Response(page.answer(found))


class OverlapView(ScopedView):
    """How segments overlap."""

    parameters = OverlapParameters

    @describe(
        operation_id="segments_overlap",
        tags=["segments"],
        summary="How many customers are in two segments at once",
        parameters=[OverlapParameters],
        responses=OverlapSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the matrix of counts, and what it means in shares."""
        scope, given = self.asked()
        every = {segment.key: segment for segment in definitions.of_scope(scope).order_by("key")}
        missing = [key for key in given["keys"] if key not in every]
        if missing:
            raise NotFound(f"There is no segment {', '.join(map(repr, missing))} on {scope.key!r}.")
        wanted = list(dict.fromkeys(given["keys"])) or list(every)[: overlap.MOST]
        if len(wanted) > overlap.MOST:
            raise ValidationError({"keys": [f"{len(wanted)} segments; at most {overlap.MOST} are compared."]})
        found = overlap.overlap(scope, [every[key] for key in wanted])
        return Response(
            {
                "keys": wanted,
                "names": [segment.name for segment in found.segments],
                "counts": found.counts.tolist(),
                "shares": found.shares(),
                "jaccard": found.jaccard(),
            }
        )


class CustomerSegmentsView(ScopedView):
    """The segments of a customer."""

    parameters = StandingParameters

    @describe(
        operation_id="customers_segments",
        tags=["segments"],
        summary="The segments that a customer is in",
        parameters=[StandingParameters, CUSTOMER],
        responses=StandingSerializer,
    )
    def get(self, request: Request, customer_id: str) -> Response:
        """Answer with the keys of the segments, as of the last change or of this moment; hidden ones are left out."""
        scope, given = self.asked()
        customer = self.find_customer(customer_id).customer_id
        known = definitions.read(scope)
        found = (
            standing.of_customer(scope, known, customer)
            if given["live"]
            else membership.keys_of(scope, known, customer)
        )
        sight = masking.of_key(self.principal.key)
        shown = [
            key
            for key in found
            if key not in known.conditions or not hidden_in(known.conditions[key], known, sight)
        ]
        return Response({"customer_id": customer_id, "segments": shown})


def _next(request: Request, customer: int) -> str:
    text = base64.urlsafe_b64encode(json.dumps([customer]).encode()).decode().rstrip("=")
    return str(replace_query_param(request.build_absolute_uri(), "cursor", text))


def _place(cursor: str) -> int:
    """Return the customer behind whom a page begins."""
    if not cursor:
        return 0
    try:
        (place,) = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if type(place) is not int or not 0 <= place <= LARGEST_ID:
            raise ValueError(place)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValidationError(
            {"cursor": ["This cursor did not come from `next`; leave it out to start over."]}
        ) from None
    return place
