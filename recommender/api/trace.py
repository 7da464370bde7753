"""The endpoint that says why a list is as it is."""

from typing import Any

from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from precision.engine.models import Run
from precision.shop.api.description import describe
from precision.shop.api.parameters import NamesField
from recommender.api.parameters import ForYouParameters
from recommender.api.recommendations import TAGS, RecommendationView, rendered
from recommender.api.serializers import ItemSerializer, WarningSerializer
from recommender.serving import answers, catalogue, filters, tracing
from recommender.serving.items import items
from recommender.serving.removals import TEXTS, Removal
from recommender.serving.selection import Selection
from recommender.serving.tracing import Trace, Traced
from segments.models import PriceClass

RUNS = ("recommendations", "popularity", "similar", "rules", "price-classes")


class TraceParameters(ForYouParameters):
    """Whose list, and which."""

    kind = serializers.ChoiceField(
        choices=sorted(tracing.KINDS),
        default="for-you",
        help_text="The list, by the name of its endpoint; `cross` and `up` are those of guess-what-you-like.",
    )
    products = NamesField(
        default=list,
        max_length=tracing.MOST_ABOUT,
        help_text="Product ids that the list is about: one for `similar`, some for `bought-together`; for `cross` and "
        "`up` without them the latest purchases.",
    )
    explain = serializers.CharField(
        max_length=200,
        default="",
        allow_blank=True,
        help_text="A product id: told of first after the list, though no source proposed it.",
    )

    def get_fields(self) -> dict[str, Any]:
        """Return the fields without that of a further page: a trace is of the first."""
        fields = super().get_fields()
        del fields["recommendation_id"]
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse products for a list that is about none, and too few or too many."""
        attrs = super().validate(attrs)
        if told := tracing.problem(attrs["kind"], len(attrs["products"])):
            raise serializers.ValidationError({"products": [told]}, code="invalid")
        return attrs


class ProposalSerializer(serializers.Serializer[Any]):
    """A source that proposed a product."""

    place = serializers.IntegerField(help_text="Place among all that was proposed, 1 the first.")
    source = serializers.CharField(help_text="The rung of the fallback ladder.")  # type: ignore[assignment]
    method = serializers.CharField(allow_blank=True, help_text="What proposed it, more closely.")
    score = serializers.FloatField(allow_null=True, help_text="Comparable within one method only.")
    because_of = serializers.CharField(
        allow_null=True, help_text="The product id behind it, where there is one."
    )


class RemovalSerializer(serializers.Serializer[Any]):
    """What kept a candidate out."""

    code = serializers.ChoiceField(choices=[(each.value, each.value) for each in Removal])
    text = serializers.CharField()


class CandidateSerializer(serializers.Serializer[Any]):
    """A product that could have been shown."""

    product_id = serializers.CharField(allow_null=True, help_text="null: the shop does not have it any more.")
    title = serializers.CharField(allow_null=True)
    rank = serializers.IntegerField(allow_null=True, help_text="In the list; null: it is not there.")
    removed = RemovalSerializer(allow_null=True, help_text="What kept it out; null: it is in the list.")
    weight = serializers.FloatField(allow_null=True, help_text="Of staff's boosts; null: none concerns it.")
    proposed = ProposalSerializer(many=True)


class ControlSerializer(serializers.Serializer[Any]):
    """A decision of staff that holds for this list."""

    kind = serializers.CharField()
    product_id = serializers.CharField(allow_null=True)
    category = serializers.CharField(allow_null=True)
    brand = serializers.CharField(allow_null=True)
    rank = serializers.IntegerField(allow_null=True)
    weight = serializers.FloatField(allow_null=True)


class TracedRunSerializer(serializers.Serializer[Any]):
    """A run that the answer reads."""

    job = serializers.CharField()
    run = serializers.IntegerField()
    as_of = serializers.DateField()


class TracedPersonSerializer(serializers.Serializer[Any]):
    """What is known of the person."""

    known = serializers.BooleanField(help_text="A customer, or a visitor whom a verified link joins to one.")
    stage = serializers.CharField(allow_null=True)
    segments = serializers.ListField(child=serializers.CharField())
    bought = serializers.ListField(
        child=serializers.CharField(), help_text="Product ids, the latest first; at most 50."
    )
    seen = serializers.ListField(
        child=serializers.CharField(), help_text="Of the last days, the latest first."
    )
    session = serializers.BooleanField(help_text="A visit is on: what it brings stands between the rest.")

    def get_fields(self) -> dict[str, Any]:
        """Return the fields with `class`, which is no name for a Python attribute."""
        return {"class": serializers.ChoiceField(choices=PriceClass.choices), **super().get_fields()}


class TraceSerializer(serializers.Serializer[Any]):
    """Why a list is as it is."""

    kind = serializers.CharField()
    customer = TracedPersonSerializer()
    runs = TracedRunSerializer(many=True)
    controls = ControlSerializer(many=True)
    items = ItemSerializer(many=True)
    candidates = CandidateSerializer(
        many=True,
        help_text="The shown ones, then the one to explain, then the others as they were proposed; "
        f"{tracing.LOOKED_AT} and more.",
    )
    warnings = WarningSerializer(many=True)


class TraceView(RecommendationView):
    """Why a list is as it is."""

    parameters = TraceParameters

    @describe(
        operation_id="recommendations_trace",
        tags=TAGS,
        summary="Why a customer gets this list: candidates, scores, and what removed what",
        parameters=[TraceParameters],
        responses=TraceSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer with the list as it is now, and with what became of each candidate. Nothing is logged or tried out."""
        given = self.read_parameters()
        person, state, warnings = self._person(given)
        probe = Selection(platform=self.platform, person=person, state=state)
        about = list(dict.fromkeys(self.find_products(given["products"]).values()))
        named = self.find_products([given["explain"]])[given["explain"]] if given["explain"] else None
        found = tracing.trace(
            self.platform,
            person,
            state,
            kind=given["kind"],
            count=given["count"],
            filters=filters.read(self.platform, given["filter"]),
            excluded=answers.own_ids(probe, given["exclude"]),
            about=about,
            named=named,
        )
        return rendered({**told(found), "warnings": warnings})


