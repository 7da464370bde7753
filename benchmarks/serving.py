"""An installation of its own for a benchmark: scratch servers, and a web server as `manage.py up` starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.errors import BenchmarkError
from precision import embedded
from precision.shop import processes

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
START_S = 60.0


@dataclass(frozen=True, slots=True)
class Installation:
    """Servers with an empty database; `manage` runs commands in it."""

    var: Path
    environment: dict[str, str]

    def manage(self, *arguments: str) -> str:
        """Run `manage.py …`; return what it printed. Raises BenchmarkError when it fails."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise BenchmarkError(f"manage.py {arguments[0]} failed:\n{done.stderr[-2000:]}")
        return done.stdout

    def create_platform(self, key: str) -> dict[str, Any]:
        """Open a platform; return its credentials."""
        made: dict[str, Any] = json.loads(
            self.manage("create_platform", key, "--name", key, "--json").splitlines()[-1]
        )
        return made

    @contextmanager
    def database(self) -> Iterator["psycopg.Connection[Any]"]:
        """Give a connection that commits each statement."""
        with psycopg.connect(embedded.database_url(self.var), autocommit=True) as link:
            yield link

    @contextmanager
    def serve(self, *, workers: int, settings: str = "precision.settings") -> Iterator["Web"]:
        """Serve on a free port while the block runs."""
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = probe.getsockname()[1]
        log = self.var / "web.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                processes.web(host=HOST, port=port, workers=workers),
                cwd=ROOT, env={**self.environment, "DJANGO_SETTINGS_MODULE": settings},
                stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        try:
            _await(port, process, log)
            yield Web(process.pid, port)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@dataclass(frozen=True, slots=True)
class Web:
    """A running web server."""

    pid: int
    port: int


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    """Give an installation with servers that keep what they acknowledge, as in production."""
    var = folder / "var"
    environment = {
        **os.environ, "PRECISION_VAR": str(var), "SECRET_KEY": "benchmark",
        "DJANGO_SETTINGS_MODULE": "precision.settings", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    for name in ("DATABASE_URL", "BROKER_URL", "PRECISION_ENGINE"):
        environment.pop(name, None)
    with embedded.hold(var):
        made = Installation(var, environment)
        made.manage("migrate", "--verbosity", "0")
        yield made


def cpu_seconds(pids: Iterator[int]) -> float:
    """Return the processor time that processes have taken so far, those that are gone left out."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that descend from it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    raise BenchmarkError(f"the web server did not start:\n{log.read_text(encoding='utf-8')[-2000:]}")
