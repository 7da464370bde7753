"""The manifest: one small file that says which parts are the lake; whoever replaces it replaces the lake."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from precision.shop.history.errors import LakeDamagedError, LakeVersionError
from precision.shop.history.layout import MANIFEST_VERSION, SCHEMA_VERSION

NAME = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """Which PostgreSQL the horizons count in."""

    system: str
    """The cluster's system identifier; empty where PostgreSQL does not tell it."""
    timeline: str
    """Changes when a backup is restored to a point in time or a standby takes over: transactions may be gone."""
    number: int
    """Of the database within the cluster."""
    born: str
    """When its tables were made; goes along when the database is dumped and restored elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformState:
    """How far a platform is exported."""

    timezone: str
    """In which the local columns of its parts were written."""
    horizon: int
    """All rows written by transactions below it are in the lake."""
    highest_order: int = 0
    """No order above it has ever been exported."""
    dropped: dict[str, int] = field(default_factory=dict)
    """Table → epoch second: rows received before it may be gone from PostgreSQL and live in the lake only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An immutable file of the lake."""

    path: str
    """Relative to the lake."""
    table: str
    platform: int
    sequence: int
    """Number of the export that wrote it."""
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(File):
    """Rows of one table, platform and month."""

    month: int
    """Year × 100 + month, UTC."""
    first: int
    """Epoch second of its earliest row."""
    last: int
    """Epoch second of its latest row."""
    schema: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(File):
    """Keys that are not to be read from parts of an earlier export: their rows came anew, or were removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """A file that is no longer part of the lake, kept a while for readers that began before."""

    path: str
    since: int
    """Epoch second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One state of the lake."""

    database: Database
    sequence: int = 0
    platforms: dict[int, PlatformState] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    changes: tuple[Changes, ...] = ()
    retired: tuple[Retired, ...] = ()
    version: int = MANIFEST_VERSION

    def files(self) -> Iterable[File]:
        """Yield every file that is read."""
        yield from self.parts
        yield from self.changes

    def without(self, gone: Callable[[File], bool], *, now: int) -> "Manifest":
        """Return the manifest with the files for which `gone` holds retired."""
        leaving = [file for file in self.files() if gone(file)]
        return replace(
            self,
            parts=tuple(part for part in self.parts if not gone(part)),
            changes=tuple(each for each in self.changes if not gone(each)),
            retired=(*self.retired, *(Retired(path=file.path, since=now) for file in leaving)),
        )

    def encoded(self) -> bytes:
        """Return the manifest as JSON."""
        return orjson.dumps(asdict(self), option=orjson.OPT_NON_STR_KEYS | orjson.OPT_INDENT_2)


def load(root: Path) -> Manifest | None:
    """Return the lake's manifest; None when there is none yet.

    Raises LakeVersionError when a newer version wrote it, LakeDamagedError when it cannot be read.
    """
    path = root / NAME
    try:
        raw = orjson.loads(path.read_bytes())
        version = raw["version"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LakeDamagedError(_unreadable(path, error)) from error
    schemas = [part.get("schema", 0) for part in raw.get("parts", [])]
    if version > MANIFEST_VERSION or max(schemas, default=0) > SCHEMA_VERSION:
        raise LakeVersionError(
            f"The history in {root} was written in version {version} (columns {max(schemas, default=0)}), newer than "
            f"{MANIFEST_VERSION} (columns {SCHEMA_VERSION}) that this software knows; update the software, or set "
            "HISTORY to another folder."
        )
    try:
        return _decoded(raw)
    except (KeyError, TypeError, ValueError) as error:
        raise LakeDamagedError(_unreadable(path, error)) from error


def _decoded(raw: dict[str, Any]) -> Manifest:
    return Manifest(
        version=raw["version"],
        database=Database(**raw["database"]),
        sequence=raw["sequence"],
        platforms={int(key): PlatformState(**state) for key, state in raw["platforms"].items()},
        parts=tuple(Part(**part) for part in raw["parts"]),
        changes=tuple(Changes(**each) for each in raw["changes"]),
        retired=tuple(Retired(**each) for each in raw["retired"]),
    )


def _unreadable(path: Path, error: Exception) -> str:
    return (
        f"{path} is no manifest of a history ({type(error).__name__}: {error}); restore it from a backup, or run "
        "export_history --rebuild, which sets the files aside and writes anew what PostgreSQL has (events that it no "
        "longer keeps are then in the files set aside only)."
    )
