"""What the tests of the embedded servers share: processes that hold, and a look at the machine's."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg

from precision import embedded
from precision.embedded.process import command_line

REPOSITORY = Path(__file__).resolve().parents[2]
HOLDER = Path(__file__).with_name("holder.py")
SECONDS = 60.0


class Holder:
    """A process that holds the servers of `var`."""

    def __init__(
        self,
        var: Path,
        *arguments: str,
        python: str = sys.executable,
        path: Path = REPOSITORY,
        script: Path = HOLDER,
        user: int | None = None,
    ) -> None:
        python_path = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        self.process = subprocess.Popen(
            [python, str(script), str(var), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(path), *python_path)))},
            start_new_session=True,
            **({} if user is None else {"user": user, "group": user, "extra_groups": []}),
        )

    def held(self) -> tuple[int, int]:
        """Wait until it holds; return the process ids of PostgreSQL and Valkey."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("held"):
            raise AssertionError(f"holder said {line!r}: {self.process.communicate()}")
        _, postgres, valkey = line.split()
        return int(postgres), int(valkey)

    def leave(self) -> str:
        """Let it end in order; return what it said on standard error."""
        output, errors = self.process.communicate("", timeout=SECONDS)
        assert output.endswith("left\n"), (output, errors)
        return errors

    def fail(self) -> str:
        """Wait for its end by an EmbeddedError; return the message."""
        _, errors = self.process.communicate("", timeout=SECONDS)
        assert self.process.returncode == 1, errors
        assert "EmbeddedError: " in errors
        return errors

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        self.process.kill()
        self.process.communicate()


def processes_of(folder: Path) -> dict[int, str]:
    """Return the living processes whose command line names the folder."""
    lines = {int(name): command_line(int(name)) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: line for pid, line in lines.items() if str(folder) in line and pid != os.getpid()}


def wait_until(true: Callable[[], bool], *, seconds: float = 20.0) -> None:
    """Wait until something is the case; fail when it never is."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Return whether the process lives (a zombie does not)."""
    return bool(command_line(pid))


def query(var: Path, text: str, *, parameters: Sequence[object] = ()) -> list[tuple[object, ...]]:
    """Run one statement as the application would and return its rows."""
    with psycopg.connect(embedded.database_url(var), autocommit=True) as connection:
        cursor = connection.execute(text, parameters)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []


def capabilities(pid: int) -> int:
    """Return the effective capabilities of a process as the kernel's bit set."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


def user_of(pid: int) -> int:
    """Return the effective user id of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[2]) for line in lines if line.startswith("Uid:"))
