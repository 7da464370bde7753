"""Locks that the system releases by itself when their process dies: `flock` on files under `var/locks`.

- `start`: exclusive while somebody starts or stops servers.
- `holders`: shared by every process that uses the servers; whoever can have it exclusively is the last one.
- `postgres`, `valkey`: exclusive, inherited by the server and all its children, so it is held exactly as long
  as one of them lives. That is the truth about a server; the process id in the file only says whom to signal.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from precision.embedded.patience import Patience
from precision.embedded.privileges import Account


def open_lock(path: Path, *, account: Account) -> int:
    """Return an open descriptor of the lock file, made if need be; children do not inherit it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    account.give(descriptor)
    return descriptor


def try_exclusive(descriptor: int) -> bool:
    """Return whether the lock could be taken at once for this descriptor alone."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share(descriptor: int) -> None:
    """Take the lock together with others; waits while somebody has it alone."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def release(descriptor: int) -> None:
    """Give the lock back."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_held(path: Path) -> bool:
    """Return whether any process has the lock of this file; ask only while holding the start lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not try_exclusive(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def starting(path: Path, *, account: Account, notify: Callable[[str], object]) -> Iterator[None]:
    """Hold the start lock: one process at a time starts or stops servers. Waits for others, and says so."""
    descriptor = open_lock(path, account=account)
    try:
        patience = Patience(
            "Waiting for another command that is starting or stopping the servers", notify=notify
        )
        while not try_exclusive(descriptor):
            patience.wait()
        yield
    finally:
        os.close(descriptor)
