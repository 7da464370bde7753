"""The embedded Valkey: the broker's queue, kept on disk."""

import signal
import socket

from precision.embedded import binaries
from precision.embedded.daemon import Daemon
from precision.embedded.paths import Layout
from precision.embedded.privileges import Account

# A queue must refuse new messages when it is full, never forget old ones.
_MAXIMUM_MEMORY = "512mb"
_PROBE_SECONDS = 5.0


def valkey_daemon(layout: Layout, *, account: Account, durable: bool) -> Daemon:
    """Describe this layout's Valkey; with `durable=False` a crash of the machine may lose its data."""
    configuration = layout.valkey / "valkey.conf"
    program = str(binaries.valkey_program())

    def prepare(_lock: int) -> None:
        account.make_folder(layout.valkey)
        account.write(configuration, _configuration(layout, durable=durable))
        layout.valkey_socket.unlink(missing_ok=True)

    return Daemon(
        title="Valkey",
        lock=layout.locks / "valkey",
        log=layout.log / "valkey.log",
        account=account,
        command=(program, str(configuration)),
        needs=(configuration, layout.valkey, layout.sockets),
        owns=lambda line: line.endswith(f"/valkey-server {configuration}"),
        prepare=prepare,
        probe=lambda: _why_not_ready(layout),
        stop_signal=signal.SIGTERM,
        kill_signal=signal.SIGKILL,
    )


def _configuration(layout: Layout, *, durable: bool) -> str:
    return "\n".join([
        "# Written at every start.",
        "port 0",
        f"unixsocket {_quoted(str(layout.valkey_socket))}",
        "unixsocketperm 700",
        f"dir {_quoted(str(layout.valkey))}",
        "appendonly yes",
        f"appendfsync {'everysec' if durable else 'no'}",
        'save ""',
        f"maxmemory {_MAXIMUM_MEMORY}",
        "maxmemory-policy noeviction",
        'logfile ""',
        "daemonize no",
        # The command line stays as it was started: by it the server is known again.
        "set-proc-title no",
        "",
    ])  # fmt: skip


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _why_not_ready(layout: Layout) -> str:
    """Return why Valkey does not take commands yet: no socket, or still loading its file."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_PROBE_SECONDS)
            client.connect(str(layout.valkey_socket))
            client.sendall(b"PING\r\n")
            answer = client.recv(200)
    except OSError as error:
        return error.strerror or str(error)
    return "" if answer.startswith(b"+PONG") else answer.decode(errors="replace").strip() or "no answer"
