"""Fixtures that every folder of tests may use."""

import pytest

from precision.shop import platforms
from precision.shop.models import Platform


@pytest.fixture
def platform(db: None) -> Platform:
    """A live shop of its own organisation."""
    platforms.create_platform("corner", name="Corner Shop", currency="EUR", timezone="Europe/Berlin")
    return Platform.objects.get(key="corner")
