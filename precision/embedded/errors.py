"""The one exception of the embedded servers."""

import shutil
from pathlib import Path

FULL_DISK_BYTES = 64 * 2**20


class EmbeddedError(Exception):
    """An embedded server cannot be started, reached or stopped: what happened, where, and what to do."""

    def __init__(self, what: str, *, where: Path | str, remedy: str, log: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        self.log = log
        text = f"{what}\n  where: {where}\n  remedy: {remedy}"
        if log:
            text += "\n  last lines of the log:\n" + "\n".join(f"    {line}" for line in log.splitlines())
        super().__init__(text)


def how_to_mend(folder: Path) -> str:
    """Return what to do about a server that ended; a full disk is told, for then the log may be silent."""
    free = shutil.disk_usage(folder).free
    if free < FULL_DISK_BYTES:
        return f"make room, only {free / 2**20:.0f} MB are free on that disk; then start again"
    return "the log's last lines tell why; mend that and start again"
