"""Joins of people: the ledger, what would happen, proposals, and the way back."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import stitching
from precision.shop.api.description import describe
from precision.shop.api.pagination import Page
from precision.shop.api.parameters import PageParameters
from precision.shop.api.people import (
    EntrySerializer,
    LinkSerializer,
    NameSerializer,
    Sight,
    find_name,
    shown_link,
    shown_name,
)
from precision.shop.api.views import PlatformView
from precision.shop.methods.people import Held
from precision.shop.models import IdentityLink
from precision.shop.records import IDENTITY_KINDS
from precision.shop.stitching import Decided, DecisionError

SHOWN = 1_000
"""Names of a person that a preview shows; the counts are of all of them."""


class TextField(serializers.CharField):
    """A text that PostgreSQL can keep: NUL is refused by DRF itself, lone surrogates here."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text; raise ValidationError for half a character."""
        text: str = super().to_internal_value(data)
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise serializers.ValidationError(
                "The text contains half a character (a lone surrogate)."
            ) from None
        return text


class NamedSerializer(serializers.Serializer[Any]):
    """A name to be joined."""

    platform = TextField(max_length=50, required=False, help_text="Key; default: the key's own platform.")
    kind = serializers.ChoiceField(choices=[(kind, kind) for kind in IDENTITY_KINDS])
    value = TextField(max_length=320)


class NamePairSerializer(serializers.Serializer[Any]):
    """Two names that are, or may be, one person."""

    first = NamedSerializer()
    second = NamedSerializer()


class MergeSerializer(NamePairSerializer):
    """Two names that the shop knows to be one person."""

    reason = TextField(max_length=300, default="", allow_blank=True)


class PreviewedNameSerializer(NameSerializer):
    """A name of the person that would be."""

    orders = serializers.IntegerField()
    events = serializers.IntegerField(help_text="At most 10,000 are counted.")


class PreviewSerializer(serializers.Serializer[Any]):
    """What a join would make, as far as the key sees it."""

    together = serializers.BooleanField(help_text="They are one person already.")
    identities = PreviewedNameSerializer(many=True)
    orders = serializers.IntegerField(help_text="Orders that would stand together.")
    events = serializers.IntegerField(help_text="Events that would stand together.")
    blocked_by = serializers.CharField(
        help_text="The rule by which the same evidence would only be proposed; empty: it would join by itself."
    )


class DecidedSerializer(serializers.Serializer[Any]):
    """What a decision did."""

    link = LinkSerializer()
    moved = serializers.IntegerField(help_text="Names that went to another customer.")


class EntryPageSerializer(serializers.Serializer[Any]):
    """A page of the ledger, newest first."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = EntrySerializer(many=True)


class ProposalPageSerializer(serializers.Serializer[Any]):
    """A page of proposals, newest first."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = LinkSerializer(many=True)


class ProposalParameters(PageParameters):
    """Which proposals."""

    held = serializers.ChoiceField(
        choices=[(reason.value, reason.value) for reason in Held],
        default="",
        allow_blank=True,
        help_text="Why they join nobody by themselves; default: all.",
    )


class _Deciding(PlatformView):
    """An endpoint that decides."""

    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"write"})}

    def answer(self, decided: Decided) -> Response:
        """Answer with the link as it is now."""
        link = Sight(self.principal).links().filter(pk=decided.link.pk).first() or decided.link
        return Response({"link": shown_link(link), "moved": decided.moved})

    def find_link(self, number: int, **given: Any) -> IdentityLink:
        """Return a link that the key sees; raise NotFound."""
        link = Sight(self.principal).links().filter(pk=number, **given).first()
        if link is None:
            raise NotFound(f"There is no proposal {number} on platform {self.platform.key!r}.")
        return link

    def read_body(self, kind: type[serializers.Serializer[Any]]) -> dict[str, Any]:
        """Return the checked body; raise ValidationError naming each wrong field."""
        read = kind(data=self.request.data)
        read.is_valid(raise_exception=True)
        values: dict[str, Any] = read.validated_data
        return values


