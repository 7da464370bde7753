"""What is shown to whom: attributes, labels of the library and of staff, users and keys."""

from types import SimpleNamespace
from typing import Any

import pytest

from precision.shop import platforms
from precision.shop.models import ApiKey, Platform
from segments import masking
from segments.masking import MASKED, Sight
from segments.models import Label

NOBODY = Sight(sensitive=False, personal=False)


@pytest.mark.parametrize(
    ("name", "sensitivity"),
    [
        ("income", "sensitive"),
        ("age", "sensitive"),
        ("age_band", "sensitive"),
        ("household-income", "sensitive"),
        ("birthday", "sensitive"),
        ("Marital Status", "sensitive"),
        ("language", "plain"),
        ("page", "plain"),
        ("package_size", "plain"),
        ("average", "plain"),
        ("city", "personal"),
    ],
)
def test_sensitivity_by_name(name: str, sensitivity: str) -> None:
    assert masking.sensitivity_of(name) == sensitivity
    assert masking.sensitivity_of_trait(name) == ("sensitive" if sensitivity == "sensitive" else "personal")


def test_masked_is_not_unknown() -> None:
    values: dict[str, Any] = {"income": "50-74K", "age": None, "city": "Lyon", "language": "fr"}
    told = {name: masking.sensitivity_of(name) for name in values}
    assert masking.masked(values, told, NOBODY) == {
        "income": MASKED, "age": None, "city": MASKED, "language": "fr",
    }  # fmt: skip
    assert masking.masked(values, told, masking.EVERYTHING) == values
    assert masking.hidden(values, told, Sight(sensitive=False, personal=True)) == ["income", "age"]


def test_labels_of_the_library_and_of_staff(platform: Platform) -> None:
    platforms.create_platform("pier", name="Pier")
    for shop, sensitivity in ((platform, "plain"), (Platform.objects.get(key="pier"), "sensitive")):
        Label.objects.create(
            platform=shop, key="wealth", title="Wealth", kind="manual", type="text", sensitivity=sensitivity
        )
    assert masking.sensitivity_of_label("marital_status") == "sensitive"
    assert masking.sensitivity_of_label("occupation") == "personal"
    assert masking.sensitivity_of_label("price_class") == "plain"
    assert masking.sensitivity_of_label("wealth") == "sensitive"  # the strictest of the shops that have it
    assert masking.of_label("wealth", "high", NOBODY) == MASKED
    assert masking.of_label("wealth", None, NOBODY) is None
    assert masking.of_label("price_class", "A", NOBODY) == "A"


@pytest.mark.parametrize(
    ("kind", "scopes", "sensitive", "personal"),
    [
        ("server", ["read"], False, False),
        ("server", ["read", "personal"], False, True),
        ("server", ["read", "export"], False, True),
        ("server", ["read", "sensitive"], True, False),
        ("write", ["events", "sensitive", "personal"], False, False),
    ],
)
def test_what_keys_see(kind: str, scopes: list[str], sensitive: bool, personal: bool) -> None:
    assert masking.of_key(ApiKey(kind=kind, scopes=scopes)) == Sight(sensitive=sensitive, personal=personal)


def test_what_users_see() -> None:
    user = SimpleNamespace(has_perm=lambda name: name == "precision_segments.view_personal")
    assert masking.of_user(user) == Sight(sensitive=False, personal=True)


def test_small_groups(settings: Any) -> None:
    assert not masking.describable(9, "sensitive")
    assert masking.describable(10, "sensitive")
    assert masking.describable(1, "plain")
    settings.PRECISION_SMALLEST_GROUP = 0
    assert masking.describable(1, "sensitive")
    assert not masking.describable(0, "sensitive")
