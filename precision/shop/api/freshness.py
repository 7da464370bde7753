"""Small caches of one process: facts that may be a second old, and results that never change."""

import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from django.conf import settings

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_caches: list["Cache[Any, Any]"] = []
_others: list[Callable[[], None]] = []


class Cache(Generic[K, V]):
    """Values by key, kept for `seconds` (None: until there are too many).

    Threads may share it: two that miss at once both load, which costs a query and harms nothing.
    """

    def __init__(self, *, seconds: float | None, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._kept: dict[K, tuple[float, V]] = {}
        _caches.append(self)

    def get(self, key: K, load: Callable[[], V]) -> V:
        """Return the value of `key`, calling `load` when it is missing or too old."""
        return self.get_many([key], lambda _missing: {key: load()})[key]

    def get_many(self, keys: Iterable[K], load: Callable[[list[K]], Mapping[K, V]]) -> dict[K, V]:
        """Return the values of `keys`; `load` is called once with those that are missing or too old.

        Keys for which `load` returns nothing are left out, and asked for again the next time.
        """
        now = time.monotonic()
        found: dict[K, V] = {}
        missing: list[K] = []
        for key in keys:
            kept = self._kept.get(key)
            if kept is None or now >= kept[0]:
                missing.append(key)
            else:
                found[key] = kept[1]
        if missing:
            loaded = load(missing)
            if len(self._kept) + len(loaded) > self._most:
                self._kept.clear()
            until = now + self._lifetime()
            for key, value in loaded.items():
                self._kept[key] = (until, value)
                found[key] = value
        return found

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def _lifetime(self) -> float:
        """Return the seconds a value is kept; the setting PRECISION_CACHE_SECONDS overrides short ones."""
        return float("inf") if self._seconds is None else lifetime(self._seconds)


def lifetime(seconds: float) -> float:
    """Return how long facts that may be `seconds` old are kept: the setting PRECISION_CACHE_SECONDS, where given."""
    return float(getattr(settings, "PRECISION_CACHE_SECONDS", seconds))


def register(clear: Callable[[], None]) -> None:
    """Have `clear` called by `clear_all` too: for what is kept in another way than in a Cache."""
    _others.append(clear)


def clear_all() -> None:
    """Forget what every cache of this process holds: for tests, and after restoring a database."""
    for cache in _caches:
        cache.clear()
    for clear in _others:
        clear()
