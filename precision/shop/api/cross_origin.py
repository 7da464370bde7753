"""Endpoints that a page of the shop may call from the browser."""

from typing import Any

from django.http import HttpRequest, HttpResponse

HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET",
    "Access-Control-Allow-Headers": "Authorization",
    "Access-Control-Max-Age": "86400",
}


class CrossOrigin:
    """Mixin before a view: any origin may call it.

    That is safe because a key has to be sent along: nothing hangs on cookies that a browser would add by itself.
    """

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer the browser's question beforehand without a key, and put the headers on every answer."""
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers=HEADERS)
        response: HttpResponse = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        for name, value in HEADERS.items():
            response[name] = value
        return response
