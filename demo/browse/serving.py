"""A web server for as long as the generated shop is sent: the same one that `manage.py up` starts."""

import http.client
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from precision.shop import processes

HOST = "127.0.0.1"
PATIENCE_S = 60.0
GRACE_S = 20.0


class NotServedError(RuntimeError):
    """The web server did not come up; the message says what is known."""


@contextmanager
def served() -> Iterator[int]:
    """Serve the API on a free port while the block runs; give the port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    with subprocess.Popen(processes.web(host=HOST, port=port, workers=2), stdin=subprocess.DEVNULL) as child:
        try:
            _wait(child, port)
            yield port
        finally:
            child.terminate()
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                child.kill()


def _wait(child: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise NotServedError(f"The web server ended with code {child.returncode} instead of serving.")
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=2)
            connection.request("GET", "/health/live")
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.1)
    raise NotServedError(f"The web server did not answer on port {port} within {PATIENCE_S:.0f} seconds.")
