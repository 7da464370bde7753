"""Both servers together: hold them while they are used, look at them, stop them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from precision.embedded import locks
from precision.embedded.daemon import Daemon, ask_to_stop, await_answer, await_stop, find, launch
from precision.embedded.errors import EmbeddedError
from precision.embedded.paths import SHORT_FOLDER, Layout
from precision.embedded.postgres import ensure_database, postgres_daemon
from precision.embedded.privileges import Account, account_for
from precision.embedded.valkey import valkey_daemon

Notify = Callable[[str], object]


@dataclass(frozen=True, kw_only=True)
class Status:
    """What runs for one `var` folder at this moment."""

    postgres_pid: int | None
    valkey_pid: int | None
    in_use: bool
    """Whether some process holds the servers, or is starting or stopping them."""
    sockets: Path
    log: Path


@contextmanager
def hold(var: Path, *, notify: Notify | None = None, durable: bool = True) -> Iterator[None]:
    """Keep PostgreSQL and Valkey running for `var` while the block runs; the last holder stops them.

    Starts what does not run and waits until it answers, for as long as a crash recovery takes. `notify` gets
    a sentence when a wait is long. A holder that is killed leaves the servers to the next one.
    `durable=False` is for throw-away servers of tests: it does not wait for the disk.

    Raises EmbeddedError with what, where and remedy.
    """
    layout = Layout.of(var)
    say = notify or _silent
    owner = os.getpid()
    with _explained(layout):
        account = _prepare(layout)
        holding = locks.open_lock(layout.locks / "holders", account=account)
    try:
        try:
            with _explained(layout), locks.starting(layout.locks / "start", account=account, notify=say):
                locks.share(holding)
                _start(layout, account=account, durable=durable, notify=say)
            yield
        finally:
            # A fork of this process that leaves the block is no holder of its own.
            if os.getpid() == owner:
                with _explained(layout), locks.starting(layout.locks / "start", account=account, notify=say):
                    locks.release(holding)
                    if locks.try_exclusive(holding):
                        _stop(layout, account=account, notify=say)
    finally:
        os.close(holding)


def stop(var: Path, *, notify: Notify | None = None, force: bool = False) -> None:
    """Stop the servers of `var`, as a person would after a command was killed.

    Raises EmbeddedError when a process still uses them, unless `force` is given.
    """
    layout = Layout.of(var)
    if not layout.locks.exists():
        return
    say = notify or _silent
    with _explained(layout):
        account = _prepare(layout)
        with locks.starting(layout.locks / "start", account=account, notify=say):
            holding = locks.open_lock(layout.locks / "holders", account=account)
            try:
                if not locks.try_exclusive(holding) and not force:
                    raise EmbeddedError(
                        "A process still uses the servers.",
                        where=layout.var,
                        remedy=f"end it (fuser -v {layout.locks / 'holders'} names it); it stops them itself",
                    )
                _stop(layout, account=account, notify=say)
            finally:
                os.close(holding)


def status(var: Path) -> Status:
    """Return what runs for `var`; changes nothing. Raises EmbeddedError where another user keeps it."""
    layout = Layout.of(var)
    account = Account(uid=None)
    postgres, valkey = _daemons(layout, account=account, durable=True, notify=_silent)
    with _explained(layout):
        return Status(
            postgres_pid=find(postgres),
            valkey_pid=find(valkey),
            in_use=_in_use(layout, account=account),
            sockets=layout.sockets,
            log=layout.log,
        )


def _in_use(layout: Layout, *, account: Account) -> bool:
    # Asked only under the start lock: a probe must never look like a holder to one that is just leaving.
    descriptors = []
    try:
        for name in ("start", "holders"):
            if not (layout.locks / name).exists():
                return False
            descriptors.append(locks.open_lock(layout.locks / name, account=account))
            if not locks.try_exclusive(descriptors[-1]):
                return True
        return False
    finally:
        for descriptor in reversed(descriptors):
            os.close(descriptor)


def _prepare(layout: Layout) -> Account:
    """Make the folders that both servers share; return the user they run as."""
    account = account_for(layout)
    layout.var.mkdir(parents=True, exist_ok=True)
    for folder in (layout.locks, layout.log):
        account.make_folder(folder)
    return account


def _daemons(layout: Layout, *, account: Account, durable: bool, notify: Notify) -> tuple[Daemon, Daemon]:
    return (
        postgres_daemon(layout, account=account, durable=durable, notify=notify),
        valkey_daemon(layout, account=account, durable=durable),
    )


def _start(layout: Layout, *, account: Account, durable: bool, notify: Notify) -> None:
    account.make_folder(layout.sockets)
    daemons = _daemons(layout, account=account, durable=durable, notify=notify)
    launches = [launch(daemon, notify=notify) for daemon in daemons]
    for daemon, launched in zip(daemons, launches, strict=True):
        if not await_answer(daemon, launched, notify=notify):
            # It was found just as it ended; now a start of our own must succeed or tell why.
            await_answer(daemon, launch(daemon, notify=notify), notify=notify)
    ensure_database(layout, durable=durable)


def _stop(layout: Layout, *, account: Account, notify: Notify) -> None:
    daemons = _daemons(layout, account=account, durable=True, notify=notify)
    asked = [ask_to_stop(daemon) for daemon in daemons]
    for daemon, done in zip(daemons, asked, strict=True):
        await_stop(daemon, asked=done, notify=notify)
    # It is somebody else's when the start refused it.
    if layout.sockets.parent == SHORT_FOLDER and account.owns_folder(layout.sockets):
        _remove_short_folder(layout)


def _remove_short_folder(layout: Layout) -> None:
    """Leave nothing behind in the shared temporary folder."""
    lock = layout.postgres_socket.with_name(layout.postgres_socket.name + ".lock")
    for path in (layout.postgres_socket, lock, layout.valkey_socket):
        path.unlink(missing_ok=True)
    # Where somebody put files of his own, the folder stays.
    with suppress(OSError):
        layout.sockets.rmdir()


@contextmanager
def _explained(layout: Layout) -> Iterator[None]:
    """Turn the system's refusals into EmbeddedError."""
    try:
        yield
    except OSError as error:
        raise EmbeddedError(
            f"The system refuses: {error.strerror or error}.",
            where=error.filename or layout.var,
            remedy="check its owner, permissions and free space, or name another folder in PRECISION_VAR",
        ) from error


def _silent(_text: str) -> None:
    """Say nothing."""
