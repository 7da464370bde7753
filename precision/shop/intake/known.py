"""What a process remembers between writes, so that most of them ask the database for nothing.

Numbers of identities never change; they end with an erasure, which raises `Organisation.erasures`, and that is read at
the beginning of every write. Products and stores are forgotten every few minutes.
"""

import threading
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

MOST: Final = 200_000
"""Names that are remembered a platform and kind; a name and its number take some 200 bytes."""
CATALOGUE_SECONDS: Final = 300.0


@dataclass(slots=True)
class Known:
    """What is known of one platform."""

    erasures: int = -1
    users: dict[str, int | None] = field(default_factory=dict)
    """User id → identity; None: the value names nobody."""
    anonymous: dict[str, int | None] = field(default_factory=dict)
    links: dict[tuple[int, int], bool] = field(default_factory=dict)
    """Linked identities → whether a verified link was written."""
    products: dict[str, int] = field(default_factory=dict)
    stores: dict[str, int] = field(default_factory=dict)
    catalogue_until: float = 0.0
    """On the monotonic clock."""
    secret: str = ""
    """Secret of `user_hash`, opened at the first need."""

    def refresh(self, erasures: int) -> None:
        """Forget people when somebody was erased since, and goods when their time is over."""
        if erasures != self.erasures:
            self.forget_people()
            self.erasures = erasures
        now = time.monotonic()
        if now > self.catalogue_until:
            self.products, self.stores = {}, {}
            self.catalogue_until = now + CATALOGUE_SECONDS

    def forget_people(self) -> None:
        """Forget what may have been learned from rows that were rolled back."""
        self.users, self.anonymous, self.links = {}, {}, {}

    def trim(self) -> None:
        """Forget the older half of what has grown beyond MOST."""
        for table in (self.users, self.anonymous, self.links, self.products, self.stores):
            trimmed(table)


_platforms: dict[int, Known] = {}
_lock = threading.Lock()


def of(platform_id: int) -> Known:
    """Return what this process knows of the platform."""
    with _lock:
        return _platforms.setdefault(platform_id, Known())


def forget() -> None:
    """Forget everything."""
    with _lock:
        _platforms.clear()


def trimmed(table: dict[Any, Any]) -> None:
    """Take the older half away from a table that has grown beyond MOST."""
    if len(table) > MOST:
        for key in list(islice(table, len(table) // 2)):
            del table[key]
