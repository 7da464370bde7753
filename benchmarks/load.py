"""A load generator on raw sockets: ready-made requests over kept connections, each answer timed."""

import selectors
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.errors import BenchmarkError

CHUNK = 65_536
SILENCE_S = 30.0
END_OF_HEAD = b"\r\n\r\n"


@dataclass(slots=True)
class Sent:
    """What came of a load: `latencies_s` of the answers in the order they came, which requests got which status."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Processor time of this generator."""
    latencies_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    """Status → how many."""
    acknowledged: list[int] = field(default_factory=list)
    """Numbers of the requests answered with 200."""


@dataclass(slots=True)
class _Connection:
    link: socket.socket
    number: int = -1
    began: float = 0.0
    rest: memoryview | None = None
    """What is still to be sent."""
    answer: bytes = b""


def paced(
    host: str, port: int, requests: Iterable[bytes], *, connections: int, seconds: float, rate: float
) -> Sent:
    """Send `rate` requests a second, evenly spaced, over at most so many connections.

    A latency counts from when its request was due, not from when a connection was free for it.
    """
    found = Sent()
    source = enumerate(requests)
    selector = selectors.DefaultSelector()
    began, cpu = time.perf_counter(), time.process_time()
    due, until = began, began + seconds
    free = [_Connection(_connect(host, port)) for _ in range(connections)]
    waiting = 0
    while True:
        now = time.perf_counter()
        while free and due <= now and due < until:
            following = next(source, None)
            if following is None:
                until = due
                break
            one = free.pop()
            one.number, raw = following
            one.began, one.answer, one.rest = due, b"", memoryview(raw)
            selector.register(one.link, selectors.EVENT_READ, one)
            _push(selector, one)
            waiting += 1
            due += 1 / rate
        if due >= until and not waiting:
            break
        pause = max(0.0, due - time.perf_counter()) if free and due < until else SILENCE_S
        ready = selector.select(pause)
        if not ready and pause == SILENCE_S:
            raise BenchmarkError(f"the server did not answer for {SILENCE_S:.0f} s")
        for key, mask in ready:
            one = key.data
            if mask & selectors.EVENT_WRITE:
                _push(selector, one)
                continue
            if _take(one, found):
                selector.unregister(one.link)
                waiting -= 1
                free.append(one)
    for one in free:
        one.link.close()
    found.seconds = time.perf_counter() - began
    found.cpu_seconds = time.process_time() - cpu
    return found


def _take(one: _Connection, found: Sent) -> bool:
    """Read what is there; return whether the answer is complete, which is then counted."""
    try:
        part = one.link.recv(CHUNK)
    except OSError:
        part = b""
    one.answer += part
    status = _status(one.answer) if part else 0
    if status is None:
        return False
    found.latencies_s.append(time.perf_counter() - one.began)
    found.statuses[status] = found.statuses.get(status, 0) + 1
    if status == 200:
        found.acknowledged.append(one.number)
    if not part:
        raise BenchmarkError("the server closed a connection")
    return True


def send(host: str, port: int, requests: Iterable[bytes], *, connections: int, seconds: float) -> Sent:
    """Send the requests, as many at once as there are connections, until they or the time are used up.

    Every request that was begun is awaited. A connection that breaks counts as status 0 and is opened anew.
    """
    found = Sent()
    source = enumerate(requests)
    selector = selectors.DefaultSelector()
    began, cpu = time.perf_counter(), time.process_time()
    until = began + seconds
    waiting = 0
    for _ in range(connections):
        waiting += _begin(selector, _Connection(_connect(host, port)), source, until)
    while waiting:
        ready = selector.select(SILENCE_S)
        if not ready:
            raise BenchmarkError(f"the server did not answer for {SILENCE_S:.0f} s")
        for key, mask in ready:
            one: _Connection = key.data
            if mask & selectors.EVENT_WRITE:
                _push(selector, one)
                continue
            try:
                part = one.link.recv(CHUNK)
            except OSError:
                part = b""
            one.answer += part
            status = _status(one.answer) if part else 0
            if status is None:
                continue
            waiting -= 1
            found.latencies_s.append(time.perf_counter() - one.began)
            found.statuses[status] = found.statuses.get(status, 0) + 1
            if status == 200:
                found.acknowledged.append(one.number)
            if not part:
                selector.unregister(one.link)
                one.link.close()
                one = _Connection(_connect(host, port))
            waiting += _begin(selector, one, source, until)
    found.seconds = time.perf_counter() - began
    found.cpu_seconds = time.process_time() - cpu
    return found


def _connect(host: str, port: int) -> socket.socket:
    deadline = time.monotonic() + SILENCE_S
    while True:
        try:
            link = socket.create_connection((host, port))
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"nobody listens on {host}:{port}: {error}") from error
            time.sleep(0.05)
            continue
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setblocking(False)
        return link


def _begin(
    selector: selectors.BaseSelector,
    one: _Connection,
    source: Iterator[tuple[int, bytes]],
    until: float,
) -> int:
    """Send the next request over a free connection; return 1, or 0 when there is none and it was closed."""
    now = time.perf_counter()
    following = next(source, None) if now < until else None
    known = one.link in selector.get_map()
    if following is None:
        if known:
            selector.unregister(one.link)
        one.link.close()
        return 0
    one.number, raw = following
    one.began, one.answer, one.rest = now, b"", memoryview(raw)
    if not known:
        selector.register(one.link, selectors.EVENT_READ, one)
    _push(selector, one)
    return 1


def _push(selector: selectors.BaseSelector, one: _Connection) -> None:
    """Send what the socket takes; ask to be told when it takes more."""
    rest = one.rest
    while rest:
        try:
            rest = rest[one.link.send(rest) :]
        except BlockingIOError:
            break
        except OSError:  # broken: reading tells
            rest = None
    was_waiting = selector.get_key(one.link).events & selectors.EVENT_WRITE
    one.rest = rest or None
    if bool(was_waiting) != bool(rest):
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if rest else 0)
        selector.modify(one.link, events, one)


def _status(answer: bytes) -> int | None:
    """Return the status of an answer that is there as a whole; None: more is to come."""
    head, end, body = answer.partition(END_OF_HEAD)
    if not end:
        return None
    lower = head.lower()
    place = lower.find(b"content-length:")
    if place < 0:
        raise BenchmarkError(f"an answer without Content-Length: {head[:200]!r}")
    length = int(lower[place + 15 :].split(b"\r\n", 1)[0])
    return int(head[9:12]) if len(body) >= length else None
