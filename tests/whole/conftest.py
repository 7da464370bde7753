"""Whole processes as in production, each against a database and a queue of its own."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from cryptography.fernet import Fernet

from precision import embedded
from tests import throwaway

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)


@dataclass
class Installation:
    """An installation of the product: its environment, and the processes that a test started in it."""

    folder: Path
    environment: dict[str, str]
    database_url: str
    python: str = sys.executable
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def manage(self, *arguments: str, code: int = 0) -> str:
        """Run `manage.py …` to its end; return what it printed, assert its exit code."""
        done = subprocess.run(
            [self.python, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"{arguments} gave {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout if code == 0 else done.stderr

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a long-running process; it is killed at the end of the test."""
        log = (self.folder if self.folder != ROOT else throwaway.VAR) / f"process-{len(self.started)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        process.log = log  # type: ignore[attr-defined]
        self.started.append(process)
        return process

    def query(self, statement: str) -> list[tuple[object, ...]]:
        """Return the rows of a query on the installation's database."""
        with psycopg.connect(self.database_url, autocommit=True) as link:
            return link.execute(statement).fetchall()  # type: ignore[arg-type]

    def execute(self, statement: str) -> None:
        """Run statements that return nothing on the installation's database."""
        with psycopg.connect(self.database_url, autocommit=True) as link:
            link.execute(statement)  # type: ignore[arg-type]

    def stop(self) -> None:
        """Kill what is still running."""
        for process in self.started:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            process.wait()


@pytest.fixture(scope="session")
def migrated() -> Iterator[str]:
    """The name of a migrated database that nobody is connected to: installations are copies of it."""
    name = f"migrated_{os.getpid()}"
    _on_the_server(f"CREATE DATABASE {name}")
    Installation(folder=ROOT, environment=_environment(name, 0), database_url="").manage(
        "migrate", "--verbosity", "0"
    )
    yield name
    _on_the_server(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def installation(migrated: str) -> Iterator[Installation]:
    """An installation of this checkout with an empty database, migrated."""
    number = next(_numbers)
    name = f"whole_{os.getpid()}_{number}"
    _on_the_server(f"CREATE DATABASE {name} TEMPLATE {migrated}")
    environment = _environment(name, number)
    made = Installation(folder=ROOT, environment=environment, database_url=environment["DATABASE_URL"])
    yield made
    made.stop()
    _on_the_server(f"DROP DATABASE {name} WITH (FORCE)")


def _environment(database: str, number: int) -> dict[str, str]:
    """Return the environment of an installation on a database and a queue of the throw-away servers."""
    url = urlunsplit(urlsplit(embedded.database_url(throwaway.VAR))._replace(path=f"/{database}"))
    broker = embedded.broker_url(throwaway.VAR).replace("virtual_host=0", f"virtual_host={number}")
    return {
        **os.environ,
        "DATABASE_URL": url,
        "BROKER_URL": broker,
        "SECRET_KEY": "whole",
        "PYTHONUNBUFFERED": "1",
        "PII_KEYS": Fernet.generate_key().decode(),
        "DJANGO_SETTINGS_MODULE": "precision.settings",
    }


def _on_the_server(statement: str) -> None:
    """Run a statement that stands in no transaction."""
    with psycopg.connect(embedded.database_url(throwaway.VAR), autocommit=True) as link:
        link.execute(statement.encode())


def wait_for(what: str, condition: Callable[[], bool], *, seconds: float = 90.0) -> None:
    """Wait until `condition()` holds; fail the test, naming what was waited for, when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"Waited {seconds:.0f} s in vain for {what}.")
        time.sleep(0.1)
