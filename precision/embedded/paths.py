"""Where everything of the embedded servers lies, computed from the folder `var` alone."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

PORT = 5432  # only a part of the socket's name: nothing listens on TCP
LONGEST_SOCKET_PATH = 100  # bytes; the system's limit is 108 on Linux and 104 on macOS, with the final zero
# Not $XDG_RUNTIME_DIR or $TMPDIR: these differ between a shell, cron and sudo, and an address must not.
SHORT_FOLDER = Path("/tmp")
_PLAIN = re.compile(
    r"[A-Za-z0-9/_.@+~-]+"
)  # PostgreSQL splits its list of socket folders at commas and quotes


@dataclass(frozen=True)
class Layout:
    """The paths that belong to one `var` folder."""

    var: Path
    """Absolute, without symbolic links."""

    @classmethod
    def of(cls, var: Path) -> "Layout":
        """Return the layout of `var`, which need not exist yet."""
        return cls(Path(var).resolve())

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data folder."""
        return self.var / "postgres"

    @property
    def valkey(self) -> Path:
        """Valkey's data folder: append-only file and configuration."""
        return self.var / "valkey"

    @property
    def log(self) -> Path:
        """Folder of the servers' logs."""
        return self.var / "log"

    @property
    def locks(self) -> Path:
        """Folder of the lock files; they are never deleted, because a lock lives in the file's inode."""
        return self.var / "locks"

    @property
    def sockets(self) -> Path:
        """Folder of the Unix sockets: `var/run`, or a short one where that path is too long or too odd."""
        inside = self.var / "run"
        length = len(os.fsencode(inside / f".s.PGSQL.{PORT}"))
        if length < LONGEST_SOCKET_PATH and _PLAIN.fullmatch(str(inside)):
            return inside
        return SHORT_FOLDER / f"precision-{hashlib.sha256(os.fsencode(self.var)).hexdigest()[:16]}"

    @property
    def postgres_socket(self) -> Path:
        """PostgreSQL's socket."""
        return self.sockets / f".s.PGSQL.{PORT}"

    @property
    def valkey_socket(self) -> Path:
        """Valkey's socket."""
        return self.sockets / "valkey.sock"


def database_url(var: Path) -> str:
    """Return the address of the embedded PostgreSQL of `var`, for libpq, psycopg and ADBC; starts nothing.

    It names the port, too, because libpq would otherwise take the socket's name from PGPORT.
    """
    return f"postgresql://precision@/precision?host={quote(str(Layout.of(var).sockets))}&port={PORT}"


def broker_url(var: Path) -> str:
    """Return the address of the embedded Valkey of `var` as Celery (kombu) reads it; starts nothing."""
    return f"redis+socket://{quote(str(Layout.of(var).valkey_socket))}?virtual_host=0"


def cache_url(var: Path) -> str:
    """Return the address of the embedded Valkey of `var` as redis-py reads it, database 1; starts nothing."""
    return f"unix://{quote(str(Layout.of(var).valkey_socket))}?db=1"
