# ruff: noqa: T201
"""A command that holds the servers until its standard input ends; run by the tests as a process of its own.

Usage: holder.py VAR [--lose CAPABILITY …]; `--lose` gives capabilities up first, as a container's start does.
Prints `held POSTGRES_PID VALKEY_PID`, and `left` at its orderly end; notices go to standard error.
"""

import ctypes
import os
import sys
from pathlib import Path

from precision.embedded import EmbeddedError, hold, status

PR_CAPBSET_DROP = 24


def main(var: str, *lost: str) -> None:
    if lost:
        for capability in lost[1:]:
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, int(capability), 0, 0, 0)
        # What is gone from the bounding set is lost for good with the next program.
        os.execv(sys.executable, [sys.executable, __file__, var])
    try:
        with hold(Path(var), durable=False, notify=lambda text: print(text, file=sys.stderr, flush=True)):
            now = status(Path(var))
            print("held", now.postgres_pid, now.valkey_pid, flush=True)
            sys.stdin.read()
    except EmbeddedError as error:
        sys.exit(f"EmbeddedError: {error}")
    print("left", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
