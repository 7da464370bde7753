"""The three processes of the assembled product, and how they are started and stopped together."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FrameType

GRACE_SECONDS = 20.0
THREADS = 32
"""Of each web process: requests that bring events wait together for one commit, and take no processor meanwhile; the
database's pool bounds the others. Granian warns of so many, which is why only its errors are shown."""
# As root Celery warns of pickled tasks; ours are JSON, and on one machine for a try root is what people are.
CELERY = (
    sys.executable, "-W", "ignore::UserWarning", "-m", "celery", "--quiet", "-A", "precision.celery",
)  # fmt: skip
PR_SET_PDEATHSIG = 1  # Linux: send the child a signal when its parent dies


class PortError(ValueError):
    """The port does not exist, or somebody else listens on it."""


def check_port(host: str, port: int) -> None:
    """Return when the web server could listen there; raise PortError, with the remedy, when it could not."""
    if not 0 < port < 65536:
        raise PortError(f"Port {port} does not exist; choose one from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortError(
                f"Cannot listen on {host}:{port} ({error.strerror}); stop what uses it, or choose another port with "
                f"--port or the variable PORT."
            ) from error


def web(*, host: str, port: int, workers: int) -> list[str]:
    """Return the command of the web server."""
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host, "--port", str(port),
        "--workers", str(workers), "--blocking-threads", str(THREADS), "--respawn-failed-workers",
        "--log-level", "error", "precision.wsgi:application",
    ]  # fmt: skip


def worker() -> list[str]:
    """Return the command of the Celery worker; threads, because a task only waits for a process of its own."""
    return [
        *CELERY, "worker", "--pool", "threads", "--concurrency", "2", "--loglevel", "WARNING",
        "--without-gossip", "--without-mingle",
    ]  # fmt: skip


def beat() -> list[str]:
    """Return the command of the scheduler; it reads the schedule that staff edit in the admin."""
    return [*CELERY, "beat", "--loglevel", "WARNING", "--pidfile="]


def run_until_signal(commands: Mapping[str, Sequence[str]], *, notify: Callable[[str], object]) -> int:
    """Run the commands side by side until SIGINT or SIGTERM; return 0 then.

    When one ends by itself the others are stopped and 1 comes back. Children get SIGTERM, and SIGKILL after a grace.
    """
    stopping = False

    def stop(signum: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    previous = {name: signal.signal(name, stop) for name in (signal.SIGINT, signal.SIGTERM)}
    children = {name: _start(command) for name, command in commands.items()}
    try:
        ended = None
        while not stopping and ended is None:
            time.sleep(0.2)
            ended = next((name for name, child in children.items() if child.poll() is not None), None)
        if ended is not None:
            notify(
                f"The process “{ended}” ended with code {children[ended].returncode}; stopping the others."
            )
        return 0 if ended is None else 1
    finally:
        _stop(children.values())
        for name, handler in previous.items():
            signal.signal(name, handler)


def _start(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a child in a session of its own: the terminal's Ctrl-C reaches us only, and we stop it in order."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 no threads run yet
    )


def _die_with_parent() -> None:
    """Ask the kernel to end this child when its parent is killed: nothing may keep the port."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _stop(children: "Collection[subprocess.Popen[bytes]]") -> None:
    """Stop the children and what they started, politely first."""
    for child in children:
        _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for child in children:
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal(child, signal.SIGKILL)
            child.wait()


def _signal(child: "subprocess.Popen[bytes]", number: int) -> None:
    """Send a signal to the child's whole session group, unless it is gone."""
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return
