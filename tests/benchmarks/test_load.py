"""The load generator on raw sockets."""

import socket
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks import intake_calls, load
from benchmarks.errors import BenchmarkError


class Server:
    """Answers each request by its first word after the path: a status, `slow` parts, or `drop` the connection."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.seen: list[bytes] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[link], daemon=True).start()

    def serve(self, link: socket.socket) -> None:
        with link:
            while head := self.read_head(link):
                word = head.split(b" ")[1].strip(b"/")
                self.seen.append(word)
                if word.startswith(b"drop"):
                    return
                body = b"x" * 100_000 if word.startswith(b"large") else b"{}"
                status = word[:3] if word[:1].isdigit() else b"200"
                length = b"" if word.startswith(b"endless") else b"Content-Length: %d\r\n" % len(body)
                link.sendall(b"HTTP/1.1 %s Told\r\n%s\r\n" % (status, length))
                link.sendall(body)

    @staticmethod
    def read_head(link: socket.socket) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = link.recv(1)
            if not part:
                return b""
            head += part
        return head


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.listener.close()


def requests(*words: str) -> list[bytes]:
    return [f"GET /{word} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for word in words]


def test_every_request_is_answered_and_counted(server: Server) -> None:
    words = ["a", "429-b", "large-c", "500-d", "e", "f"]
    sent = load.send("127.0.0.1", server.port, requests(*words), connections=2, seconds=60)
    assert sent.statuses == {200: 4, 429: 1, 500: 1}
    assert sorted(sent.acknowledged) == [0, 2, 4, 5]
    assert sorted(server.seen) == sorted(word.encode() for word in words)
    assert len(sent.latencies_s) == 6


def test_a_broken_connection_is_told_and_opened_anew(server: Server) -> None:
    sent = load.send("127.0.0.1", server.port, requests("a", "drop", "b", "c"), connections=1, seconds=60)
    assert sent.statuses == {200: 3, 0: 1}
    assert sent.acknowledged == [0, 2, 3]


def test_an_answer_without_length_is_no_answer(server: Server) -> None:
    with pytest.raises(BenchmarkError, match="Content-Length"):
        load.send("127.0.0.1", server.port, requests("endless"), connections=1, seconds=60)


def test_nothing_is_begun_when_the_time_is_over(server: Server) -> None:
    sent = load.send("127.0.0.1", server.port, requests("a", "b"), connections=2, seconds=0)
    assert sent.statuses == {}
    assert server.seen == []


def test_calls_differ_in_their_ids_and_repeat_their_people() -> None:
    made = intake_calls.calls(np.random.default_rng(0), run="r", products=10, visitors=5)
    some = [next(made) for _ in range(500)]
    assert len({call["messageId"] for call in some}) == 500
    assert len({call["anonymousId"] for call in some if call["anonymousId"].startswith("visitor")}) == 5
    packed = intake_calls.requests(iter(some), count=2, size=100, host="h", key="k")
    assert [len(one.messages) for one in packed] == [100, 100]
    head, _, body = packed[0].raw.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
