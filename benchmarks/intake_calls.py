"""Generated calls of the event dialect, as a shop's pages send them, in ready-made requests."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson

EVENTS = ("Product Viewed", "Product List Viewed", "Products Searched", "Product Added", "Product Clicked")
NEW_VISITORS = 0.02
"""Share of calls by somebody who never came before."""
KNOWN = 0.3
"""Share of visitors who are logged in."""
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes to send, and the message ids of the events in them."""

    raw: bytes
    messages: tuple[str, ...]


def calls(rng: np.random.Generator, *, run: str, products: int, visitors: int) -> Iterator[dict[str, Any]]:
    """Yield calls without end, each with a message id of its own that begins with `run`."""
    number = 0
    while True:
        draws = rng.random((1000, 2))
        who = rng.integers(0, visitors, 1000)
        goods = rng.integers(0, products, 1000)
        for place in range(1000):
            number += 1
            is_new = draws[place, 0] < NEW_VISITORS
            visitor = f"new-{run}-{number}" if is_new else f"visitor-{who[place]:06d}"
            happened = datetime.now(UTC) - timedelta(seconds=float(draws[place, 1]) * 60)
            call: dict[str, Any] = {
                "type": "track",
                "event": EVENTS[number % len(EVENTS)],
                "messageId": f"{run}-{number:09d}",
                "anonymousId": visitor,
                "timestamp": happened.isoformat(timespec="milliseconds"),
                "properties": {
                    "product_id": f"p{goods[place]:05d}", "price": "12.50", "currency": "EUR", "quantity": 1,
                    "category": "Food/Tea", "session_id": f"s{visitor}", "channel": "web", "position": place % 20,
                },
                "context": {
                    "page": {
                        "path": f"/p/{goods[place]}", "url": f"https://shop.example/p/{goods[place]}?utm_source=mail",
                        "referrer": "https://search.example/?q=tea", "title": "A product of the shop",
                    },
                    "userAgent": AGENT, "locale": "en-GB", "timezone": "Europe/London",
                    "library": {"name": "analytics.js", "version": "next-1.70.0"},
                },
            }  # fmt: skip
            if who[place] % 10 < KNOWN * 10:
                call["userId"] = f"user-{run}-{number}" if is_new else f"user-{who[place]:06d}"
            yield call


def introductions(rng: np.random.Generator, *, run: str, visitors: int) -> Iterator[dict[str, Any]]:
    """Yield a call of each visitor who is not new."""
    source = calls(rng, run=run, products=1, visitors=1)
    for who in range(visitors):
        call = {**next(source), "anonymousId": f"visitor-{who:06d}"}
        call.pop("userId", None)
        yield {**call, "userId": f"user-{who:06d}"} if who % 10 < KNOWN * 10 else call


def requests(
    source: Iterator[dict[str, Any]], *, count: int, size: int, host: str, key: str
) -> list[Request]:
    """Return `count` requests: of `size` calls to /v1/batch, or where it is 1 each to /v1/track."""
    login = base64.b64encode(f"{key}:".encode()).decode()
    made = []
    for _ in range(count):
        some = [next(source) for _ in range(size)]
        if size == 1:
            path, body = "/v1/track", orjson.dumps(some[0])
        else:
            path = "/v1/batch"
            body = orjson.dumps({"batch": some, "sentAt": datetime.now(UTC).isoformat()})
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Basic {login}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(Request(head.encode() + body, tuple(call["messageId"] for call in some)))
    return made


def digest(message: str) -> bytes:
    """Return the digest by which an event is told from another, as the product and the bare view make it."""
    return hashlib.blake2b(message.encode(), digest_size=16).digest()


def json_of(call: dict[str, Any]) -> str:
    """Return what a row keeps of the call's content, as COPY reads it."""
    text = orjson.dumps({**call["properties"], "context": call["context"]}).decode()
    return text.replace("\\", "\\\\")
