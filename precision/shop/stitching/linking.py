"""Evidence at intake: two names of one person, and the join that follows from it at once."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from psycopg.types.json import Jsonb

from precision.shop.methods.people import (
    ACCOUNT,
    ANONYMOUS,
    CLAIMED,
    PROPOSING,
    RULE_VERSION,
    SHAREABLE,
    Held,
)
from precision.shop.stitching import locking
from precision.shop.stitching.closure import REMAINING, quoted
from precision.shop.stitching.writing import Cause, recompute

STAFF = "staff"
SAME_VALUE = "same-value"


@dataclass(frozen=True, slots=True)
class Link:
    """Evidence that two identities of one organisation, by their numbers, are one person."""

    first: int
    second: int
    origin: str
    """What told us: identify, alias, order, profile … (20 characters); the same pair may be told by several."""
    verified: bool
    """Told by the shop's server, by staff, or by a browser with a valid user_hash."""
    at: datetime
    """When it was told: earlier evidence joins first."""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A link beside what the database knows of it."""

    link: Link
    kinds: tuple[str, str]
    customers: tuple[int, int]
    stored: bool
    """There is a link of this pair and origin."""
    stale: bool
    """That link remains, and the new word makes it verified or earlier."""
    vetoed: bool
    """Staff refused this pair, or undid it, when something else told it."""
    repeated: bool
    """An active link that goes before this one joins the pair already."""
    alone: tuple[bool, bool]
    """Whether each end has no other link."""
    shared: tuple[bool, bool]
    """Whether each end is known as a name of too many accounts."""


# Per link: is it stored, may it join, what stands beside it. All by the two indexes that lead with an end of a link.
_LOOK = f"""
SELECT w.n, a.id, b.id, a.kind, b.kind, a.customer_id, b.customer_id, pa.organisation_id, pb.organisation_id,
    s.id IS NOT NULL,
    s.id IS NOT NULL AND s.status IN ('active', 'proposed') AND (w.verified AND NOT s.verified OR w.at < s.at),
    s.id IS NULL AND EXISTS (
        SELECT FROM precision_shop_identitylink l
        WHERE l.first_id = w.first AND l.second_id = w.second AND l.status IN ('refused', 'undone')
          AND l.origin <> '{STAFF}'),
    s.id IS NULL AND EXISTS (
        SELECT FROM precision_shop_identitylink l
        WHERE l.first_id = w.first AND l.second_id = w.second AND l.status = 'active' AND l.decided_at IS NULL
          AND (l.verified > w.verified OR l.verified = w.verified AND l.at <= w.at)),
    {{alone_a}}, {{alone_b}}, {{shared_a}}, {{shared_b}}
FROM unnest(%(firsts)s::bigint[], %(seconds)s::bigint[], %(origins)s::text[], %(verified)s::bool[],
            %(ats)s::timestamptz[]) WITH ORDINALITY AS w(first, second, origin, verified, at, n)
LEFT JOIN precision_shop_identity a ON a.id = w.first
LEFT JOIN precision_shop_platform pa ON pa.id = a.platform_id
LEFT JOIN precision_shop_identity b ON b.id = w.second
LEFT JOIN precision_shop_platform pb ON pb.id = b.platform_id
LEFT JOIN precision_shop_identitylink s ON s.first_id = w.first AND s.second_id = w.second AND s.origin = w.origin
ORDER BY w.n
"""


def _alone(end: str, of: str) -> str:
    """Return the condition that an anonymous end has no link that remains."""
    return f"""s.id IS NULL AND {of}.kind = '{ANONYMOUS}'
        AND NOT EXISTS (SELECT FROM precision_shop_identitylink l WHERE l.first_id = {end} AND {REMAINING})
        AND NOT EXISTS (SELECT FROM precision_shop_identitylink l WHERE l.second_id = {end} AND {REMAINING})"""


def _shared(end: str, of: str) -> str:
    """Return the condition that a link of this end is held because the end is shared."""
    return f"""s.id IS NULL AND {of}.kind IN ({quoted(SHAREABLE)})
        AND (EXISTS (SELECT FROM precision_shop_identitylink l
                     WHERE l.first_id = {end} AND {REMAINING} AND l.held = '{Held.SHARED}')
             OR EXISTS (SELECT FROM precision_shop_identitylink l
                        WHERE l.second_id = {end} AND {REMAINING} AND l.held = '{Held.SHARED}'))"""


LOOK = _LOOK.format(
    alone_a=_alone("w.first", "a"), alone_b=_alone("w.second", "b"),
    shared_a=_shared("w.first", "a"), shared_b=_shared("w.second", "b"),
)  # fmt: skip
_ADD = f"""
INSERT INTO precision_shop_identitylink
    (organisation_id, first_id, second_id, origin, verified, status, held, evidence, rule_version, at)
