"""The front door to the engines: `get_engine(alias)` by the setting ENGINES.

    ENGINES = {"default": {"BACKEND": "precision.engine.backends.local.LocalEngine", "OPTIONS": {}}}

This is the only file of the backends that knows Django.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from precision.engine.backends.base import Engine

__all__ = ["DEFAULT_ALIAS", "Engine", "engine_aliases", "get_engine"]

DEFAULT_ALIAS = "default"
DEFAULT_ENGINES: Mapping[str, Mapping[str, Any]] = {
    DEFAULT_ALIAS: {"BACKEND": "precision.engine.backends.local.LocalEngine", "OPTIONS": {}},
}


def engine_aliases() -> list[str]:
    """The aliases that the setting ENGINES configures, in its order."""
    return list(_configured())


def get_engine(alias: str = DEFAULT_ALIAS) -> Engine:
    """The engine configured under `alias`; made once per process.

    Raises:
        ImproperlyConfigured: the alias is unknown, or its entry does not name a usable backend.
    """
    return _make(alias)


def _configured() -> Mapping[str, Mapping[str, Any]]:
    return getattr(settings, "ENGINES", None) or DEFAULT_ENGINES


@cache
def _make(alias: str) -> Engine:
    engines = _configured()
    if alias not in engines:
        raise ImproperlyConfigured(
            f"ENGINES has no engine {alias!r}, only: {', '.join(sorted(engines))}. Add it or ask for these."
        )
    entry = engines[alias]
    unknown = set(entry) - {"BACKEND", "OPTIONS"}
    if unknown or "BACKEND" not in entry:
        raise ImproperlyConfigured(
            f"ENGINES[{alias!r}] has the keys {sorted(entry)}; wanted BACKEND (a dotted path), maybe OPTIONS."
        )
    path = entry["BACKEND"]
    try:
        backend = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"ENGINES[{alias!r}]: BACKEND {path!r} cannot be imported ({error}). Correct or install it."
        ) from error
    if not (isinstance(backend, type) and issubclass(backend, Engine)):
        raise ImproperlyConfigured(
            f"ENGINES[{alias!r}]: BACKEND {path!r} is no subclass of precision.engine.backends.base.Engine."
        )
    try:
        return backend(**entry.get("OPTIONS", {}))
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(
            f"ENGINES[{alias!r}]: {path} does not take the OPTIONS {entry.get('OPTIONS', {})!r}: {error}"
        ) from error


def _forget_engines(*, setting: str, **kwargs: object) -> None:
    if setting == "ENGINES":
        _make.cache_clear()


setting_changed.connect(_forget_engines, dispatch_uid="precision.engine.backends")
