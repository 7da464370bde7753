"""Fixtures that every folder of tests may use."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from precision.shop import platforms
from precision.shop.models import Platform


@pytest.fixture
def platform(db: None) -> Platform:
    """A live shop of its own organisation."""
    platforms.create_platform("corner", name="Corner Shop", currency="EUR", timezone="Europe/Berlin")
    return Platform.objects.get(key="corner")


@pytest.fixture(autouse=True)
def _results_apart(settings: Any, tmp_path: Path) -> None:
    """Keep the files of runs away from those of other tests: runs of two tests may bear one number."""
    settings.PRECISION_RESULTS = tmp_path / "results"


@pytest.fixture(autouse=True)
def _no_events_of_others(request: pytest.FixtureRequest) -> None:
    """Empty the partitioned tables before a test that commits: the runner empties managed tables only."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and marker.kwargs.get("transaction"):
        request.getfixturevalue("transactional_db")
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE precision_shop_event, precision_shop_exposure")
