"""The endpoint that fills the slots of a page."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from precision.campaigns import slots
from precision.shop.api.cross_origin import CrossOrigin
from precision.shop.api.description import describe
from precision.shop.api.parameters import AnyField, NamesField
from precision.shop.api.views import PlatformView
from recommender.api.parameters import VisitorParameters
from recommender.api.recommendations import rendered
from recommender.api.serializers import ItemSerializer, WarningSerializer
from recommender.serving import answers, exposures, filters
from recommender.serving.ladder import Sources
from recommender.serving.removals import Removal
from recommender.serving.selection import Selection
from recommender.serving.visitors import meet, warn
from segments.models import PriceClass


class SlotsParameters(VisitorParameters):
    """Whom a page is shown to, and what is around it."""

    count = serializers.IntegerField(
        min_value=1,
        max_value=50,
        default=None,
        allow_null=True,
        help_text="Products per slot instead of its own size.",
    )
    user_hash = serializers.CharField(
        max_length=200,
        default="",
        allow_blank=True,
        help_text="With a write key: HMAC-SHA256 (hex) of the customer id under the platform's secret.",
    )
    q = serializers.CharField(
        max_length=500, default="", allow_blank=True, help_text="Search words of the page; not used yet."
    )
    cart = NamesField(
        default=list,
        max_length=50,
        help_text="Product ids in the cart: what goes with them comes first; repeated, or with commas.",
    )


class AudienceSerializer(serializers.Serializer[Any]):
    """As whom the customer was served."""

    stage = serializers.CharField(
        allow_null=True, help_text="Stage of the life cycle; null while none is computed."
    )
    segments = serializers.ListField(child=serializers.CharField(), help_text="Keys of segments.")

    def get_fields(self) -> dict[str, AnyField]:
        """Return the fields with `class`, which is no name for a Python attribute."""
        letter = serializers.ChoiceField(choices=PriceClass.choices, help_text="U: not enough is known.")
        return {"class": letter, **super().get_fields()}


class CreativeSerializer(serializers.Serializer[Any]):
    """How a slot presents itself."""

    title = serializers.CharField(allow_blank=True)
    strategy = serializers.CharField()


class SlotSerializer(serializers.Serializer[Any]):
    """A slot and what fills it."""

    slot = serializers.CharField()
    creative = CreativeSerializer()
    items = ItemSerializer(many=True)


class PageSerializer(serializers.Serializer[Any]):
    """All slots of a page; no product is shown twice."""

    recommendation_id = serializers.CharField(help_text="Send it along with clicks and orders that follow.")
    customer = AudienceSerializer()
    experiment = serializers.DictField(
        help_text="Arms of the experiments that run; empty while there are none."
    )
    slots = SlotSerializer(many=True)
    warnings = WarningSerializer(many=True)


class SlotsView(CrossOrigin, PlatformView):
    """The slots of a page."""

    scopes: ClassVar = {"GET": frozenset({"read", "slots"})}
    parameters = SlotsParameters

    @describe(
        operation_id="slots_page",
        tags=["slots"],
        summary="All slots of a page, for one customer or visitor",
        parameters=[
            SlotsParameters,
            OpenApiParameter(
                "page", str, OpenApiParameter.PATH, description="`home`, or a page that staff have set up."
            ),
        ],
        responses=PageSerializer,
    )
    def get(self, request: Request, page: str) -> HttpResponse:
        """Answer with filled slots, whoever asks; parameters `context.…` of any name are accepted."""
        given = self.read_parameters()
        person, state, warnings = meet(
            self.principal,
            customer_id=given["customer"],
            anonymous_id=given["anonymous_id"],
            given_hash=given["user_hash"],
        )
        places = slots.places(state, page)
        if places is None:
            raise NotFound(
                f"There is no page {page!r} on platform {self.platform.key!r}; `home` is always there."
            )
        selection = Selection(
            platform=self.platform,
            person=person,
            state=state,
            answer=exposures.new_id(),
            filters=filters.read(self.platform, given["filter"]),
        )
        anchors = answers.own_ids(selection, given["cart"])
        selection.take(anchors, Removal.SUBJECT)
        selection.take(answers.own_ids(selection, given["exclude"]), Removal.EXCLUDED)
        sources = Sources(self.platform, person, state, anchors)
        filled = slots.fill(page, places, sources, selection, count=given["count"])
        if places and not any(picks for _, picks in filled):
            warnings = [*warnings, warn("nothing_left", "The shop sells nothing that passes the filters.")]
        answer = {
            "recommendation_id": selection.answer,
            "customer": {"class": person.letter, "stage": person.stage, "segments": person.segments},
            "experiment": {},
            "slots": slots.shown(filled, selection),
            "warnings": warnings,
        }
        exposures.writer.put(exposures.of(selection, page, [(slot.key, 1, picks) for slot, picks in filled]))
        return rendered(answer)
