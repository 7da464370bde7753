"""What an erasure changes in the tables of facts: one statement a table, each safe to run again.

What is counted stays: that something happened, when, to which product, for how much. What says who it was goes. Ids
that only group rows (session, recommendation) are replaced by pseudonyms under a salt that nobody keeps, so that
visits and clicks can still be counted.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from django.db import connection

MARK: Final = "erased-"
MADE: Final = f"^{MARK}[0-9a-f]{{32}}$"
"""What the name of an erased identity looks like, to PostgreSQL."""


def _pseudonym(column: str) -> str:
    """Return the expression of a group's pseudonym; what is one already stays."""
    return (
        f"CASE WHEN {column} = '' OR {column} ~ '{MADE}' THEN {column} ELSE '{MARK}' || "
        f"substr(encode(sha256(convert_to(%(salt)s || {column}, 'UTF8')), 'hex'), 1, 32) END"
    )


# What changes moves in the log of facts, and a note of removal beside it lets the history forget what it had before.
_HERE = "pg_current_xact_id()::text::bigint"


def _moved(update: str, kind: str) -> str:
    """Return the statement that changes rows and lets the history take them anew."""
    return f"""
WITH changed AS ({update} RETURNING id, platform_id)
INSERT INTO precision_shop_removal (platform_id, "table", "row", position)
SELECT platform_id, '{kind}', id, {_HERE} FROM changed
"""


_EVENTS = _moved(
    f"""
    UPDATE precision_shop_event
    SET query = '', properties = '{{}}', session = {_pseudonym("session")},
        recommendation = {_pseudonym("recommendation")}, position = {_HERE}
    WHERE identity_id = ANY(%(identities)s)
      AND (query <> '' OR properties <> '{{}}' OR session <> {_pseudonym("session")}
           OR recommendation <> {_pseudonym("recommendation")})""",
    "event",
)
# Of the register of an order remain the times of its columns, of a refund's word its figures.
_WORDS = """
CASE WHEN words ? 'refund' THEN jsonb_set(words, '{refund,reason}', '""')
     WHEN words ? 'at' THEN jsonb_build_object('at', (
        SELECT coalesce(jsonb_object_agg(told.key, told.value), '{}') FROM jsonb_each(words -> 'at') AS told
        WHERE NOT starts_with(told.key, 'context.')))
     ELSE words END
"""
_ORDERS = f"""
WITH own AS MATERIALIZED (SELECT id FROM precision_shop_order WHERE identity_id = ANY(%(identities)s)),
notes AS MATERIALIZED (SELECT id FROM precision_shop_order WHERE refers_to_id IN (SELECT id FROM own))
UPDATE precision_shop_order
SET coupon = '', payment_method = '', context = '{{}}', words = {_WORDS}
WHERE id IN (SELECT id FROM own UNION SELECT id FROM notes)
  AND (coupon <> '' OR payment_method <> '' OR context <> '{{}}' OR words IS DISTINCT FROM {_WORDS})
"""
_EXPOSURES = _moved(
    f"""
    UPDATE precision_shop_exposure SET recommendation = {_pseudonym("recommendation")}, position = {_HERE}
    WHERE identity_id = ANY(%(identities)s) AND recommendation <> {_pseudonym("recommendation")}""",
    "exposure",
)
_SENDS = """
UPDATE precision_shop_send SET properties = '{}' WHERE identity_id = ANY(%(identities)s) AND properties <> '{}'
"""
_RESPONSES = f"""
UPDATE precision_shop_response SET properties = '{{}}', recommendation = {_pseudonym("recommendation")}
WHERE identity_id = ANY(%(identities)s) AND (properties <> '{{}}' OR recommendation <> {_pseudonym("recommendation")})
"""
_ASSIGNMENTS = "SELECT id FROM precision_shop_assignment WHERE identity_id = ANY(%(identities)s)"
_OWN_LINKS = "first_id = ANY(%(identities)s) OR second_id = ANY(%(identities)s)"
_LEDGER_LINKS = f"""
UPDATE precision_shop_join SET link_id = NULL, reason = ''
WHERE link_id IN (SELECT id FROM precision_shop_identitylink WHERE {_OWN_LINKS})
"""
_LETTERS = """
DELETE FROM precision_shop_deadletter
WHERE platform_id = ANY(%(platforms)s) AND subjects && %(subjects)s::bigint[]
"""
# Ours alone: an erased identity keeps its number, kind and place, so that the facts that name it still count.
_IDENTITIES = f"""
UPDATE precision_shop_identity
SET value = '{MARK}' || replace(gen_random_uuid()::text, '-', ''), ciphertext = NULL, customer_id = %(customer)s,
    home_id = NULL
WHERE id = ANY(%(identities)s) AND (ciphertext IS NOT NULL OR value !~ '{MADE}')
"""

