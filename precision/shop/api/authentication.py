"""Who calls: the key of a platform in the header `Authorization: Bearer …`."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Model
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated
from rest_framework.request import Request

from precision.shop import pii
from precision.shop.api import freshness
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


# The rows themselves are remembered by the place of their version in the table: every change makes a new one.
_VERSIONS = """
SELECT k.ctid::text || k.xmin::text || p.ctid::text || p.xmin::text
FROM precision_shop_apikey k JOIN precision_shop_platform p ON p.id = k.platform_id
WHERE k.digest = %s AND k.revoked_at IS NULL
"""
_rows: dict[str, tuple[str, list[Any], list[Any]]] = {}
_KEPT = 10_000
freshness.register(_rows.clear)


def _find(digest: str) -> Principal | None:
    """Return whom a key belongs to, or None for one that is unknown or revoked. One query, two when it is new here."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS, [digest])
        found = cursor.fetchone()
    if found is None:
        return None
    kept = _rows.get(digest)
    if kept is None or kept[0] != found[0]:
        key = ApiKey.objects.select_related("platform").filter(digest=digest, revoked_at__isnull=True).first()
        if key is None:
            return None
        if len(_rows) >= _KEPT:
            _rows.clear()
        kept = _rows[digest] = (found[0], _values(key), _values(key.platform))
    # Each request has objects of its own, to which it may attach what it likes.
    key = ApiKey.from_db(None, _names(ApiKey), kept[1])
    platform = Platform.from_db(None, _names(Platform), kept[2])
    key.platform = platform
    return Principal(platform, key)


def _values(row: Model) -> list[Any]:
    return [getattr(row, name) for name in _names(type(row))]


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


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
        principal = _find(pii.digest(secret.strip()))
        if principal is None:
            raise AuthenticationFailed("This key is unknown or was revoked; ask for a new one in the admin.")
        return principal, principal.key

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
