"""The routes of the dialect, independent of the framework around: a request in, an answer out."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from precision.shop import intake, sources
from precision.shop.api.events import answers, bodies, keys
from precision.shop.api.events.answers import Answer, RefusalError
from precision.shop.api.events.bodies import Body, Stream
from precision.shop.intake import times
from precision.shop.intake.committing import BusyError, UnavailableError
from precision.shop.intake.verdicts import RefusedError
from precision.shop.models import ApiKey, Source

logger = logging.getLogger(__name__)
MOST_EVENTS: Final = 2_500
TYPES: Final = {
    "identify": "identify", "i": "identify", "track": "track", "t": "track", "page": "page", "p": "page",
    "screen": "screen", "s": "screen", "group": "group", "g": "group", "alias": "alias", "a": "alias",
}  # fmt: skip
BATCHES: Final = frozenset({"batch", "b", "import"})
METRICS: Final = "m"
ROUTES: Final = frozenset({*TYPES, *BATCHES, METRICS})
WAIT_SECONDS: Final = 2


class Incoming(NamedTuple):
    """A request, whatever serves it."""

    method: str
    route: str
    """What stands behind /v1/."""
    strict: bool
    authorization: str
    length: str
    encoding: str
    wanted_headers: str
    """Of a preflight: Access-Control-Request-Headers."""
    stream: Stream


def answer(incoming: Incoming, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Answer:
    """Return the answer to a request of a known route; never raises. What it accepts is durable."""
    try:
        if incoming.method == "OPTIONS":
            return answers.preflight(incoming.wanted_headers)
        if incoming.method != "POST":
            raise RefusalError(405, "method_not_allowed", "Send events with POST.")
        if incoming.route == METRICS:
            return answers.SUCCESS
        return _receive(incoming, received=now())
    except RefusalError as refusal:
        return refusal.answer
    except BusyError as error:
        return RefusalError(429, "throttled", f"{error} Come again later.", wait=WAIT_SECONDS).answer
    except UnavailableError as error:
        return RefusalError(503, "unavailable", f"{error} Come again later.", wait=WAIT_SECONDS).answer
    except Exception:
        logger.exception("A request to /v1/%s failed; nothing of it was kept.", incoming.route)
        return RefusalError(500, "error", "Something went wrong on our side; nothing was kept.").answer


def _receive(incoming: Incoming, *, received: datetime) -> Answer:
    is_batch = incoming.route in BATCHES
    secret = keys.from_header(incoming.authorization)
    key = keys.find(secret) if secret else None  # before the body: who has no key cannot make us unpack
    body = bodies.read(
        incoming.stream,
        length=incoming.length,
        encoding=incoming.encoding,
        most=bodies.BATCH_BYTES if is_batch else bodies.SINGLE_BYTES,
    )
    if key is None:
        key = keys.find(keys.from_body(body.document))
    calls, lag = _batch(body, received) if is_batch else _single(body, TYPES[incoming.route])
    keys.spend(key, len(calls))
    told = intake.receive(
        key.platform,
        calls,
        source=sources.default(key.platform, Source.Kind.SDK),
        trusted=key.kind == ApiKey.Kind.SERVER,
        received_at=received,
        lag=lag,
        checked=body.checked,
        largest=bodies.SINGLE_BYTES if body.size > bodies.SINGLE_BYTES else None,
    )
    return answers.verdicts(told) if incoming.strict else answers.SUCCESS


def _single(body: Body, kind: str) -> tuple[list[dict[str, Any]], timedelta]:
    return [{**body.document, "type": kind}], timedelta()


def _batch(body: Body, received: datetime) -> tuple[list[Any], timedelta]:
    """Return the calls of a batch, and how far our clock is ahead of the sender's."""
    document = body.document
    calls = document.get("batch")
    if not isinstance(calls, list):
        raise RefusalError(400, "invalid", "A batch is an object with the list `batch`.", attr="batch")
    if len(calls) > MOST_EVENTS:
        raise RefusalError(
            413, "too_large", f"A batch holds {len(calls)} events, but may hold {MOST_EVENTS}.", attr="batch"
        )
    try:
        lag = times.lag(times.moment(document.get("sentAt"), "sentAt"), received=received)
    except RefusedError as error:
        raise RefusalError(400, "invalid", error.verdict.detail, attr="sentAt") from error
    shared = document.get("context")
    if isinstance(shared, dict):
        calls = [_within(call, shared) for call in calls]
    return calls, lag


def _within(call: Any, shared: dict[str, Any]) -> Any:
    """Return the call with the context that the whole batch shares."""
    if not isinstance(call, dict):
        return call
    own = call.get("context")
    return {**call, "context": {**shared, **own} if isinstance(own, dict) else shared}
