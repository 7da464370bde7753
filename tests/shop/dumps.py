"""What the database holds, as text."""

import io
from collections.abc import Iterator

from django.db import connection


def dumped() -> Iterator[tuple[str, str]]:
    """Yield every table of the database with its rows as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for (name,) in cursor.fetchall():
            text = io.BytesIO()
            with cursor.copy(f'COPY "{name}" TO STDOUT') as copy:
                for piece in copy:
                    text.write(piece)
            yield name, text.getvalue().decode()


def naming(*values: str) -> set[str]:
    """Return the tables that hold one of the values, in any case."""
    return {name for name, text in dumped() for value in values if value.lower() in text.lower()}
