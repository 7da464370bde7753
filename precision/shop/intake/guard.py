"""How intake and erasure keep out of each other's way.

A writer remembers numbers of identities between writes. Were it to write under a number that is just being erased, rows
of a person would stay behind. So writers share a lock that an erasure holds alone, and read `Organisation.erasures`
after they have it.
"""

from collections.abc import Collection

from django.db import connection

_SPACE = 0x45524153  # namespace of these advisory locks: “ERAS”


def share(organisations: Collection[int], *, patience: str) -> dict[int, int]:
    """Return how many people were erased so far, by organisation; none is erased until the transaction ends.

    From then on the transaction waits at most `patience` (PostgreSQL's `lock_timeout`) for each lock. Two queries: what
    the second reads is what was committed when the first had the locks.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true), pg_advisory_xact_lock_shared(%s, o::int) "
            "FROM unnest(%s::bigint[]) AS o",
            [patience, _SPACE, sorted(organisations)],
        )
        cursor.execute(
            "SELECT id, erasures FROM precision_shop_organisation WHERE id = ANY(%s)", [list(organisations)]
        )
        return dict(cursor.fetchall())


def alone(organisation: int) -> None:
    """Wait until no event of the organisation is being written, and keep new ones waiting until the transaction ends.

    An erasure calls it before it looks for what to erase.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SPACE, organisation])
