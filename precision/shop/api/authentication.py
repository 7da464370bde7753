"""Who calls: the key of a platform in the header `Authorization: Bearer …`."""

from dataclasses import dataclass

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from precision.shop import pii
from precision.shop.models import ApiKey, Platform

REALM = 'Bearer realm="precision"'


@dataclass(frozen=True, slots=True)
class Principal:
    """The platform that calls, and the key it called with."""

    platform: Platform
    key: ApiKey

    @property
    def is_authenticated(self) -> bool:
        """True: there is no principal without a valid key."""
        return True

    @property
    def is_trusted(self) -> bool:
        """Whether the call comes from the shop's own server and not from a browser."""
        return self.key.kind == ApiKey.Kind.SERVER


class KeyAuthentication(BaseAuthentication):
    """Opens the API with a server key (`sk_…`) or a write key (`wk_…`) of one platform.

    Keys are looked up on every call, so that a revoked key is refused at once.
    """

    def authenticate(self, request: Request) -> tuple[Principal, ApiKey]:
        """Return the principal and its key; raise a 401 error without a valid one. One query."""
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, secret = header.partition(" ")
        if not header:
            raise NotAuthenticated("Give the key of a platform in the header “Authorization: Bearer sk_…”.")
        if scheme.lower() != "bearer" or not secret.strip():
            raise AuthenticationFailed("The header Authorization must look like “Bearer sk_…”.")
        found = (
            ApiKey.objects.select_related("platform")
            .filter(digest=pii.digest(secret.strip()), revoked_at__isnull=True)
            .first()
        )
        if found is None:
            raise AuthenticationFailed("This key is unknown or was revoked; ask for a new one in the admin.")
        return Principal(found.platform, found), found

    def authenticate_header(self, request: Request) -> str:
        """Return the value of `WWW-Authenticate` that goes with a 401 answer."""
        return REALM


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names the keys."""

    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """Return the OpenAPI security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A server key (`sk_…`), or where said so a write key (`wk_…`), of one platform.",
        }