SELECT %(organisation)s, w.first, w.second, w.origin, w.verified, w.status, w.held, w.evidence, {RULE_VERSION}, w.at
FROM unnest(%(firsts)s::bigint[], %(seconds)s::bigint[], %(origins)s::text[], %(verified)s::bool[],
            %(ats)s::timestamptz[], %(states)s::text[], %(helds)s::text[], %(evidence)s::jsonb[])
     AS w(first, second, origin, verified, at, status, held, evidence)
ON CONFLICT (first_id, second_id, origin) DO UPDATE
SET verified = precision_shop_identitylink.verified OR excluded.verified,
    at = least(precision_shop_identitylink.at, excluded.at), position = pg_current_xact_id()::text::bigint
WHERE precision_shop_identitylink.status IN ('active', 'proposed')
RETURNING id, first_id, second_id
"""
# One value on several platforms is one name: each that somebody vouched for is linked to the first of them.
_EQUALS = f"""
SELECT told.id, min(other.id), max(other.created_at) FILTER (WHERE other.id <= told.id)
FROM precision_shop_identity told
JOIN precision_shop_platform shop ON shop.organisation_id = %(organisation)s
JOIN precision_shop_identity other
    ON other.platform_id = shop.id AND other.kind = told.kind AND other.value = told.value
WHERE told.id = ANY(%(ids)s) AND told.kind IN ({quoted(CLAIMED)})
GROUP BY told.id HAVING min(other.id) < told.id
"""
# The new device of a known customer: it goes there, and the ledger says so. Rows are locked in the order of ids.
_ADOPT = f"""
WITH told AS (
    SELECT * FROM unnest(%(links)s::bigint[], %(devices)s::bigint[], %(accounts)s::bigint[])
        AS w(link, device, account)
), moved AS (
    UPDATE precision_shop_identity AS i
    SET customer_id = a.customer_id, home_id = nullif(coalesce(i.home_id, i.customer_id), a.customer_id)
    FROM told JOIN precision_shop_identity a ON a.id = told.account
    WHERE i.id = told.device AND i.customer_id <> a.customer_id
    RETURNING told.link, i.id, i.customer_id AS after, told.account
), sources AS (
    SELECT m.*, i.customer_id AS before FROM moved m JOIN precision_shop_identity i ON i.id = m.id
)
INSERT INTO precision_shop_join (organisation_id, action, link_id, moves, reason, rule_version, at)
SELECT %(organisation)s, 'join', link, jsonb_build_array(jsonb_build_array(id, before, after)), '', {RULE_VERSION},
    now()
FROM sources
"""


class _RecomputingNeededError(Exception):
    """A link needs more than an addition."""


def link(organisation_id: int, links: Collection[Link]) -> None:
    """Take evidence, and make people what the rules say with it; repeating it changes nothing.

    Call it once in a transaction, last: until the commit others who recompute people of the organisation wait. A pair
    that staff refused or undid is kept, refused. Evidence about identities that are gone is dropped. Raises ValueError
    when two identities are not both of this organisation; then nothing is written.

    What is known costs one query; new devices of known customers, however many, six statements.
    """
    told = _merged(links)
    if not told:
        return
    seen = _look(organisation_id, told)
    if not any(each.stale or not each.stored for each in seen):
        return
    try:
        with transaction.atomic():
            locking.share(organisation_id)
            _add_only(organisation_id, told)
    except _RecomputingNeededError:  # the savepoint gave the lock back
        with transaction.atomic():
            locking.alone(organisation_id)
            _add_and_recompute(organisation_id, told)


def _merged(links: Iterable[Link]) -> list[Link]:
    """Return the links, each pair in order and told once by each origin: verified if ever, from the first time on."""
    told: dict[tuple[int, int, str], Link] = {}
    for each in links:
        if each.first == each.second:
            continue
        first, second = sorted((each.first, each.second))
        key = (first, second, each.origin)
        known = told.get(key)
        if known is None:
            told[key] = Link(first, second, each.origin, each.verified, each.at, each.evidence)
        else:
            earlier = min(known, each, key=lambda one: one.at)
            told[key] = Link(
                first, second, each.origin, known.verified or each.verified, earlier.at, earlier.evidence
            )
    return [told[key] for key in sorted(told)]


def _columns(links: Collection[Link]) -> dict[str, list[Any]]:
    return {
        "firsts": [each.first for each in links],
        "seconds": [each.second for each in links],
        "origins": [each.origin for each in links],
        "verified": [each.verified for each in links],
        "ats": [each.at for each in links],
    }


def _look(organisation_id: int, links: list[Link]) -> list[_Seen]:
    """Return what the database knows of each link, those of missing identities left out."""
    with connection.cursor() as cursor:
        cursor.execute(LOOK, _columns(links))
        rows = cursor.fetchall()
    seen = []
    for n, a, b, kind_a, kind_b, customer_a, customer_b, owner_a, owner_b, *flags in rows:
        if a is None or b is None:
            continue
        if {owner_a, owner_b} != {organisation_id}:
            raise ValueError(
                f"Identities {a} and {b} belong to the organisations {owner_a} and {owner_b}, and the link to "
                f"{organisation_id}; people are joined within one organisation only."
            )
        stored, stale, vetoed, repeated, *ends = flags
        seen.append(
            _Seen(
                link=links[n - 1],
                kinds=(kind_a, kind_b),
                customers=(customer_a, customer_b),
                stored=stored,
                stale=stale,
                vetoed=vetoed,
                repeated=repeated,
                alone=(ends[0], ends[1]),
                shared=(ends[2], ends[3]),
            )
        )
    return seen


def _add_only(organisation_id: int, told: list[Link]) -> None:
    """Add the links under the shared lock; raise _RecomputingNeededError when one needs more."""
    _lock_devices(told)
    seen = _look(organisation_id, told)
    uses: dict[int, int] = {}
    for each in seen:
        for end in (each.link.first, each.link.second):
            uses[end] = uses.get(end, 0) + 1
    rows: list[tuple[Link, str, str]] = []
    adopted: dict[tuple[int, int], tuple[int, int]] = {}
    for each in seen:
        if each.stored and not each.stale:
            continue
        state = _state_without_joining(each)
        device = None if state else _new_device(each, uses)
        if state is None and device is None:
            raise _RecomputingNeededError
        if device is not None:
            adopted[each.link.first, each.link.second] = device
        rows.append((each.link, *(state or ("active", ""))))
    made = _insert(organisation_id, rows)
    found = [(link, *adopted[first, second]) for link, first, second in made if (first, second) in adopted]
    if found:
        with connection.cursor() as cursor:
            cursor.execute(
                _ADOPT,
                {
                    "organisation": organisation_id,
                    "links": [each[0] for each in found],
                    "devices": [each[1] for each in found],
                    "accounts": [each[2] for each in found],
                },
            )


def _lock_devices(told: list[Link]) -> None:
    """Let nobody else link the same anonymous ids meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM precision_shop_identity WHERE id = ANY(%s) AND kind = %s ORDER BY id FOR NO KEY UPDATE",
            [list(_ends(told)), ANONYMOUS],
        )


