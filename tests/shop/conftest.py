"""Fixtures of the tests of facts."""

from pathlib import Path
from typing import Any

import pytest

from precision.shop.models import Platform
from tests.shop.imports import summary
from tests.shop.person import World, world


@pytest.fixture(autouse=True)
def var(tmp_path: Path, settings: Any) -> Path:
    settings.VAR = tmp_path / "var"
    settings.HISTORY = tmp_path / "var" / "history"
    return tmp_path / "var"


@pytest.fixture
def load(tmp_path: Path, platform: Platform) -> Any:
    """Imports CSV texts, each by the name of its data set, and gives the summary."""

    def run(text: str, **data: str | bytes) -> dict[str, Any]:
        toml = tmp_path / "shop.toml"
        toml.write_text(text)
        arguments = []
        for name, content in data.items():
            path = tmp_path / f"{name}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            arguments.append(f"{name}={path}")
        return summary("--platform", platform.key, "--mapping", str(toml), *arguments)

    return run


@pytest.fixture
def made(platform: Platform) -> World:
    """Two shops with a person in every table, and a neighbour."""
    return world(platform)
