"""Dead rows on disk: PostgreSQL keeps what was changed or deleted until VACUUM, and samples of it in its statistics."""

from collections.abc import Collection
from typing import Final

from django.db import connection
from psycopg import sql

CLEARS_STATISTICS: Final = 180_000
"""Version of PostgreSQL from which on a function clears the samples of a column."""
# Not of numbers and times: they tell nobody's name, and keys hang on them.
_SAMPLED: Final = """
SELECT n.nspname, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid AND t.typcategory IN ('S', 'A', 'U')
JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
WHERE c.relname = %s AND NOT s.inherited AND pg_table_is_visible(c.oid)
"""


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
            cursor.execute(sql.SQL("VACUUM (ANALYZE, INDEX_CLEANUP ON) {}").format(sql.Identifier(name)))
        for name in _parents(tables):  # the samples over all partitions are apart
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))
        for name in sorted(set(tables)):
            cursor.execute(sql.SQL("SELECT NOT EXISTS (SELECT FROM {})").format(sql.Identifier(name)))
            if cursor.fetchone() == (True,):
                _forget_samples(name)
        cursor.execute("VACUUM pg_catalog.pg_statistic")
    return clear


def _parents(tables: Collection[str]) -> list[str]:
    """Return the partitioned tables that some of the tables are partitions of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT p.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_class p ON p.oid = i.inhparent WHERE c.relname = ANY(%s)",
            [list(tables)],
        )
        return sorted(name for (name,) in cursor.fetchall())


def _forget_samples(table: str) -> None:
    """Clear the samples of a table that is empty now: ANALYZE leaves those as they were."""
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLED, [table])
        columns = cursor.fetchall()
        if not columns:
            return
        if connection.connection.info.server_version >= CLEARS_STATISTICS:
            for schema, column, _ in columns:
                cursor.execute("SELECT pg_clear_attribute_stats(%s, %s, %s, false)", [schema, table, column])
            return
        # To give a column the type that it has takes its samples away, and rewrites nothing. The type is PostgreSQL's
        # own writing of it.
        changes = sql.SQL(", ").join(
            sql.SQL("ALTER COLUMN {} TYPE {}").format(sql.Identifier(column), sql.SQL(kind))
            for _, column, kind in columns
        )
        cursor.execute(sql.SQL("ALTER TABLE {} {}").format(sql.Identifier(table), changes))


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
