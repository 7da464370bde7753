"""The dialect straight from the WSGI server, past the middleware that serves pages: sessions, messages, forgery checks.

A call of the dialect needs none of them, and they cost as much as taking an event in. The addresses are the same as
those of the views, which serve where this is not in front: in another project, or in tests.
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qs

from precision.shop.api.events import dialect
from precision.shop.intake.committing import release_connection

_PATH = re.compile(rf"/v1/({'|'.join(sorted(dialect.ROUTES))})/?")
_PHRASES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def before(application: Application) -> Application:
    """Return a WSGI application that answers the dialect itself and leaves everything else to `application`."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found = _PATH.fullmatch(environ.get("PATH_INFO", ""))
        if found is None:
            return application(environ, start_response)
        query = environ.get("QUERY_STRING", "")
        try:
            told = dialect.answer(
                dialect.Incoming(
                    method=environ["REQUEST_METHOD"],
                    route=found[1],
                    strict=bool(query) and parse_qs(query).get("strict", ["0"])[-1] != "0",
                    authorization=environ.get("HTTP_AUTHORIZATION", ""),
                    length=environ.get("CONTENT_LENGTH") or "",
                    encoding=environ.get("HTTP_CONTENT_ENCODING", ""),
                    wanted_headers=environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""),
                    stream=environ["wsgi.input"],
                )
            )
        finally:
            release_connection()
        start_response(
            _PHRASES[told.status],
            [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(told.body))),
                *told.headers,
            ],
        )
        return [told.body]

    return answer
