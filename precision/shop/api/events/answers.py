"""What is answered to a call of the dialect: body, status, and the headers that let a page of any origin read it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from precision.shop.intake import Status, Verdict

CORS: Final[tuple[tuple[str, str], ...]] = (("Access-Control-Allow-Origin", "*"),)
"""Any origin: a key has to be sent along, nothing hangs on cookies that a browser adds by itself."""
PREFLIGHT: Final = (
    *CORS,
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    ("Access-Control-Max-Age", "86400"),
    ("Vary", "Access-Control-Request-Headers"),
)
USUAL_HEADERS: Final = "Authorization, Content-Type, Content-Encoding, X-Retry-Count, AnonymousId"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9\-_, ]{1,500}")
REALM: Final = 'Basic realm="precision"'


class Answer(NamedTuple):
    """An answer, independent of the framework around."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = CORS


class RefusalError(Exception):
    """The whole request is refused; carries the answer."""

    def __init__(
        self, status: int, code: str, detail: str, *, attr: str | None = None, wait: int = 0
    ) -> None:
        super().__init__(detail)
        kind = "server_error" if status >= 500 else "client_error"
        body = {"type": kind, "errors": [{"code": code, "detail": detail, "attr": attr}]}
        headers = CORS
        if wait:
            headers += (("Retry-After", str(wait)), ("Access-Control-Expose-Headers", "Retry-After"))
        if status == 401:
            headers += (("WWW-Authenticate", REALM),)
        self.answer = Answer(status, orjson.dumps(body), headers)


SUCCESS: Final = Answer(200, b'{"success":true}')


def preflight(wanted: str) -> Answer:
    """Return the answer to a browser that asks whether it may send the headers `wanted`."""
    names = wanted if _HEADER_NAMES.fullmatch(wanted) else USUAL_HEADERS
    return Answer(204, b"", (*PREFLIGHT, ("Access-Control-Allow-Headers", names)))


def verdicts(told: Sequence[Verdict]) -> Answer:
    """Return the answer that tells what became of each call."""
    counts = Counter(one.status for one in told)
    body: dict[str, Any] = {
        "success": not counts[Status.REJECTED],
        **{status.value: counts[status] for status in Status},
        "events": [
            {"index": place, "status": one.status.value, **_reason(one)} for place, one in enumerate(told)
        ],
    }
    return Answer(200, orjson.dumps(body))


def _reason(one: Verdict) -> dict[str, str]:
    return {"code": one.code, "detail": one.detail, "field": one.field} if one.code else {}
