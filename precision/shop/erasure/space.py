"""Dead rows on disk: PostgreSQL keeps what was changed or deleted until VACUUM, and samples of it in its statistics."""

import re
from collections.abc import Collection
from typing import Final

from django.db import connection
from psycopg import sql

_TABLE: Final = re.compile(r"[a-z_][a-z0-9_]*")


def transaction_number() -> int:
    """Return the number of the running transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        return int(cursor.fetchone()[0])


def is_table(name: str) -> bool:
    """Return whether the database has a table of that name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_class WHERE relname = %s AND relkind IN ('r', 'p'))", [name]
        )
        return bool(cursor.fetchone()[0])


def sweep(tables: Collection[str], *, since: int) -> bool:
    """VACUUM the tables with all their indexes and sample them anew; return whether nothing older was in the way.

    False: a transaction that began before number `since` ended still runs somewhere, so that dead rows had to stay;
    0 does not ask.
    Must run outside any transaction. The samples of the columns (pg_statistic) are cleared of their own dead rows too,
    where the role may do that.
    """
    clear = not since or not _held_up(since)
    with connection.cursor() as cursor:
        for name in sorted(set(tables)):
            if not _TABLE.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a table of ours; VACUUM takes no parameters.")
            cursor.execute(
                sql.SQL("VACUUM (ANALYZE, INDEX_CLEANUP ON, SKIP_LOCKED OFF) {}").format(sql.Identifier(name))
            )
        cursor.execute("VACUUM pg_catalog.pg_statistic")
    return clear


def _held_up(since: int) -> bool:
    """Return whether a snapshot older than the transaction is still in use.

    What this role may not see of other sessions does not count.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_xmin IS NOT NULL "
            "AND age(backend_xmin) >= age(((%s::numeric %% 4294967296)::bigint::text)::xid))",
            [since],
        )
        return bool(cursor.fetchone()[0])
