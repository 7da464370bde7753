"""Basic attributes of a person, as the shop told them."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from precision.shop.models import Identity, Profile
from segments import masking
from segments.masking import Sight

GIVEN: Final = (
    "registered_at", "birth_date", "gender", "country", "city", "occupation", "education", "income",
    "marital_status", "language", "timezone", "traits",
)  # fmt: skip
TRAITS: Final = "traits"


def attributes(identity: Identity, sight: Sight) -> dict[str, Any]:
    """Return what the shop told about the person, with their age today; what it did not tell is None.

    What may not be seen is masked: the traits one by one, because they may hold anything. One query.
    """
    profile = Profile.objects.filter(identity=identity).first()
    known: dict[str, Any] = (
        dict.fromkeys(GIVEN) if profile is None else {name: getattr(profile, name) or None for name in GIVEN}
    )
    traits = known.pop(TRAITS)
    values = {"age": age(known["birth_date"], date.today()), **known}  # noqa: DTZ011 - a person's age is no instant
    return {**_masked(values, sight), TRAITS: _masked_traits(traits, sight) if traits else traits}


def joined_attributes(identities: list[Identity], sight: Sight) -> dict[str, Any]:
    """Return what several platforms told about one person: of each attribute the first value that was told."""
    told = [attributes(identity, sight) for identity in identities]
    names = told[0] if told else {}
    return {name: next((each[name] for each in told if each[name] is not None), None) for name in names}


def age(birth: date | None, today: date) -> int | None:
    """Return full years, or None without a date of birth or with one in the future."""
    if birth is None or birth > today:
        return None
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def _masked(values: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    return masking.masked(values, {name: masking.sensitivity_of(name) for name in values}, sight)


def _masked_traits(traits: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    """Return the traits with those masked that may not be seen; no trait is plain, whatever it is called."""
    return {
        name: value if sight.sees(masking.sensitivity_of_trait(name)) else masking.MASKED
        for name, value in traits.items()
    }
