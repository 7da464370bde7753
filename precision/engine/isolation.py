"""Heavy work in a fresh process.

A forked worker must not compute: Polars' thread pool hangs after a fork. A fresh interpreter is safe, gives its memory
back, and can be killed without harm to the worker.
"""

import os
import subprocess
import sys
from collections.abc import Sequence


class IsolatedCommandError(RuntimeError):
    """A management command in a process of its own ended with an error."""


PARENT = "PRECISION_PARENT"  # variable that names the process an isolated command works for


def is_orphaned() -> bool:
    """Return whether this process was started by `run_command` and its starter is gone."""
    parent = os.environ.get(PARENT)
    return parent is not None and os.getppid() != int(parent)


def run_command(name: str, arguments: Sequence[str] = ()) -> None:
    """Run a Django management command in a fresh interpreter with this project's settings, and wait for it.

    Its output goes where this process' output goes. Raises IsolatedCommandError when its exit code is not 0.
    """
    process = subprocess.run(
        [sys.executable, "-m", "django", name, *arguments],
        env=_environment(),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if process.returncode != 0:
        raise IsolatedCommandError(
            f"“{name} {' '.join(arguments)}” ended with exit code {process.returncode}; its own message stands above."
        )


def _environment() -> dict[str, str]:
    """Return this process' environment, its import path (the worker may stand in another folder) and its id."""
    return {
        **os.environ,
        PARENT: str(os.getpid()),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
