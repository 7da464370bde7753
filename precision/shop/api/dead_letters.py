"""What a platform sent and cannot be used, for its own server: list, send in again."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop import dead_letters, tokens
from precision.shop.api.description import describe
from precision.shop.api.pagination import Page
from precision.shop.api.parameters import PageParameters
from precision.shop.api.views import PlatformView
from precision.shop.models import DeadLetter


class LetterParameters(PageParameters):
    """Which letters."""

    code = serializers.CharField(
        max_length=40, default="", allow_blank=True, help_text="Reason, like `unknown_order`; default: all."
    )
    kind = serializers.CharField(
        max_length=20,
        default="",
        allow_blank=True,
        help_text="Kind of record, like `event` or `order`; default: all.",
    )
    status = serializers.ChoiceField(
        choices=DeadLetter.Status.choices,
        default=DeadLetter.Status.WAITING.value,
        help_text="`waiting`, `replayed` or `discarded`.",
    )


class LetterSerializer(serializers.Serializer[Any]):
    """Something that cannot be used, and why."""

    id = serializers.IntegerField()
    kind = serializers.CharField(help_text="Kind of record; `change` is a change of an order.")
    code = serializers.CharField()
    detail = serializers.CharField()
    field = serializers.CharField(help_text="Where in the content; empty: the whole.")
    waits_for = serializers.CharField(help_text="Order number whose arrival sends it in again; empty: none.")
    status = serializers.CharField()
    received_at = serializers.DateTimeField()
    replayed_at = serializers.DateTimeField(allow_null=True)
    payload = serializers.JSONField(help_text="What came in; personal values are written `(personal)`.")


class LetterPageSerializer(serializers.Serializer[Any]):
    """A page of letters, newest first."""

    next = serializers.CharField(allow_null=True, help_text="Address of the next page.")
    results = LetterSerializer(many=True)


class LettersView(PlatformView):
    """The letters of a platform."""

    scopes: ClassVar = {"GET": frozenset({"read"})}
    parameters = LetterParameters

    @describe(
        operation_id="dead_letters",
        tags=["facts"],
        parameters=[LetterParameters],
        responses=LetterPageSerializer,
        summary="What came in and cannot be used, newest first; kept for 30 days.",
    )
    def get(self, request: Request) -> Response:
        """Answer a page of letters."""
        asked = self.read_parameters()
        rows = DeadLetter.objects.filter(platform=self.platform, status=asked["status"])
        for name in ("code", "kind"):
            if asked[name]:
                rows = rows.filter(**{name: asked[name]})
        page = Page(rows, request=request, count=asked["count"], cursor=asked["cursor"], descending="id")
        return Response(page.answer([_shown(letter) for letter in page.rows]))


class ReplayView(PlatformView):
    """One letter, sent in again."""

    scopes: ClassVar = {"GET": frozenset({"read"}), "POST": frozenset({"write"})}

    @describe(
        operation_id="dead_letter_replay",
        tags=["facts"],
        request=None,
        responses=LetterSerializer,
        summary="Send a letter in again, after what it lacked was mended.",
    )
    def post(self, request: Request, letter_id: int) -> Response:
        """Answer the letter as it is afterwards: `replayed`, or waiting with the reason of today."""
        rows = DeadLetter.objects.filter(platform=self.platform)
        letter = rows.filter(pk=letter_id).first()
        if letter is None:
            raise NotFound(f"There is no dead letter {letter_id} on platform {self.platform.key!r}.")
        dead_letters.replay([letter])
        return Response(_shown(rows.get(pk=letter_id)))


def _shown(letter: DeadLetter) -> dict[str, Any]:
    shown = LetterSerializer(letter).data
    return {**shown, "payload": tokens.masked(letter.payload)}
