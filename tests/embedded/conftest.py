"""Throw-away folders for the embedded servers; every test must leave no process behind."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from precision.embedded import hold
from precision.embedded.paths import Layout
from tests.embedded.support import processes_of

if sys.platform != "linux":
    collect_ignore_glob = ["test_*.py"]  # they look into /proc

MEMORY = Path("/dev/shm")
# Memory where there is enough of it (not in most containers): each test copies 60 MB and removes them.
FAST = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2**30 else Path("/tmp")


@pytest.fixture(scope="session")
def made() -> Iterator[Path]:
    """A folder with new data of both servers, to be copied: making it once saves a second in each test."""
    folder = Path(tempfile.mkdtemp(prefix="pe-", dir=FAST))
    with hold(folder, durable=False):
        pass
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def empty() -> Iterator[Path]:
    """A folder without data, open to all users; nothing may run on it when the test has ended."""
    folder = Path(tempfile.mkdtemp(prefix="pe-", dir=FAST))
    folder.chmod(0o755)
    yield folder / "var"
    left = processes_of(folder)
    for pid in left:
        subprocess.run(["kill", "-9", str(pid)], check=False)
    shutil.rmtree(Layout.of(folder / "var").sockets, ignore_errors=True)
    shutil.rmtree(folder)
    assert not left, f"left running: {left}"


@pytest.fixture
def var(empty: Path, made: Path) -> Path:
    """A folder with new data, servers stopped."""
    subprocess.run(["cp", "-a", str(made), str(empty)], check=True)
    empty.chmod(0o755)
    return empty
