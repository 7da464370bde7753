"""Why a customer has the value of a label: computed when asked, from the same facts and runs as the value."""

from typing import Any

from precision.engine import runs
from precision.shop.scopes import Scope
from segments import masking, overrides, snapshots
from segments.labels import registry
from segments.masking import Sight
from segments.models import LabelOverride
from segments.portraits import labels


class UnknownLabelError(LookupError):
    """There is no label of this key in the library."""


def evidence(scope: Scope, customer: int, key: str, *, sight: Sight) -> dict[str, Any]:
    """Return the value of a customer's label with what it rests on, as somebody with this sight may see it.

    `label`, `title`, `kind`, `formula`, `version`, `as_of` (of the value; None before the labels were computed),
    `value` (None: not known), `pinned` (by whom, why and until when; None where nobody pinned it), `evidence` (what the
    source tells; None where it knows nothing), `lines` (the same in words, one a figure) and `masked`. A masked value
    has neither evidence nor lines. Raises UnknownLabelError.
    """
    definition = registry.definitions().get(key)
    source = registry.source_of(key)
    if definition is None or source is None:
        raise UnknownLabelError(f"There is no label {key!r}; GET labels/ lists them.")
    run = runs.published(snapshots.JOB, scope.key)
    pin = overrides.of_customer(scope, customer).get(key)
    value = labels.of_customer(scope, customer).get(key)
    seen = sight.sees(definition.sensitivity)
    found = source.evidence(scope, run.as_of, customer, key) if seen and run else None
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
