"""Rows out in bulk: the result of a query as Polars frames, through ADBC and Arrow.

ADBC has a connection of its own, so a reader sees committed rows only. Values must be written into a query by the
caller, as whole numbers (`{value:d}`) or constants of ours, never as text from outside.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

import adbc_driver_postgresql.dbapi as adbc
import polars as pl
from django.db import connection
from psycopg.conninfo import make_conninfo

# What libpq knows of the parameters that Django hands to psycopg.
LIBPQ = {
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "service",
}
T = TypeVar("T")
POLL_S = 0.1  # how often a waiting reader looks whether anybody still wants its frames


class Reader:
    """A connection that reads; see `consistent`."""

    def __init__(self, link: Any) -> None:
        self._link = link

    def frame(self, query: str) -> pl.DataFrame:
        """Return all rows of the query."""
        with self._link.cursor() as cursor:
            cursor.execute(query)
            return pl.DataFrame(cursor.fetch_arrow_table())

    def frames(self, query: str) -> Generator[pl.DataFrame, None, None]:
        """Yield the rows of the query piece by piece (about 16 MiB each), as they come."""
        with self._link.cursor() as cursor:
            cursor.execute(query)
            for batch in cursor.fetch_record_batch():
                yield pl.DataFrame(batch)


@contextmanager
def consistent() -> Iterator[Reader]:
    """Give a reader whose queries all see one state of the database: that at its first query."""
    with _connected() as link:
        with link.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield Reader(link)


def read_frame(query: str) -> pl.DataFrame:
    """Return the rows of an SQL query; columns arrive as Arrow, without a Python object per value."""
    with _connected() as link:
        return Reader(link).frame(query)


def ahead(source: Generator[T, None, None], *, size: int = 2) -> Iterator[T]:
    """Yield the same items, fetched by a thread that runs up to `size` items ahead of the caller.

    An error of the source is raised here; when the caller stops early, the source is closed in its thread.
    """
    queue: Queue[T | BaseException | None] = Queue(maxsize=size)
    stopped = Event()

    def put(item: T | BaseException | None) -> None:
        while not stopped.is_set():
            with suppress(Full):
                queue.put(item, timeout=POLL_S)
                return

    def fetch() -> None:
        try:
            with closing(source):
                for item in source:
                    put(item)
                    if stopped.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 - raised again where the frames are wanted
            put(error)
        else:
            put(None)

    thread = Thread(target=fetch, name="read-ahead", daemon=True)
    thread.start()
    try:
        while (item := queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()


def conninfo() -> str:
    """Return Django's database as libpq names it; it may hold the password."""
    parameters = connection.get_connection_params()
    return make_conninfo(**{key: value for key, value in parameters.items() if key in LIBPQ and value})


@contextmanager
def _connected() -> Iterator[Any]:
    """Give an ADBC connection to Django's database."""
    with adbc.connect(conninfo()) as link:
        yield link
