"""What a process id stands for right now, without trusting any file."""

import subprocess
import sys
from pathlib import Path


def command_line(pid: int) -> str:
    """Return a living process's command line, words joined by spaces; empty when it is gone or a zombie.

    Linux lets everybody read it; the program's path and folder (`/proc/…/exe`, `cwd`) are refused to root in
    a container, so they are not used.
    """
    if sys.platform == "linux":
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return raw.rstrip(b"\0").replace(b"\0", b" ").decode(errors="surrogateescape")
    answer = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()


def read_pid(path: Path) -> int | None:
    """Return the process id that the file's first line names; None when it names none."""
    try:
        with path.open("rb") as file:
            text = file.readline(32).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() and int(text) > 1 else None


def tail(path: Path, *, start: int = 0, lines: int = 15) -> str:
    """Return the last lines of a log from byte `start` on; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(min(max(start, size - 16_384), size))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
