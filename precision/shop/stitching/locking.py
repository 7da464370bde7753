"""Who may write people at the same time.

Two locks of PostgreSQL on one number per organisation. Whoever only adds to a person (a new device of a known customer)
shares it; whoever recomputes people holds it alone. Nobody asks for the second while holding the first in the same
savepoint, because two who did would wait for each other.
"""

from django.db import connection

_SPACE = 0x4A4F494E  # namespace of these advisory locks: “JOIN”


def share(organisation_id: int) -> None:
    """Wait until nobody recomputes people of the organisation, and keep them waiting until the transaction ends."""
    _take("pg_advisory_xact_lock_shared", organisation_id)


def alone(organisation_id: int) -> None:
    """Wait until nobody else writes people of the organisation, and keep others waiting until the transaction ends."""
    _take("pg_advisory_xact_lock", organisation_id)


def _take(function: str, organisation_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [_SPACE, organisation_id])
