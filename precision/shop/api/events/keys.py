"""Who sends: the key of a platform, remembered for a moment, and how fast it may send."""

import base64
import binascii
import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from precision.shop import pii
from precision.shop.api.events.answers import RefusalError
from precision.shop.intake.committing import release_connection
from precision.shop.models import ApiKey

SECONDS: Final = 1.0
"""How long a key is remembered: one that is revoked is refused within this time."""
MOST: Final = 10_000
"""Keys that are remembered, wrong ones too, so that a flood of them does not reach the database each time."""
SCOPES: Final = {ApiKey.Kind.WRITE: "events", ApiKey.Kind.SERVER: "write"}
_known: dict[str, tuple[float, ApiKey | None]] = {}
_buckets: dict[int, tuple[float, float]] = {}
_lock = threading.Lock()


def from_header(header: str) -> str:
    """Return the key in an Authorization header, Basic (as the user) or Bearer; "" where there is no header."""
    scheme, _, rest = header.strip().partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode("utf-8").partition(":")[0]
        except (binascii.Error, ValueError):
            return rest  # will be an unknown key
    return header.strip()


def from_body(document: dict[str, Any]) -> str:
    """Return the key in a body: its own `writeKey`, else that of the first event of a batch; "" where there is none."""
    told = document.get("writeKey")
    batch = document.get("batch")
    if told is None and isinstance(batch, list) and batch and isinstance(batch[0], dict):
        told = batch[0].get("writeKey")
    return told if isinstance(told, str) else ""


def find(secret: str, *, clock: Callable[[], float] = time.monotonic) -> ApiKey:
    """Return the key, with its platform, when it may send events; raise RefusalError 401 or 403.

    Looked up at most once in SECONDS, so that a key that was revoked is refused within a second.
    """
    if not secret:
        raise RefusalError(
            401,
            "not_authenticated",
            "Give the platform's write key: by Basic auth as the user, as `writeKey` in the body, or as Bearer.",
        )
    digest = pii.digest(secret) if len(secret) < 200 and secret.isascii() else ""
    now = clock()
    remembered = _known.get(digest)
    if remembered is None or remembered[0] < now:
        key = (
            ApiKey.objects.select_related("platform", "platform__organisation")
            .filter(digest=digest, revoked_at__isnull=True)
            .first()
        )
        release_connection()
        if len(_known) > MOST:
            _known.clear()
        _known[digest] = (now + SECONDS, key)
    else:
        key = remembered[1]
    if key is None:
        raise RefusalError(
            401,
            "authentication_failed",
            "This key is unknown or was revoked; ask for a new one in the admin.",
        )
    wanted = SCOPES[ApiKey.Kind(key.kind)]
    if wanted not in key.scopes:
        raise RefusalError(
            403, "permission_denied", f"This key lacks the scope {wanted}; use one that has it."
        )
    return key


def spend(key: ApiKey, events: int, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Take so many events off what the key may send now; raise RefusalError 429 when it has nothing left.

    A bucket that fills by `rate_limit` a second, to two seconds' worth. Whoever has anything left may send a batch, and
    waits until it is paid: otherwise a batch larger than the bucket could never pass.
    """
    rate = key.rate_limit
    if rate is None:
        return
    now = clock()
    with _lock:
        left, since = _buckets.get(key.pk, (2.0 * rate, now))
        left = min(2.0 * rate, left + (now - since) * rate)
        if left > 0:
            _buckets[key.pk] = (left - events, now)
            return
        _buckets[key.pk] = (left, now)
    wait = math.ceil((1 - left) / rate) if rate else 60
    raise RefusalError(
        429, "throttled", f"This key may send {rate} events a second; come again later.", wait=wait
    )


def forget() -> None:
    """Forget every key and what it has spent."""
    _known.clear()
    _buckets.clear()
