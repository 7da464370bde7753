"""The island report for the shop's own server."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import islands
from precision.shop.api.description import describe
from precision.shop.api.people import Sight
from precision.shop.api.views import PlatformView
from precision.shop.models import IslandReport


class IslandSerializer(serializers.Serializer[Any]):
    """What one platform knows."""

    platform = serializers.CharField()
    people = serializers.IntegerField(help_text="Known by a customer id, an address, a number or a card.")
    active = serializers.IntegerField(help_text=f"Of them, active in the last {islands.ACTIVE_DAYS} days.")
    activity_rate = serializers.FloatField(allow_null=True)
    only_here = serializers.IntegerField(
        allow_null=True, help_text="Of them, known on no other platform; null: not for this key."
    )
    island_rate = serializers.FloatField(allow_null=True, help_text="Share of them that is known only here.")
    visitors = serializers.IntegerField(help_text="People known by anonymous ids only.")


class IslandsSerializer(serializers.Serializer[Any]):
    """The islands of an organisation; without the scope `organisation` those of one platform."""

    day = serializers.DateField(allow_null=True, help_text="Null: nothing was computed yet.")
    people = serializers.IntegerField(
        allow_null=True, help_text="Known on any platform; null: not for this key."
    )
    platforms = IslandSerializer(many=True)
    overlaps = serializers.ListField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="People known on both, in the order of `platforms`; on the diagonal those known on the one.",
    )


class IslandsView(PlatformView):
    """How far platforms know the same people."""

    scopes: ClassVar = {"GET": frozenset({"read"})}

    @describe(
        operation_id="islands",
        tags=["people"],
        summary="Overlap matrix of platforms, activity rates, and people known on one platform only",
        description="A key sees its own platform; one with the scope `organisation` all of its organisation.",
        responses=IslandsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the latest report."""
        self.read_parameters()
        sight = Sight(self.principal)
        made = IslandReport.objects.filter(organisation_id=self.platform.organisation_id).first()
        if made is None:
            return Response({"day": None, "people": None, "platforms": [], "overlaps": []})
        keys, table = islands.matrix(made)
        seen = [place for place, key in enumerate(keys) if sight.whole or key == self.platform.key]
        found = islands.islands(made)
        return Response(
            {
                "day": made.day,
                "people": made.people if sight.whole else None,
                "platforms": [
                    {
                        "platform": found[place].key,
                        "people": found[place].people,
                        "active": found[place].active,
                        "activity_rate": found[place].activity_rate,
                        "only_here": found[place].only_here if sight.whole else None,
                        "island_rate": found[place].island_rate if sight.whole else None,
                        "visitors": found[place].visitors,
                    }
                    for place in seen
                ],
                "overlaps": [[table[one][other] for other in seen] for one in seen],
            }
        )
