"""System checks of what computation needs: the database and the engines."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router
from django.db.utils import DatabaseError

from precision.engine.backends import DEFAULT_ALIAS, engine_aliases, get_engine

LEAST_POSTGRESQL = 15


def check_database_kind(**kwargs: Any) -> list[CheckMessage]:
    """Return an error unless our tables lie in PostgreSQL; opens no connection."""
    alias = _alias()
    vendor = connections[alias].vendor
    if vendor == "postgresql":
        return []
    return [
        Error(
            f"The database {alias!r} is {vendor}; Precision needs PostgreSQL {LEAST_POSTGRESQL} or newer.",
            hint=f"Set DATABASES[{alias!r}]['ENGINE'] to 'django.db.backends.postgresql'.",
            id="precision_engine.E001",
        )
    ]


def check_database_version(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error for a PostgreSQL that is too old; asks only when its database is to be checked."""
    alias = _alias()
    connection: Any = connections[alias]
    if connection.vendor != "postgresql" or alias not in (databases or ()):
        return []
    try:
        found = connection.pg_version // 10_000
    except DatabaseError as error:
        return [
            Error(
                f"The database {alias!r} does not answer: {error}",
                hint="Start it, or correct DATABASE_URL (in a project of your own: DATABASES).",
                id="precision_engine.E003",
            )
        ]
    if found >= LEAST_POSTGRESQL:
        return []
    return [
        Error(
            f"The database {alias!r} is PostgreSQL {found}, but Precision needs {LEAST_POSTGRESQL} or newer.",
            hint="Upgrade the server, or point DATABASE_URL to a newer one.",
            id="precision_engine.E002",
        )
    ]


def check_engine_paths(**kwargs: Any) -> list[CheckMessage]:
    """Return an error for each entry of ENGINES that names no module; imports none, to cost nothing."""
    engines = getattr(settings, "ENGINES", None)
    if engines is None:
        return []  # the local engine alone
    if not isinstance(engines, Mapping) or DEFAULT_ALIAS not in engines:
        return [_engine_error(f"The setting ENGINES has no entry {DEFAULT_ALIAS!r}; found: {engines!r}.")]
    return [
        _engine_error(f"ENGINES[{alias!r}]: {problem}")
        for alias, entry in engines.items()
        if (problem := _path_problem(entry))
    ]


def check_engines_start(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with each engine that is made; for `check --deploy`, as it loads libraries."""
    if check_engine_paths():
        return []  # said already
    found: list[CheckMessage] = []
    for alias in engine_aliases():
        try:
            problems = get_engine(alias).check()
        except ImproperlyConfigured as error:
            found.append(_engine_error(str(error)))
        else:
            found += [
                Warning(f"ENGINES[{alias!r}]: {each.message}", hint=each.hint, id="precision_engine.W001")
                for each in problems
            ]
    return found


def _alias() -> str:
    """Return the database of our tables."""
    return router.db_for_write(apps.get_model("precision_engine", "Run"))


def _path_problem(entry: object) -> str:
    """Return what is wrong with the dotted path of an entry, or nothing."""
    path = entry.get("BACKEND") if isinstance(entry, Mapping) else None
    if not isinstance(path, str) or "." not in path:
        return f"it names no BACKEND by a dotted path; found: {entry!r}."
    module = path.rpartition(".")[0]
    try:
        return "" if find_spec(module) else f"there is no module {module!r}."
    except (ImportError, ValueError) as error:
        return f"the module {module!r} cannot be found ({error})."


def _engine_error(message: str) -> Error:
    return Error(
        message,
        hint='Like {"default": {"BACKEND": "precision.engine.backends.local.LocalEngine", "OPTIONS": {}}}.',
        id="precision_engine.E004",
    )
