"""`kill -9` of web processes under load: what was acknowledged is there once, and what is sent again adds nothing."""

import http.client
import json
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from precision.shop import processes
from tests.whole.conftest import Installation, wait_for

SENDERS = 3
KILLS = 4
EVENTS = 20  # of a batch; the last is an order
BETWEEN = 15  # batches that are acknowledged between two kills


@dataclass
class Load:
    """Senders that repeat each batch until it is acknowledged, as the clients of shops do."""

    port: int
    key: str
    acknowledged: set[str] = field(default_factory=set)
    """Batches that were answered with 200."""
    failures: int = 0
    """Requests that got no answer: some of them were written all the same."""
    enough: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, name: str) -> bool:
        """Send a batch once; return whether it was acknowledged."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
            link.request("POST", "/v1/batch", json.dumps({"batch": batch(name)}), headers)
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            link.close()

    def run(self, sender: int) -> None:
        """Send batch after batch until it is enough; each until it is acknowledged."""
        number = 0
        while not self.enough.is_set():
            name = f"{sender}-{number}"
            while not self.send(name):
                with self.lock:
                    self.failures += 1
                if self.enough.wait(0.05):
                    return
            with self.lock:
                self.acknowledged.add(name)
            number += 1


def batch(name: str) -> list[dict[str, object]]:
    """The calls of a batch, the same whenever it is sent."""
    calls: list[dict[str, object]] = [
        {"type": "track", "event": "Product Viewed", "properties": {"product_id": f"p{place}"}}
        for place in range(EVENTS - 1)
    ]
    lines = [{"product_id": "tea", "quantity": 1, "price": 3}]
    calls.append(
        {"type": "track", "event": "Order Completed", "properties": {"order_id": name, "products": lines}}
    )
    return [
        {
            **call,
            "userId": f"u-{name}-{place % 3}",
            "anonymousId": f"a-{place}",
            "messageId": f"{name}-{place}",
        }
        for place, call in enumerate(calls)
    ]


def workers(parent: int) -> list[int]:
    """The processes that the web server started to answer requests."""
    return [pid for pid, ppid in _parents() if ppid == parent]


def _parents() -> Iterator[tuple[int, int]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue  # it has just ended
        yield int(path.parent.name), int(text.rpartition(")")[2].split()[1])


@pytest.fixture
def key(installation: Installation) -> str:
    keys = json.loads(installation.manage("create_platform", "corner", "--name", "Corner", "--json"))
    return str(keys["server_key"])


def test_what_was_acknowledged_is_there_once(installation: Installation, key: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    web = installation.start(*processes.web(host="127.0.0.1", port=port, workers=2))

    def ready() -> bool:
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=2).status == 200
        except OSError:
            return False

    wait_for("the web process", ready)
    load = Load(port, key)
    senders = [threading.Thread(target=load.run, args=(number,)) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    killed: set[int] = set()
    try:
        for _ in range(KILLS):
            so_far = len(load.acknowledged)
            wait_for("some batches", lambda: len(load.acknowledged) >= so_far + BETWEEN)  # noqa: B023 called at once
            wait_for("a worker", lambda: bool(set(workers(web.pid)) - killed))
            victim = min(set(workers(web.pid)) - killed)
            os.kill(victim, signal.SIGKILL)
            killed.add(victim)
        so_far = len(load.acknowledged)
        wait_for("batches after the last kill", lambda: len(load.acknowledged) >= so_far + BETWEEN)
    finally:
        load.enough.set()
        for sender in senders:
            sender.join()
    assert len(killed) == KILLS
    # A batch that a killed process took with it may be there or not, but never in part.
    whole = "SELECT count(*), count(DISTINCT message) FROM precision_shop_event"
    ((events, distinct),) = installation.query(whole)
    assert events == distinct
    assert events % EVENTS == 0
    orders = {str(number) for (number,) in installation.query("SELECT external_id FROM precision_shop_order")}
    assert load.acknowledged <= orders
    assert len(orders) * EVENTS == events
    for name in sorted(orders):
        assert load.send(name), "everything that was sent is sent once more"
    assert installation.query(whole) == [(events, distinct)]
    assert installation.query("SELECT count(*) FROM precision_shop_order") == [(len(orders),)]
    assert installation.query("SELECT count(*) FROM precision_shop_orderline") == [(len(orders),)]
    doubled = "SELECT count(*) - count(DISTINCT (kind, value)) FROM precision_shop_identity"
    assert installation.query(doubled) == [(0,)]
    # The counts tell the same as the facts: they are written in the same transactions.
    counted = (
        "SELECT sum(count) FILTER (WHERE outcome = 'accepted') FROM precision_shop_tally WHERE kind = 'event'"
    )
    assert int(str(installation.query(counted)[0][0])) == events
