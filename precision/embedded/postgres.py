"""The embedded PostgreSQL as a server: how it is started, whether it answers, its role and database."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import psycopg

from precision.embedded import binaries
from precision.embedded.daemon import Daemon
from precision.embedded.errors import EmbeddedError, how_to_mend
from precision.embedded.paths import PORT, Layout
from precision.embedded.postgres_data import SUPERUSER, check_data, clear_remains, create_data
from precision.embedded.postgres_settings import NAME, configure
from precision.embedded.privileges import Account
from precision.embedded.process import tail


def postgres_daemon(
    layout: Layout, *, account: Account, durable: bool, notify: Callable[[str], object]
) -> Daemon:
    """Describe this layout's PostgreSQL; with `durable=False` a crash of the machine may lose its data."""
    data = str(layout.postgres)
    program = binaries.postgres_program("postgres")
    # The command line says what ALTER SYSTEM must not change: no TCP, and the one socket that clients know.
    command = (
        str(program), "-D", data, "-c", "listen_addresses=", "-c", f"port={PORT}",
        "-c", f"unix_socket_directories={layout.sockets}", "-c", "unix_socket_permissions=0700",
    )  # fmt: skip
    log = layout.log / "postgres.log"

    def prepare(lock: int) -> None:
        check_data(layout)
        if not layout.postgres.exists():
            notify("Creating the PostgreSQL data folder")
            create_data(layout, account=account, durable=durable, log=log, lock=lock)
        clear_remains(layout)
        configure(layout.postgres, account=account, durable=durable)

    return Daemon(
        title="PostgreSQL",
        lock=layout.locks / "postgres",
        log=log,
        account=account,
        command=command,
        needs=(binaries.postgres_folder() / "share" / "postgres.bki", layout.postgres, layout.sockets),
        owns=lambda line: f"/postgres -D {data} -c listen_addresses=" in line,
        prepare=prepare,
        probe=lambda: _why_not_ready(layout),
        stop_signal=signal.SIGINT,  # "fast": sessions are ended, the data written
        kill_signal=signal.SIGQUIT,  # "immediate": the next start recovers
    )


def ensure_database(layout: Layout, *, durable: bool) -> None:
    """Make the role and the database unless they are there; call it while holding the start lock.

    Raises EmbeddedError when the server that answers works on other data, is a throw-away one and must not
    be, or refuses to write.
    """
    try:
        with _connect(layout) as connection:
            _check_server(connection, layout=layout, durable=durable)
            _make_role_and_database(connection)
    except psycopg.Error as error:
        raise EmbeddedError(
            f"PostgreSQL cannot make its role and database: {str(error).strip()}",
            where=layout.postgres,
            remedy=how_to_mend(layout.var),
            log=tail(layout.log / "postgres.log"),
        ) from error


def _check_server(connection: psycopg.Connection, *, layout: Layout, durable: bool) -> None:
    folder = _value(connection, "SHOW data_directory")
    if Path(folder).resolve() != layout.postgres:
        raise EmbeddedError(
            f"The PostgreSQL that answers works on {folder}, not on {layout.postgres}.",
            where=layout.postgres_socket,
            remedy="stop that server",
        )
    if durable and _value(connection, "SHOW fsync") == "off":
        raise EmbeddedError(
            "PostgreSQL runs as a throw-away server (fsync=off), and durable data are wanted.",
            where=layout.postgres,
            remedy="end the command that started it so, then try again",
        )


def _make_role_and_database(connection: psycopg.Connection) -> None:
    # No superuser: what reaches the database through the application must not read files of the machine.
    if _value(connection, "SELECT count(*) FROM pg_roles WHERE rolname = %s", NAME) == "0":
        connection.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB NOSUPERUSER")
    if _value(connection, "SELECT count(*) FROM pg_database WHERE datname = %s", NAME) == "0":
        connection.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")


def _connect(layout: Layout) -> psycopg.Connection:
    return psycopg.connect(
        host=str(layout.sockets),
        port=PORT,
        user=SUPERUSER,
        dbname="postgres",
        autocommit=True,
        connect_timeout=10,
    )


def _value(connection: psycopg.Connection, query: str, *parameters: str) -> str:
    row = connection.execute(query, parameters).fetchone()
    return str(row[0]) if row else ""


def _why_not_ready(layout: Layout) -> str:
    """Return why PostgreSQL takes no sessions yet; raise what will not pass by waiting."""
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(layout.postgres_socket))
    except OSError as error:
        return error.strerror or str(error)
    try:
        _connect(layout).close()
    except psycopg.OperationalError as error:
        text = str(error).strip()
        # "… is starting up", "… in recovery mode", "… not yet accepting connections", "… shutting down".
        if "the database system is " in text:
            return _progress(layout) or text.rpartition("FATAL:")[2].strip()
        # It ended between the two connections: the caller sees that.
        if any(
            end in text for end in ("server closed the connection", "refused", "No such file", "reset by")
        ):
            return text
        raise EmbeddedError(
            f"PostgreSQL runs, but refuses us: {text}",
            where=layout.postgres_socket,
            remedy=f"compare {layout.postgres / 'pg_hba.conf'}; the next start of the server writes it anew",
        ) from error
    return ""


def _progress(layout: Layout) -> str:
    """Return what the log says of the recovery's progress; empty when it says nothing (yet)."""
    lines = tail(layout.log / "postgres.log", lines=3).splitlines()
    progress = [line for line in lines if "in progress" in line]
    return progress[-1].rpartition("LOG:")[2].strip() if progress else ""
