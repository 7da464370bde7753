"""How endpoints describe themselves in OpenAPI, whatever the project around them has set up."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiResponse, extend_schema
from rest_framework import serializers


class ErrorEntrySerializer(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="For programs, like `required` or `not_found`.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The parameter or field it is about.")


class ErrorSerializer(serializers.Serializer[Any]):
    """The one shape of every error."""

    type = serializers.CharField(help_text="`validation_error`, `client_error` or `server_error`.")
    errors = ErrorEntrySerializer(many=True)  # type: ignore[assignment]


ERRORS = {
    400: "A parameter or field is malformed; `attr` names it.",
    401: "No key, a wrong key or a revoked one.",
    403: "The key may not do this.",
    404: "There is no such thing on this platform.",
    405: "This address does not know the method.",
}


class Schema(AutoSchema):
    """OpenAPI description that adds the error answers every endpoint can give, and says what a number stands for."""

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        """Return the parameters of the path; our own numbers come from the list beside them."""
        found: list[dict[str, Any]] = super()._resolve_path_parameters(variables)  # type: ignore[no-untyped-call]
        for each in found:
            each.setdefault("description", f"The {each['name'].replace('_', ' ')}, as the list gives it.")
        return found

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        """Return the answers of the view, with the errors beside them."""
        bodies: dict[str, Any] = super()._get_response_bodies(direction=direction)
        codes = ERRORS if self.view.get_authenticators() else [405]
        for code in codes if direction == "response" else []:
            error = OpenApiResponse(ErrorSerializer, description=ERRORS[code])
            made = self._get_response_for_code(error, str(code))  # type: ignore[no-untyped-call]
            bodies.setdefault(str(code), made)
        return bodies


def describe(**kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return `extend_schema(**kwargs)` for a method, based on our own Schema.

    Without this the decorator would build on the host project's DEFAULT_SCHEMA_CLASS.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        method.kwargs = {"schema": Schema}  # type: ignore[attr-defined]
        return extend_schema(**kwargs)(method)

    return decorate
