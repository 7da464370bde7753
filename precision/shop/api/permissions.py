"""What a key may do."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from precision.shop.models import ApiKey


class HasScope(BasePermission):
    """Lets a key in that has one of the view's `scopes`."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the key may use this view; the refusal names what is missing."""
        wanted: frozenset[str] = view.scopes_of(request.method or "GET")  # type: ignore[attr-defined]
        self.message = (
            f"This key lacks the scope {' or '.join(sorted(wanted))}; use a server key that has it."
        )
        key: ApiKey = request.auth  # type: ignore[assignment]
        return bool(wanted.intersection(key.scopes))
