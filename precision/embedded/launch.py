"""Start one program as somebody else, away from the terminal. Run as a script, in a fresh interpreter.

It imports nothing of ours: the interpreter that runs it knows only the standard library (`python -I -S`), so
that it starts in milliseconds, and nothing but this file's few lines runs between fork and exec (a
`preexec_fn` would run in a copy of a process that may have threads).

The order comes as JSON: `command`, `environment`, `lock` (descriptor that the program inherits), `detach`
(leave it running, its process id in the lock file), `user` (null, or `uid`, `gid`, `lend`), `needs` (paths
that it must be able to reach).
"""

import ctypes
import json
import os
import sys

DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2
_PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _PR_SET_NO_NEW_PRIVS = 28, 47, 2, 38
# KEEP_CAPS: the change of user leaves the capabilities to us. NO_SETUID_FIXUP: access(2), by which PostgreSQL
# looks for its own program, heeds the lent capability; else the call would answer as if there were none.
_SECUREBITS = 1 << 4 | 1 << 2
_SETPCAP = 8
_VERSION_3 = 0x20080522


def main(text: str) -> None:
    """Carry out the order; returns only when it fails."""
    order = json.loads(text)
    os.umask(0o077)
    os.chdir("/")
    lock = order["lock"]
    if order["detach"]:
        if os.fork():
            os._exit(0)
        os.setsid()
    if order["user"] is not None:
        become(**order["user"], needs=order["needs"])
    os.ftruncate(lock, 0)
    if order["detach"]:
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    os.execve(order["command"][0], order["command"], order["environment"])


def become(*, uid: int, gid: int, lend: bool, needs: list[str]) -> None:
    """Turn from root into another user, for good, with no capability or the one that `needs` takes."""
    linux = sys.platform == "linux"
    available = _set("CapPrm") & _set("CapBnd") if linux else 0
    can_lend = lend and bool(available >> _SETPCAP & 1)
    if can_lend:
        _prctl(_PR_SET_SECUREBITS, _SECUREBITS)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if linux:
        choose_capability(needs, available=available if can_lend else 0)
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    unreachable = _unreachable(needs)
    if unreachable:
        raise PermissionError(
            f"PostgreSQL refuses to run as root, and user id {uid}, which runs the servers instead, "
            f"cannot reach {unreachable}; no capability can be lent to it "
            "(that takes CAP_SETPCAP and one of CAP_DAC_READ_SEARCH and CAP_DAC_OVERRIDE)"
        )


def choose_capability(needs: list[str], *, available: int) -> None:
    """Keep the least that reaches `needs`: nothing, else reading everywhere, else writing everywhere, too."""
    _capset(0, available)
    if _unreachable(needs):
        for capability in (DAC_READ_SEARCH, DAC_OVERRIDE):
            if available >> capability & 1:
                _capset(1 << capability, available)
                if not _unreachable(needs):
                    _capset(1 << capability, 1 << capability)
                    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)
                    return
    _capset(0, 0)


def _unreachable(needs: list[str]) -> str:
    """Return the first path that cannot be read (or run: programs, folders); empty when all can be."""
    for path in needs:
        try:
            run = os.X_OK if os.stat(path).st_mode & 0o111 else 0
        except OSError:
            return path
        if not os.access(path, os.R_OK | run):
            return path
    return ""


def _set(name: str) -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith(name + ":"))


def _prctl(*words: int) -> None:
    padded = [ctypes.c_ulong(word) for word in (*words, 0, 0, 0, 0)[:5]]
    if ctypes.CDLL(None, use_errno=True).prctl(*padded) != 0:
        raise OSError(ctypes.get_errno(), f"prctl{words} failed: {os.strerror(ctypes.get_errno())}")


def _capset(effective: int, permitted: int) -> None:
    """Set the process's capabilities; what is effective is made inheritable, too."""
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (effective, permitted, effective)
    data = (ctypes.c_uint32 * 6)(*(word & 0xFFFFFFFF for word in sets), *(word >> 32 for word in sets))
    if ctypes.CDLL(None, use_errno=True).capset(header, data) != 0:
        raise OSError(ctypes.get_errno(), f"capset failed: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except OSError as error:
        sys.exit(f"Precision could not start the server: {error}")
