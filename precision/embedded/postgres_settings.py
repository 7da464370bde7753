"""PostgreSQL's configuration files, written anew at every start."""

import os
from pathlib import Path

from precision.embedded.postgres_data import SUPERUSER
from precision.embedded.privileges import Account, user_names

NAME = "precision"  # of the role and of its database
# Containers give /dev/shm 64 MB, and one parallel hash join may ask for more.
SMALL_SHARED_MEMORY_BYTES = 512 * 2**20

# For a machine of two cores and 4 GiB that also computes. ALTER SYSTEM overrides any of them.
SETTINGS = {
    "shared_buffers": "512MB",
    "effective_cache_size": "2GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_connections": "100",
    "max_parallel_workers": "2",
    "io_workers": "2",
    "random_page_cost": "1.1",
    "jit": "off",
    # Bulk loads: few checkpoints; and no standby server exists, so that COPY into a table made in the same
    # transaction need not be logged, too.
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # A session that was forgotten in a transaction keeps VACUUM away; no job of ours rests that long.
    "idle_in_transaction_session_timeout": "1h",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_checkpoints": "off",
    "log_line_prefix": "'%m [%p] %q%u@%d '",
    # A refused statement and the row that broke a rule hold people's values, which no log may keep.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "default_text_search_config": "'pg_catalog.simple'",
}
# A crash of the machine may lose throw-away data; a killed server still loses nothing that was committed.
THROW_AWAY = {"fsync": "off", "full_page_writes": "off"}


def configure(data: Path, *, account: Account, durable: bool) -> None:
    """Write the settings and who may connect; what people set with ALTER SYSTEM lies elsewhere and stays."""
    settings = {
        **SETTINGS,
        **({} if durable else THROW_AWAY),
        "dynamic_shared_memory_type": shared_memory_type(),
    }
    _write(data / "postgresql.conf", [f"{key} = {value}" for key, value in settings.items()], account=account)
    # The socket's folder is closed to others already; where the system's users have names, those count, too.
    names = user_names(account)
    method = "trust" if names is None else "peer map=precision"
    _write(data / "pg_hba.conf", [f"local all all {method}"], account=account)
    allowed = [f'precision "{name}" {role}' for name in names or [] for role in (SUPERUSER, NAME)]
    _write(data / "pg_ident.conf", allowed, account=account)


def _write(path: Path, lines: list[str], *, account: Account) -> None:
    account.write(
        path, "\n".join(["# Written anew at every start; use ALTER SYSTEM for settings.", *lines, ""])
    )


def shared_memory_type(folder: str = "/dev/shm") -> str:
    """Return how parallel queries share memory: `posix` goes through /dev/shm, `sysv` does not."""
    try:
        size = os.statvfs(folder)
    except OSError:
        return "posix"
    return "posix" if size.f_blocks * size.f_frsize >= SMALL_SHARED_MEMORY_BYTES else "sysv"