STATEMENTS: Final[tuple[tuple[str, str], ...]] = (
    ("precision_shop_event", _EVENTS),
    ("precision_shop_order", _ORDERS),
    ("precision_shop_exposure", _EXPOSURES),
    ("precision_shop_send", _SENDS),
    ("precision_shop_response", _RESPONSES),
    ("precision_shop_assignment", _ASSIGNMENTS),
    ("precision_shop_consent", "DELETE FROM precision_shop_consent WHERE identity_id = ANY(%(identities)s)"),
    ("precision_shop_profile", "DELETE FROM precision_shop_profile WHERE identity_id = ANY(%(identities)s)"),
    (
        "precision_shop_referral",
        "DELETE FROM precision_shop_referral "
        "WHERE referrer_id = ANY(%(identities)s) OR referred_id = ANY(%(identities)s)",
    ),
    (
        "precision_shop_interest",
        "DELETE FROM precision_shop_interest WHERE identity_id = ANY(%(identities)s)",
    ),
    ("precision_shop_join", _LEDGER_LINKS),
    ("precision_shop_identitylink", f"DELETE FROM precision_shop_identitylink WHERE {_OWN_LINKS}"),
    ("precision_shop_deadletter", _LETTERS),
)
"""Table, and what is done in it; the number of rows that this counts is kept with the erasure. An assignment to an arm
says nothing of a person once its identity does not, so those are only counted."""


def forget(values: Mapping[str, Any]) -> dict[str, int]:
    """Empty or remove the rows of the identities; return how many rows of each table.

    `values` has `identities`, `platforms` and `subjects` (digests by which dead letters name the person).
    """
    salted = {**values, "salt": secrets.token_hex(16)}
    counts = {}
    with connection.cursor() as cursor:
        for table, statement in STATEMENTS:
            cursor.execute(statement, salted)
            counts[table] = cursor.rowcount
    return counts


def neighbours(ids: list[int]) -> list[int]:
    """Return the identities that links tie to these, and that are not among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT second_id FROM precision_shop_identitylink WHERE first_id = ANY(%(identities)s) "
            "UNION SELECT first_id FROM precision_shop_identitylink WHERE second_id = ANY(%(identities)s)",
            {"identities": ids},
        )
        return sorted({number for (number,) in cursor.fetchall()}.difference(ids))


def bury(ids: list[int], *, customer: int) -> int:
    """Make the identities names of nobody, of the given customer; return how many were names of somebody."""
    with connection.cursor() as cursor:
        cursor.execute(_IDENTITIES, {"identities": ids, "customer": customer})
        return int(cursor.rowcount)


def event_partitions(ids: list[int]) -> list[str]:
    """Return the tables that hold events or exposures of the identities."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tableoid::regclass::text FROM precision_shop_event "
            "WHERE identity_id = ANY(%(identities)s) "
            "UNION SELECT DISTINCT tableoid::regclass::text FROM precision_shop_exposure "
            "WHERE identity_id = ANY(%(identities)s)",
            {"identities": ids},
        )
        return [name for (name,) in cursor.fetchall()]
