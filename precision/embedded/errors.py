"""The one exception of the embedded servers."""

from pathlib import Path


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
