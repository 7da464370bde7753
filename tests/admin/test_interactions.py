"""The staff page of interaction weights: what it takes, and what it refuses by name."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from precision.shop import platforms
from precision.shop.models import Platform
from recommender.models import InteractionSettings

ADD = "admin:precision_recommender_interactionsettings_add"


@pytest.fixture
def platform(db: None) -> Platform:
    platforms.create_platform("corner", name="Corner shop", currency="EUR", timezone="UTC")
    return Platform.objects.get(key="corner")


def typed(platform: Platform, **changed: Any) -> dict[str, Any]:
    given = {"purchase": 1, "cart": 0.3, "wishlist": 0, "view": 0.1, "removal": -0.3, "half_life_days": ""}
    return {"platform": platform.pk, **given, **changed}


def test_weights_are_kept(staff: Client, platform: Platform) -> None:
    answer = staff.post(reverse(ADD), typed(platform, half_life_days=45))
    assert answer.status_code == 302
    kept = InteractionSettings.of(platform)
    assert (kept.weights.cart, kept.weights.view, kept.weights.removal, kept.half_life_days) == (
        0.3,
        0.1,
        -0.3,
        45,
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"purchase": 0, "cart": 0, "view": 0}, "there would be nothing to learn from"),
        ({"removal": 0.5}, "less than or equal to 0"),
        ({"view": -1}, "greater than or equal to 0"),
        ({"cart": "nan"}, "Enter a number"),
        ({"half_life_days": 0}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(
    staff: Client, platform: Platform, changed: dict[str, Any], message: str
) -> None:
    page = staff.post(reverse(ADD), typed(platform, **changed)).content.decode()
    assert message in page
    assert not InteractionSettings.objects.exists()


def test_a_shop_without_settings_has_the_defaults(platform: Platform) -> None:
    assert InteractionSettings.of(platform).weights.purchase == 1.0
    assert InteractionSettings.of(platform).half_life_days is None