def told(found: Trace) -> dict[str, Any]:
    """Return a trace in the shape of the API, without warnings."""
    selection, person, state = found.selection, found.person, found.state
    wanted = {
        each for one in found.candidates for p in one.proposals if (each := p.candidate.anchor) is not None
    }
    wanted |= {*person.bought[:50], *person.seen}
    wanted |= {each.product for each in found.choices if each.product is not None}
    names = {product: fact.external_id for product, fact in selection.facts(list(wanted)).items()}
    runs = Run.objects.filter(id__in=[state.run_ids[job] for job in RUNS if job in state.run_ids])
    return {
        "kind": found.kind,
        "customer": {
            "class": person.letter,
            "known": person.customer is not None,
            "stage": person.stage,
            "segments": person.segments,
            "bought": [names[each] for each in person.bought[:50] if each in names],
            "seen": [names[each] for each in person.seen if each in names],
            "session": person.live,
        },
        "runs": [{"job": run.job, "run": run.pk, "as_of": run.as_of} for run in runs.order_by("job")],
        "controls": [
            {
                "kind": each.kind,
                "product_id": names.get(each.product or 0),
                "category": None if each.category is None else _path(found, each.category),
                "brand": each.brand or None,
                "rank": each.rank if each.kind == "pin" else None,
                "weight": each.weight if each.kind == "boost" else None,
            }
            for each in found.choices
        ],
        "items": items(selection, found.picks),
        "candidates": [_candidate(one, names) for one in found.candidates],
    }


def _candidate(one: Traced, names: dict[int, str]) -> dict[str, Any]:
    return {
        "product_id": one.fact.external_id if one.fact else None,
        "title": one.fact.title if one.fact else None,
        "rank": one.rank,
        "removed": None if one.removal is None else {"code": one.removal, "text": TEXTS[one.removal]},
        "weight": one.weight,
        "proposed": [
            {
                "place": proposal.place,
                "source": proposal.candidate.source,
                "method": proposal.candidate.method,
                "score": proposal.candidate.score,
                "because_of": names.get(proposal.candidate.anchor or 0),
            }
            for proposal in one.proposals
        ],
    }


def _path(found: Trace, category: int) -> str:
    return " / ".join(catalogue.path_of(found.selection.platform, category))