class JoinsView(_Deciding):
    """The ledger, and joins by the shop's word."""

    parameters = PageParameters

    @describe(
        operation_id="joins_list",
        tags=["people"],
        summary="The ledger of joins and splits, newest first",
        parameters=[PageParameters],
        responses=EntryPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of the ledger."""
        asked = self.read_parameters()
        sight = Sight(self.principal)
        page = Page(
            sight.entries(), request=request, count=asked["count"], cursor=asked["cursor"], descending="id"
        )
        return Response(page.answer(sight.shown_entries(page.rows)))

    @describe(
        operation_id="joins_add",
        tags=["people"],
        summary="Join two names that the shop knows to be one person, whatever the rules say",
        request=MergeSerializer,
        responses=DecidedSerializer,
    )
    def post(self, request: Request) -> Response:
        """Join, and answer with the link that stands for it."""
        given = self.read_body(MergeSerializer)
        first, second = _pair(Sight(self.principal), given)
        evidence = {"key": self.principal.key.prefix}
        try:
            return self.answer(
                stitching.merge(first.pk, second.pk, reason=given["reason"], evidence=evidence)
            )
        except DecisionError as error:
            raise ValidationError({"second": [str(error)]}) from error


class JoinPreviewView(_Deciding):
    """What a join would do."""

    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"read"})}

    @describe(
        operation_id="joins_preview",
        tags=["people"],
        summary="Who would be one person, and how many orders and events would stand together; changes nothing",
        request=NamePairSerializer,
        responses=PreviewSerializer,
    )
    def post(self, request: Request) -> Response:
        """Answer with the names that would be one person."""
        sight = Sight(self.principal)
        first, second = _pair(sight, self.read_body(NamePairSerializer))
        try:
            found = stitching.preview(first.pk, second.pk)
        except DecisionError as error:
            raise ValidationError({"second": [str(error)]}) from error
        names = sight.identities().in_bulk([part.identity for part in found.parts])
        parts = [part for part in found.parts if part.identity in names]
        return Response(
            {
                "together": first.customer_id == second.customer_id,
                "identities": [
                    {**shown_name(names[part.identity]), "orders": part.orders, "events": part.events}
                    for part in parts[:SHOWN]
                ],
                "orders": sum(part.orders for part in parts),
                "events": sum(part.events for part in parts),
                "blocked_by": found.blocked_by,
            }
        )


class JoinUndoView(_Deciding):
    """One join, undone."""

    @describe(
        operation_id="joins_undo",
        tags=["people"],
        summary="Take back the evidence behind a join; every name goes where it would be without it",
        request=None,
        responses=DecidedSerializer,
    )
    def post(self, request: Request, join_id: int) -> Response:
        """Undo, and answer with the link as it is now."""
        entry = Sight(self.principal).entries().filter(pk=join_id).first()
        if entry is None:
            raise NotFound(f"There is no join {join_id} on platform {self.platform.key!r}.")
        if entry.link is None:
            raise ValidationError(
                {"id": ["The evidence of this join is gone; undo the links of the person."]}
            )
        try:
            return self.answer(stitching.undo(entry.link.pk, reason=f"key {self.principal.key.prefix}"))
        except DecisionError as error:
            raise ValidationError({"id": [str(error)]}) from error


class ProposalsView(PlatformView):
    """What might be one person."""

    scopes: ClassVar = {"GET": frozenset({"read"})}
    parameters = ProposalParameters

    @describe(
        operation_id="joins_proposals",
        tags=["people"],
        summary="Links that join nobody until somebody accepts them, newest first",
        parameters=[ProposalParameters],
        responses=ProposalPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer a page of proposals."""
        asked = self.read_parameters()
        rows = Sight(self.principal).links().filter(status=IdentityLink.Status.PROPOSED)
        if asked["held"]:
            rows = rows.filter(held=asked["held"])
        page = Page(rows, request=request, count=asked["count"], cursor=asked["cursor"], descending="id")
        return Response(page.answer([shown_link(link) for link in page.rows]))


class AcceptView(_Deciding):
    """One proposal, accepted."""

    @describe(
        operation_id="joins_proposal_accept",
        tags=["people"],
        summary="Join what a proposal proposes",
        request=None,
        responses=DecidedSerializer,
    )
    def post(self, request: Request, link_id: int) -> Response:
        """Join, and answer with the link as it is now."""
        link = self.find_link(link_id)
        try:
            return self.answer(stitching.accept(link.pk, reason=f"key {self.principal.key.prefix}"))
        except DecisionError as error:
            raise ValidationError({"id": [str(error)]}) from error


class RefuseView(_Deciding):
    """One proposal, refused."""

    @describe(
        operation_id="joins_proposal_refuse",
        tags=["people"],
        summary="Keep a proposal from coming again",
        request=None,
        responses=DecidedSerializer,
    )
    def post(self, request: Request, link_id: int) -> Response:
        """Refuse, and answer with the link as it is now."""
        link = self.find_link(link_id)
        try:
            return self.answer(stitching.refuse(link.pk, reason=f"key {self.principal.key.prefix}"))
        except DecisionError as error:
            raise ValidationError({"id": [str(error)]}) from error


def _pair(sight: Sight, given: dict[str, Any]) -> tuple[Any, Any]:
    """Return the two identities that a body names."""
    return find_name(sight, given["first"]), find_name(sight, given["second"])
