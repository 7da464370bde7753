"""Why a customer has the value of a label: computed when asked, from the same facts and runs as the value."""

from datetime import date
from typing import Any

from precision.engine import runs
from precision.shop.scopes import Scope
from segments import masking, overrides, snapshots
from segments.conditions import ConditionError, LabelType
from segments.labels import library, registry, rules
from segments.labels.registry import Definition
from segments.labels.rules import Rule
from segments.labels.values import labels_in
from segments.masking import Sight
from segments.models import Label, LabelOverride


class UnknownLabelError(LookupError):
    """There is no label of this key in the library."""


def evidence(scope: Scope, customer: int, key: str, *, sight: Sight) -> dict[str, Any]:
    """Return the value of a customer's label with what it rests on, as somebody with this sight may see it.

    `label`, `title`, `kind`, `formula`, `version`, `as_of` (of the value; None before the labels were computed),
    `value` (None: not known), `pinned` (by whom, why and until when; None where nobody pinned it), `evidence` (what the
    source tells; None where it knows nothing), `lines` (the same in words, one a figure) and `masked`. A masked value
    has neither evidence nor lines. Raises UnknownLabelError.
    """
    definition, rule = _defined(scope, key)
    run = runs.published(snapshots.JOB, scope.key)
    pin = overrides.of_customer(scope, customer).get(key)
    values = labels_in(scope, customer)
    value = values.get(key)
    seen = sight.sees(definition.sensitivity)
    found = _found(scope, run.as_of, customer, key, rule, values, sight) if seen and run else None
    return {
        "label": key,
        "title": definition.title,
        "kind": str(definition.kind),
        "unit": definition.unit,
        "formula": definition.formula,
        "version": definition.version,
        "as_of": run.as_of if run else None,
        "value": value if seen or value is None else masking.MASKED,
        "masked": not seen,
        "pinned": _pinned(pin) if pin and seen else None,
        "evidence": found,
        "lines": in_words(found) if found else [],
    }


def _defined(scope: Scope, key: str) -> tuple[Definition, Rule | None]:
    """Return the definition of a label, and its rule where staff made it one; raise UnknownLabelError."""
    built_in = registry.definitions().get(key)
    if built_in is not None:
        return built_in, None
    added = scope.platform and next(
        (each for each in library.of_staff(scope.platform) if each.key == key), None
    )
    if not added or scope.platform is None:
        raise UnknownLabelError(f"There is no label {key!r}; GET labels/ lists them.")
    rule = None
    if added.kind == Label.Kind.RULE:
        try:
            known = library.readable(scope.platform)
            rule = rules.parse(added.definition, type=LabelType(added.type), labels=known)
        except ConditionError:
            rule = None  # it was valid when it was saved; the nightly job says why it is left out
    return library.definition_of(added), rule


def _found(
    scope: Scope,
    as_of: date,
    customer: int,
    key: str,
    rule: Rule | None,
    values: dict[str, Any],
    sight: Sight,
) -> dict[str, Any] | None:
    """Return what the source tells, or of a rule the labels that it reads; None for what is given by hand."""
    source = registry.source_of(key)
    if source is not None:
        return source.evidence(scope, as_of, customer, key)
    if rule is None:
        return None
    return {name: masking.of_label(name, values.get(name), sight) for name in sorted(rules.labels_of(rule))}


def in_words(found: dict[str, Any]) -> list[str]:
    """Return one line for each figure of the evidence; of a list its length and first entries."""
    return [f"{name.replace('_', ' ')}: {_words(value)}" for name, value in found.items()]


def _words(value: Any) -> str:
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:,.4g}"
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case dict():
            return "; ".join(f"{name.replace('_', ' ')} {_words(each)}" for name, each in value.items())
        case list() if len(value) > 5:
            return f"{', '.join(_words(each) for each in value[:5])} and {len(value) - 5} more"
        case list():
            return ", ".join(_words(each) for each in value) or "none"
    return str(value)


def _pinned(pin: LabelOverride) -> dict[str, Any]:
    return {
        "reason": pin.reason,
        "by": pin.key or "staff",
        "created_at": pin.created_at,
        "expires_at": pin.expires_at,
    }
