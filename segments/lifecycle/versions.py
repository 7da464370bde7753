"""The versions of the rule of the life cycle: which one counts for a scope, and how a new one comes about."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from segments.lifecycle.rule import StageRule
from segments.models import LifecycleRule

NUMBERS: Final = tuple(field.name for field in fields(StageRule) if field.name != "version")
"""What staff may set."""
BUILT_IN: Final = StageRule()


def current(scope: str) -> StageRule:
    """Return the rule that the next run of a scope uses: the highest version, or the built-in one. One query."""
    row = LifecycleRule.objects.filter(scope=scope).order_by("-version").first()
    return BUILT_IN if row is None else of_row(row)


def of_row(row: LifecycleRule) -> StageRule:
    """Return the rule that a stored version holds."""
    return StageRule(version=row.version, **{name: getattr(row, name) for name in NUMBERS})


def add(scope: str, numbers: Mapping[str, Any], *, reason: str, by: User | None = None) -> LifecycleRule:
    """Return a new version of the scope's rule: the one that counts now with some numbers replaced.

    It counts from the scope's next run on. Raises ValueError for a number out of its range, one of no known name, and
    without a reason.
    """
    if not reason.strip():
        raise ValueError("A reason is wanted, for those who read the versions later.")
    unknown = sorted(set(numbers) - set(NUMBERS))
    if unknown:
        raise ValueError(f"The rule has no {', '.join(unknown)}; it has {', '.join(NUMBERS)}.")
    with transaction.atomic():
        # Two at once: the second waits for the first, and gets the next number.
        latest = LifecycleRule.objects.select_for_update().filter(scope=scope).order_by("-version").first()
        rule = replace(BUILT_IN if latest is None else of_row(latest), **numbers)
        version = (latest.version if latest else 0) + 1
        return LifecycleRule.objects.create(
            scope=scope, reason=reason.strip(), by=by, **{**asdict(rule), "version": version}
        )
