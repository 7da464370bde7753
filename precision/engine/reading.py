"""Rows out in bulk: the result of a query as a Polars frame, through ADBC and Arrow."""

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


def read_frame(query: str) -> pl.DataFrame:
    """Return the rows of an SQL query; columns arrive as Arrow, without a Python object per value.

    Sees committed rows only, because ADBC has a connection of its own. Values must be written into the query by the
    caller, as whole numbers (`{value:d}`) or constants of ours, never as text from outside.
    """
    parameters = connection.get_connection_params()
    known = {key: value for key, value in parameters.items() if key in LIBPQ and value}
    with adbc.connect(make_conninfo(**known)) as link, link.cursor() as cursor:
        cursor.execute(query)
        return pl.DataFrame(cursor.fetch_arrow_table())
