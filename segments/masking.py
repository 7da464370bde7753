"""What of a person is shown to whom: sensitive and personal values stand masked for those without the right.

A value that is masked is not the same as one that is not known: the one reads MASKED, the other is None.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.conf import settings

from precision.shop import platforms
from precision.shop.api.freshness import Cache
from precision.shop.models import ApiKey
from segments.labels import registry
from segments.models import Label

MASKED: Final = "•••"
"""Stands in the place of a value that somebody may not see."""
SENSITIVE_PERMISSION: Final = "precision_segments.view_sensitive"
PERSONAL_PERMISSION: Final = "precision_segments.view_personal"
PERSONAL_SCOPES: Final = frozenset({"personal", "export"})
"""Scopes of which one lets a key see personal values: who may export a person reads them there anyway."""
SENSITIVE_ATTRIBUTES: Final = frozenset({"age", "birth_date", "income", "marital_status"})
PERSONAL_ATTRIBUTES: Final = frozenset(
    {"registered_at", "gender", "city", "occupation", "education", "traits"}
)
SENSITIVE_WORDS: Final = re.compile(
    r"(^|[^a-z])(age|birth\w*|born|income|salary|wages?|marital|marriage|married)([^a-z]|$)", re.IGNORECASE
)
"""What the names of sensitive attributes have in them, whatever a shop calls them."""
SMALLEST_GROUP: Final = 10
V = TypeVar("V")

_of_staff: Cache[str, str] = Cache(seconds=1, most=10_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What somebody may see of people."""

    sensitive: bool
    personal: bool

    def sees(self, sensitivity: str) -> bool:
        """Return whether values of this sensitivity (plain, personal, sensitive) are shown."""
        return {"sensitive": self.sensitive, "personal": self.personal}.get(str(sensitivity), True)


EVERYTHING: Final = Sight(sensitive=True, personal=True)
"""What a job sees."""


def of_user(user: Any) -> Sight:
    """Return what a user of the staff pages may see."""
    return Sight(sensitive=user.has_perm(SENSITIVE_PERMISSION), personal=user.has_perm(PERSONAL_PERMISSION))


def of_key(key: ApiKey) -> Sight:
    """Return what an API key may see; a key that sits in browsers never sees either."""
    trusted = key.kind == ApiKey.Kind.SERVER
    return Sight(
        sensitive=trusted and platforms.SENSITIVE in key.scopes,
        personal=trusted and not PERSONAL_SCOPES.isdisjoint(key.scopes),
    )


def sensitivity_of(name: str) -> str:
    """Return the sensitivity of an attribute that a shop gives of a person."""
    if name in SENSITIVE_ATTRIBUTES or SENSITIVE_WORDS.search(name):
        return "sensitive"
    return "personal" if name in PERSONAL_ATTRIBUTES else "plain"


def sensitivity_of_trait(name: str) -> str:
    """Return the sensitivity of a trait that a shop invented; it may hold anything, so it is personal at least."""
    return "sensitive" if sensitivity_of(name) == "sensitive" else "personal"


def masked(
    values: Mapping[str, V], sensitivities: Mapping[str, str], sight: Sight
) -> dict[str, V | str | None]:
    """Return the values with MASKED in the place of those that are known but not to be seen.

    `sensitivities` names that of each key; a key that it does not have is plain. What is not known stays None, which
    tells that nothing is hidden there.
    """
    return {
        name: value if value is None or sight.sees(sensitivities.get(name, "plain")) else MASKED
        for name, value in values.items()
    }


def hidden(names: Iterable[str], sensitivities: Mapping[str, str], sight: Sight) -> list[str]:
    """Return those of the names whose values are masked, in order."""
    return [name for name in names if not sight.sees(sensitivities.get(name, "plain"))]


def smallest_group() -> int:
    """Return how many people a group must have to be described by sensitive values (PRECISION_SMALLEST_GROUP)."""
    return max(1, int(getattr(settings, "PRECISION_SMALLEST_GROUP", SMALLEST_GROUP)))


def describable(people: int, sensitivity: str) -> bool:
    """Return whether a group of so many people may be described by values of this sensitivity."""
    return str(sensitivity) != "sensitive" or people >= smallest_group()


def sensitivity_of_label(label: str) -> str:
    """Return the sensitivity of a label of customers; of one that several shops' staff define, the strictest.

    A label that nobody defines is what its name tells. One query a second at most for labels of staff.
    """
    definition = registry.definitions().get(label)
    if definition is not None:
        return str(definition.sensitivity)
    return _of_staff.get(label, lambda: _strictest(label))


def _strictest(label: str) -> str:
    found = set(Label.objects.filter(key=label).values_list("sensitivity", flat=True)) or {
        sensitivity_of(label)
    }
    return next(name for name in ("sensitive", "personal", "plain") if name in found)


def sees_label(label: str, sight: Sight) -> bool:
    """Return whether values of the label are shown."""
    return sight.sees(sensitivity_of_label(label))


def of_label(label: str, value: V, sight: Sight) -> V | str | None:
    """Return the value of a label, or MASKED in its place where it is known but not to be seen."""
    return value if value is None or sees_label(label, sight) else MASKED
