"""A client of the public API over plain HTTP, as any shop's backend would write it."""

import base64
import http.client
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from threading import local
from typing import Any, Self

LIST_SIZE = 5_000
"""Most records that one REST call takes."""
CONNECTIONS = 4
WAIT_S = 120.0
TRIES = 5


class RefusedError(RuntimeError):
    """The API refused what we sent; the message has its words."""


class Client:
    """Speaks to one platform; safe to use from several threads, each with a connection of its own."""

    def __init__(self, host: str, port: int, *, server_key: str) -> None:
        self._place = (host, port)
        self._key = server_key
        self._local = local()
        self._opened: list[http.client.HTTPConnection] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the connections: a server that is told to stop waits for those that are open."""
        for each in self._opened:
            each.close()

    def send_list(self, name: str, records: Sequence[dict[str, Any]]) -> Counter[str]:
        """POST the records to a REST list in bulk; return accepted, updated, duplicate and rejected.

        Raises RefusedError for the first record that is refused: we made it, so it is our mistake.
        """
        counts: Counter[str] = Counter()
        for start in range(0, len(records), LIST_SIZE):
            answer = self._post(
                f"/api/v1/{name}/",
                records[start : start + LIST_SIZE],
                {"Authorization": f"Bearer {self._key}"},
            )
            if answer["rejected"]:
                raise RefusedError(f"{name}: {json.dumps(answer['rejected'][0])}")
            counts.update({key: answer[key] for key in ("accepted", "updated", "duplicate")})
        return counts

    def send_batches(self, batches: Iterable[list[dict[str, Any]]]) -> int:
        """POST the calls to `/v1/batch` over several connections; return how many were taken."""
        basic = base64.b64encode(f"{self._key}:".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"}
        sent = 0
        waiting: set[Future[Any]] = set()
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for batch in batches:
                sent += len(batch)
                waiting.add(pool.submit(self._post, "/v1/batch", {"batch": batch}, headers))
                if len(waiting) >= 2 * CONNECTIONS:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for each in done:
                        each.result()
            for each in waiting:
                each.result()
        return sent

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        """Return the JSON answer; waits as long as a 429 answer asks for, and tries again on a broken connection."""
        data = json.dumps(body).encode()
        for attempt in range(TRIES):
            connection = self._connection()
            try:
                connection.request("POST", path, data, {"Content-Type": "application/json", **headers})
                response = connection.getresponse()
                text = response.read()
            except (OSError, http.client.HTTPException):
                self._local.connection = None
                if attempt + 1 == TRIES:
                    raise
                time.sleep(0.5 * (attempt + 1))
                continue
            if response.status == http.client.TOO_MANY_REQUESTS:
                time.sleep(float(response.headers.get("Retry-After", "1")))
                continue
            if response.status >= http.client.BAD_REQUEST:
                raise RefusedError(f"{path}: {response.status} {text[:2000].decode(errors='replace')}")
            return json.loads(text)
        raise RefusedError(f"{path}: refused {TRIES} times for coming too fast.")

    def _connection(self) -> http.client.HTTPConnection:
        if getattr(self._local, "connection", None) is None:
            self._local.connection = http.client.HTTPConnection(*self._place, timeout=WAIT_S)
            self._opened.append(self._local.connection)
        made: http.client.HTTPConnection = self._local.connection
        return made
