"""The versions of the price class rule: which one counts for a scope, and how a new one comes about."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from precision.engine.models import Run
from segments.methods.price_classes import PriceClassRule, PriceClassThresholds
from segments.models import ClassRule

NUMBERS = tuple(field.name for field in fields(PriceClassRule) if field.name != "version")
"""What staff may set."""
BUILT_IN = PriceClassRule()


def current(scope: str) -> PriceClassRule:
    """Return the rule that the next run of a scope uses: the highest version, or the built-in one. One query."""
    row = ClassRule.objects.filter(scope=scope).order_by("-version").first()
    return BUILT_IN if row is None else of_row(row)


def of_row(row: ClassRule) -> PriceClassRule:
    """Return the rule that a stored version holds."""
    return PriceClassRule(version=row.version, **{name: getattr(row, name) for name in NUMBERS})


def changed(rule: PriceClassRule, numbers: Mapping[str, Any]) -> PriceClassRule:
    """Return the rule with some numbers replaced; ValueError for a number out of its range or of no known name."""
    unknown = sorted(set(numbers) - set(NUMBERS))
    if unknown:
        raise ValueError(f"The rule has no {', '.join(unknown)}; it has {', '.join(NUMBERS)}.")
    return replace(rule, **numbers)


def add(
    scope: str,
    numbers: Mapping[str, Any],
    *,
    reason: str,
    by: User | None = None,
    key: str = "",
) -> ClassRule:
    """Return a new version of the scope's rule: the one that counts now with some numbers replaced.

    It counts from the scope's next run on. Raises ValueError like `changed`, and without a reason.
    """
    if not reason.strip():
        raise ValueError("A reason is wanted, for those who read the versions later.")
    with transaction.atomic():
        # Two at once: the second waits for the first, and gets the next number.
        latest = ClassRule.objects.select_for_update().filter(scope=scope).order_by("-version").first()
        rule = changed(BUILT_IN if latest is None else of_row(latest), numbers)
        version = (latest.version if latest else 0) + 1
        return ClassRule.objects.create(
            scope=scope, reason=reason.strip(), by=by, key=key, **{**asdict(rule), "version": version}
        )


def of_run(run: Run) -> tuple[PriceClassRule, PriceClassThresholds | None] | None:
    """Return the rule that a run of the price classes used, and what it measured; None for a run of an older form."""
    told, measured = run.parameters.get("rule") or {}, run.parameters.get("thresholds")
    if set(told) != {"version", *NUMBERS}:
        return None
    if measured is None:
        return PriceClassRule(**told), None
    lists = {"means": tuple(measured["means"]), "sds": tuple(measured["sds"])}
    return PriceClassRule(**told), PriceClassThresholds(**{**measured, **lists})
