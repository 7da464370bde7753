"""The portrait of a group that is no segment yet."""

from typing import Any, ClassVar

import polars as pl
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import scopes
from precision.shop.api import parameters
from precision.shop.api.description import describe
from precision.shop.api.parameters import QueryParameters
from precision.shop.api.views import PlatformView
from segments import definitions, masking
from segments.api.groups import CONDITION_HELP, checked
from segments.api.portraits import GroupPortraitSerializer
from segments.portraits import group_portrait, groups


class ConditionSerializer(serializers.Serializer[Any]):
    """Who is meant."""

    condition = serializers.JSONField(help_text=CONDITION_HELP)


class ConditionPortraitView(PlatformView):
    """The portrait of those whom a condition names."""

    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"read"})}

    @describe(
        operation_id="segments_portrait_of_condition",
        tags=["segments"],
        summary="How those whom a condition names differ from everyone",
        request=ConditionSerializer,
        responses=GroupPortraitSerializer,
    )
    def post(self, request: Request) -> Response:
        """Answer with the portrait of a group that is no segment yet."""
        parameters.read(QueryParameters, request.query_params)
        given = ConditionSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        sight = masking.of_key(self.principal.key)
        scope = scopes.of(self.platform)
        condition = checked(scope, given.validated_data["condition"], sight)
        known = definitions.read(scope)
        members = groups.matching(scope, condition, known)
        answer = group_portrait(
            scope,
            members if members is not None else pl.Series([], dtype=pl.Int64),
            sight=sight,
            defined_by=groups.labels_behind(condition, known),
        )
        return Response({"segment": None, "as_of": groups.as_of(scope), **answer})