def _state_without_joining(seen: _Seen) -> tuple[str, str] | None:
    """Return the state of a link that certainly moves nobody; None: that is not certain."""
    if seen.stale:
        return None
    if seen.vetoed:
        return "refused", ""
    if seen.repeated:
        return "active", ""
    if seen.customers[0] == seen.customers[1]:
        return None  # it may be active though the rules would hold it alone
    if set(seen.kinds) & PROPOSING:
        return "proposed", Held.PROPOSES.value
    if not seen.link.verified and set(seen.kinds) & CLAIMED:
        return "proposed", Held.UNVERIFIED.value
    if any(seen.shared):
        return "proposed", Held.SHARED.value
    return None


def _new_device(seen: _Seen, uses: Mapping[int, int]) -> tuple[int, int] | None:
    """Return (anonymous id, account) when a link only gives a known customer a new device; else None."""
    ends = (seen.link.first, seen.link.second)
    for device, account in ((0, 1), (1, 0)):
        if seen.alone[device] and seen.kinds[account] == ACCOUNT and uses[ends[device]] == 1:
            return ends[device], ends[account]
    return None


def _insert(organisation_id: int, rows: list[tuple[Link, str, str]]) -> list[tuple[int, int, int]]:
    """Store links with their states; return number, first and second identity of each that is new or changed."""
    if not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            _ADD,
            {
                **_columns([each for each, _, _ in rows]),
                "organisation": organisation_id,
                "states": [status for _, status, _ in rows],
                "helds": [held for _, _, held in rows],
                "evidence": [Jsonb(dict(each.evidence)) for each, _, _ in rows],
            },
        )
        return [(link, first, second) for link, first, second in cursor.fetchall()]


def _add_and_recompute(organisation_id: int, told: list[Link]) -> None:
    """Add the links and recompute around them; the caller holds `locking.alone`."""
    seen = _look(organisation_id, told)
    rows = [
        (each.link, "refused" if each.vetoed else "active", "")
        for each in seen
        if each.stale or not each.stored
    ]
    made = _insert(organisation_id, rows)
    new = {(first, second) for _, first, second in made}
    counted = [each for each in seen if not each.vetoed and (each.link.first, each.link.second) in new]
    vouched = [each.link for each in counted if each.link.verified and not set(each.kinds) & PROPOSING]
    made += _insert(organisation_id, [(each, "active", "") for each in _equals(organisation_id, vouched)])
    recompute(organisation_id, _ends(each.link for each in counted), Cause(links=made))


def _ends(links: Iterable[Link]) -> set[int]:
    return {end for each in links for end in (each.first, each.second)}


def _equals(organisation_id: int, vouched: Iterable[Link]) -> list[Link]:
    """Return the links between equal e-mail addresses, phone numbers and cards of the organisation's platforms."""
    with connection.cursor() as cursor:
        cursor.execute(_EQUALS, {"organisation": organisation_id, "ids": list(_ends(vouched))})
        rows = cursor.fetchall()
    return [Link(first, told, SAME_VALUE, True, at) for told, first, at in rows]
