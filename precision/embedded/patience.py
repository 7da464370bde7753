"""Waiting that tells people what it waits for."""

import time
from collections.abc import Callable

SILENT_SECONDS = 2.0
REPEAT_SECONDS = 10.0
LONGEST_NAP_SECONDS = 0.2


class Patience:
    """Short naps that grow; after two seconds, then every ten, `notify` hears what is waited for."""

    def __init__(self, what: str, *, notify: Callable[[str], object]) -> None:
        self.what = what
        self._notify = notify
        self._since = time.monotonic()
        self._next_word = SILENT_SECONDS
        self._nap = 0.01

    @property
    def seconds(self) -> float:
        """How long the wait has lasted."""
        return time.monotonic() - self._since

    def wait(self, detail: str = "") -> None:
        """Sleep for a moment, and speak if it is time to."""
        if self.seconds >= self._next_word:
            self._next_word += REPEAT_SECONDS
            self._notify(f"{self.what} ({self.seconds:.0f} s so far{'; ' + detail if detail else ''})")
        time.sleep(self._nap)
        self._nap = min(self._nap * 1.5, LONGEST_NAP_SECONDS)
