"""Starting, finding and stopping one server, whichever it is."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from precision.embedded import locks
from precision.embedded.errors import EmbeddedError, how_to_mend
from precision.embedded.patience import Patience
from precision.embedded.privileges import OTHERWISE, Account
from precision.embedded.process import command_line, read_pid, tail

LAUNCHER = Path(__file__).with_name("launch.py")
LARGEST_LOG_BYTES = 10_000_000
REMAINS_SECONDS = 300.0  # how long what a killed server left behind may take to end
STOP_SECONDS = 120.0  # then a server that does not stop in order is stopped at once; both recover from that
END_SECONDS = 5.0  # for initdb, when a person interrupts it
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """What the functions below must know of a server."""

    title: str
    lock: Path
    log: Path
    account: Account
    command: tuple[str, ...]
    """Absolute path of the program and its arguments."""
    needs: tuple[Path, ...]
    """What the server must be able to reach from the root folder on, besides its program."""
    owns: Callable[[str], bool]
    """Whether a command line (words joined by spaces) is this very server's."""
    prepare: Callable[[int], None]
    """Make the data folder and configuration, remove what a killed server left; gets the lock."""
    probe: Callable[[], str]
    """Return why the server does not answer yet, an empty text once it does."""
    stop_signal: signal.Signals
    kill_signal: signal.Signals


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One start, or the finding of a server that was running already."""

    fresh: bool
    log_start: int


def find(daemon: Daemon) -> int | None:
    """Return the process id of the running server; None when the file's process is no such server."""
    pid = read_pid(daemon.lock)
    return pid if pid is not None and daemon.owns(command_line(pid)) else None


def launch(daemon: Daemon, *, notify: Callable[[str], object]) -> Launch:
    """Start the server unless it runs; returns before it answers. Call it while holding the start lock.

    Raises EmbeddedError when the data cannot be prepared, or when a process not to be found holds them.
    """
    descriptor = locks.open_lock(daemon.lock, account=daemon.account)
    try:
        patience = Patience(f"Waiting for the end of what a killed {daemon.title} left behind", notify=notify)
        while not locks.try_exclusive(descriptor):
            if find(daemon) is not None:
                return Launch(fresh=False, log_start=_size(daemon.log))
            if patience.seconds > REMAINS_SECONDS:
                raise EmbeddedError(
                    f"Some process holds {daemon.title}'s data, but it is not to be seen from here.",
                    where=daemon.lock,
                    remedy="stop it where it runs (another container? a checkout that was moved meanwhile?); "
                    f"fuser -v {daemon.lock} names it",
                )
            patience.wait()
        daemon.prepare(descriptor)
        if _size(daemon.log) > LARGEST_LOG_BYTES:
            daemon.log.replace(daemon.log.with_name(daemon.log.name + ".1"))
        log_start = _size(daemon.log)
        run(
            daemon.command,
            account=daemon.account,
            log=daemon.log,
            lock=descriptor,
            needs=daemon.needs,
            detach=True,
        )
        return Launch(fresh=True, log_start=log_start)
    finally:
        os.close(descriptor)


def await_answer(daemon: Daemon, launched: Launch, *, notify: Callable[[str], object]) -> bool:
    """Wait until the server answers, as long as it lives; False when one that was running ended meanwhile.

    Raises EmbeddedError with the tail of the log when a server just started ended.
    """
    patience = Patience(f"Waiting for {daemon.title} to get ready", notify=notify)
    while reason := daemon.probe():
        if not locks.is_held(daemon.lock):
            if not launched.fresh:
                return False
            raise EmbeddedError(
                f"{daemon.title} ended while it was starting.",
                where=daemon.log,
                remedy=how_to_mend(daemon.log.parent),
                log=tail(daemon.log, start=launched.log_start),
            )
        patience.wait(detail=reason)
    return True


def ask_to_stop(daemon: Daemon) -> bool:
    """Send the signal for an orderly end; return whether there was a server to get it."""
    return _signal(daemon, daemon.stop_signal)


def await_stop(daemon: Daemon, *, asked: bool, notify: Callable[[str], object]) -> None:
    """Wait until neither the server nor a child of it lives; call it while holding the start lock.

    `asked` tells what `ask_to_stop` answered: a server that was just being launched then is asked now.
    """
    patience = Patience(f"Waiting for {daemon.title} to stop", notify=notify)
    urged = False
    while locks.is_held(daemon.lock):
        asked = asked or ask_to_stop(daemon)
        if patience.seconds > STOP_SECONDS:
            urged = urged or _signal(daemon, daemon.kill_signal)
        if patience.seconds > STOP_SECONDS + REMAINS_SECONDS:
            raise EmbeddedError(
                f"{daemon.title} does not stop.",
                where=daemon.lock,
                remedy=f"fuser -v {daemon.lock} names its processes",
            )
        patience.wait()


def run(
    command: tuple[str, ...],
    *,
    account: Account,
    log: Path,
    lock: int,
    needs: tuple[Path, ...],
    detach: bool,
    environment: Mapping[str, str] = _ENVIRONMENT,
) -> int:
    """Run a program as `account`, in a session of its own, with the lock; output goes to the log.

    Returns its exit code, or 0 at once when it is detached. Interrupted, it kills what is not detached.
    """
    order = {
        "command": list(command),
        "environment": dict(environment),
        "lock": lock,
        "detach": detach,
        "user": None
        if account.uid is None
        else {"uid": account.uid, "gid": account.gid, "lend": account.dedicated},
        "needs": [command[0], *map(str, needs)],
    }
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    output = os.open(log, flags, 0o600)
    try:
        account.give(output)
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), json.dumps(order)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(lock,),
            start_new_session=True,
        )
    except OSError as error:
        raise EmbeddedError(
            f"The Python interpreter cannot be run: {error}", where=sys.executable, remedy=OTHERWISE
        ) from error
    finally:
        os.close(output)
    try:
        return child.wait()
    except BaseException:
        if not detach:
            _end(child)
        raise


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End a program that leads a group, gently first: killed outright it would leave shared memory behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(child.pid, number)
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        return


def _signal(daemon: Daemon, number: signal.Signals) -> bool:
    pid = find(daemon)
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False  # it ended by itself in this moment
    return True


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
