"""How long each kind of data is kept, and the nightly work of letting go of what is older."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.module_loading import import_string

from precision.shop import dead_letters, erasure, history, uploads
from precision.shop.erasure import facts, files
from precision.shop.models import Identity, Platform

logger = logging.getLogger(__name__)

DEFAULTS: Final = MappingProxyType(
    {
        "dead_letters": 30,
        "rejects": 30,
        "uploads": 7,
        "events": 365,
        "exposures": 365,
        "inactive_customers": None,
    }
)
"""Days that each kind is kept; None: for ever. `Platform.retention` has the same keys, for what is to be otherwise."""
LEAST: Final = MappingProxyType({"events": 92, "exposures": 31})
"""Events are known again for 90 days, exposures are looked up when somebody clicks: fewer days would break that."""
ENDLESS: Final = frozenset({"events", "exposures", "inactive_customers"})
"""What may be kept for ever; the others repeat what somebody sent, for the case that it was a mistake."""
PARTITIONED: Final = ("events", "exposures")
INACTIVE_AT_ONCE: Final = 2_000
"""Inactive customers of a platform that one night forgets."""
# People of whom nothing was heard on the platform since: no order, no event, no word about their profile.
_INACTIVE: Final = """
SELECT i.id FROM precision_shop_identity i
LEFT JOIN precision_shop_profile p ON p.identity_id = i.id
WHERE i.platform_id = %(platform)s AND i.kind = 'customer_id' AND i.created_at < %(before)s
  AND i.value !~ %(erased)s AND coalesce(p.updated_at < %(before)s, true)
  AND NOT EXISTS (
    SELECT FROM precision_shop_identity own
    WHERE own.customer_id = i.customer_id AND own.platform_id = i.platform_id AND (
        EXISTS (SELECT FROM precision_shop_order o WHERE o.identity_id = own.id AND o.placed_at >= %(before)s)
        OR EXISTS (SELECT FROM precision_shop_event e WHERE e.identity_id = own.id AND e.at >= %(before)s)))
ORDER BY i.id LIMIT %(most)s
"""


@dataclass(slots=True, kw_only=True)
class Expired:
    """What one night let go of."""

    dead_letters: int = 0
    files: int = 0
    partitions: list[str] = field(default_factory=list)
    rows: int = 0
    """Events and exposures of platforms that keep them for less long than others."""
    inactive_customers: int = 0
    sessions: bool = False
    """Sessions of staff whose time was over were cleared."""
    failed: list[str] = field(default_factory=list)
    """What could not be done, and why; the next night tries again."""


def validate(given: Any) -> None:
    """Raise ValidationError unless it says, by kind, for how many days data are kept (null: for ever)."""
    if not isinstance(given, dict):
        raise ValidationError('Write an object with days by kind, like {"dead_letters": 14}.')
    for kind, days in given.items():
        if kind not in DEFAULTS:
            raise ValidationError(f"There is no kind “{kind}”; there are {', '.join(DEFAULTS)}.")
        least = LEAST.get(kind, 1)
        if days is None and kind not in ENDLESS:
            raise ValidationError(f"“{kind}” cannot be kept for ever; write whole days.")
        if days is not None and (type(days) is not int or not least <= days <= 36_500):
            raise ValidationError(f"“{kind}” is {days!r}; write whole days from {least} to 36500.")


def days(platform: Platform, kind: str) -> int | None:
    """Return for how many days the platform keeps data of the kind; None: for ever.

    A value that `validate` would refuse counts as the default.
    """
    given = platform.retention if isinstance(platform.retention, dict) else {}
    if kind not in given:
        return DEFAULTS[kind]
    try:
        validate({kind: given[kind]})
    except ValidationError:
        logger.warning("The retention of %s on %s is malformed; the default counts.", kind, platform.key)
        return DEFAULTS[kind]
    found: int | None = given[kind]
    return found


def expire(now: datetime) -> Expired:
    """Let go of what is older than it is kept; return what that was. Safe to repeat; call it outside a transaction.

    Events and exposures go only once the history has them. One thing that fails keeps no other from being done.
    """
    done = Expired()
    shops = list(Platform.objects.all())
    done.dead_letters = dead_letters.expire(now)
    for shop in shops:
        for kind in ("rejects", "uploads"):
            done.files += _remove_files(kind, shop, now)
    done.files += uploads.expire(now)
    for table in PARTITIONED:
        _drop(table, shops, now, done)
    for shop in shops:
        done.inactive_customers += _forget_inactive(shop, now)
    if apps.is_installed("django.contrib.sessions"):
        import_string(f"{settings.SESSION_ENGINE}.SessionStore").clear_expired()
        done.sessions = True
    erasure.advance_all()
    return done


def _before(shop: Platform, kind: str, now: datetime) -> datetime | None:
    kept = days(shop, kind)
    return None if kept is None else now - timedelta(days=kept)


def _remove_files(kind: str, shop: Platform, now: datetime) -> int:
    """Delete the platform's files of a folder under VAR that are older; return how many."""
    before = _before(shop, kind, now)
    if before is None:
        return 0
    gone = 0
    for path in _files_of(files.root() / kind, shop):
        if datetime.fromtimestamp(path.stat().st_mtime, tz=UTC) < before:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _files_of(folder: Path, shop: Platform) -> list[Path]:
    """Return the files called `KEY-…`, less those of a platform whose key begins with this one's."""
    others = [
        f"{key}-" for key in Platform.objects.exclude(pk=shop.pk).values_list("key", flat=True)
        if key.startswith(f"{shop.key}-")
    ]  # fmt: skip
    return [
        path
        for path in sorted(folder.glob(f"{shop.key}-*"))
        if path.is_file() and not path.name.startswith(tuple(others))
    ]


def _drop(table: str, shops: list[Platform], now: datetime, done: Expired) -> None:
    """Drop the months of a table that no platform keeps, and the older rows of those that keep less."""
    bounds = {shop: _before(shop, table, now) for shop in shops}
    if not bounds:
        return
    try:
        if all(bounds.values()):
            oldest = min(bound for bound in bounds.values() if bound is not None)
            done.partitions += history.drop_exported(table, oldest.date()).partitions
        for shop, bound in bounds.items():
            if bound is not None and days(shop, table) != DEFAULTS[table]:
                done.rows += history.drop_exported(table, bound.date(), platform=shop).rows
    except history.HistoryError as error:
        done.failed.append(f"{table}: {error}")


def _forget_inactive(shop: Platform, now: datetime) -> int:
    """Ask for the erasure of people who were inactive for too long; return how many."""
    before = _before(shop, "inactive_customers", now)
    if before is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _INACTIVE,
            {
                "platform": shop.pk, "before": before, "erased": facts.MADE, "most": INACTIVE_AT_ONCE,
            },
        )  # fmt: skip
        found = [number for (number,) in cursor.fetchall()]
    for identity in Identity.objects.filter(pk__in=found).select_related("platform"):
        erasure.request(identity, by="retention")
    return len(found)
