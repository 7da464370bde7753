"""Fixtures that every folder of tests may use."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from precision.shop import partitions, platforms
from precision.shop.models import Platform
from recommender.serving import exposures


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
def _exposures_by_hand(settings: Any) -> Iterator[None]:
    """Let answers wait for `exposures.writer.flush()`: a thread would write them beside the test's transaction."""
    settings.PRECISION_EXPOSURES = False
    yield
    exposures.writer.clear()


@pytest.fixture(autouse=True)
def _no_events_of_others(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the partitioned tables around a test that commits: the runner empties tables that Django manages only."""
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames
    if not commits and not (marker is not None and marker.kwargs.get("transaction")):
        yield
        return
    request.getfixturevalue("transactional_db")
    _truncate()
    yield
    _truncate()


def _truncate() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {partitions.EVENT}, {partitions.EXPOSURE}")
