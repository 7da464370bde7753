"""docs/data-model.md names every table and column there is, and no other."""

import re
from pathlib import Path

import pytest
from django.apps import apps

from precision.shop.history import layout

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "data-model.md"
IN_BACKTICKS = re.compile(r"`([a-z0-9_]+)`")


def rows() -> list[list[str]]:
    """The cells of every table row of the document."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]


def described() -> dict[str, set[str]]:
    """Table → columns of the document, tables that share rows together under each of their names."""
    found: dict[str, set[str]] = {}
    names: list[str] = []
    for cells in rows():
        names = IN_BACKTICKS.findall(cells[0]) or (names if not cells[0] else [])
        for name in names:
            found.setdefault(name, set()).update(IN_BACKTICKS.findall(cells[1]))
    return found


def test_every_table_and_column_is_described() -> None:
    document = described()
    for model in apps.get_app_config("precision_shop").get_models():
        name = model._meta.db_table.removeprefix("precision_shop_")
        columns = {field.name for field in model._meta.concrete_fields} - {"id"}
        assert columns <= document.get(name, set()), f"{name} lacks {columns - document.get(name, set())}"


def test_no_table_or_column_is_described_that_is_not_there() -> None:
    fields = {
        model._meta.db_table.removeprefix("precision_shop_"): {f.name for f in model._meta.concrete_fields}
        for model in apps.get_app_config("precision_shop").get_models()
    }
    lake = {name: set(table.columns) for name, table in layout.TABLES.items()}
    shared = fields["interest"] | fields["interestword"]
    known = {**fields, **lake, "interest": shared, "interestword": shared}
    for name, columns in described().items():
        assert name in known, f"there is no table {name}"
        assert columns <= known[name], f"{name} has no {columns - known[name]}"


@pytest.mark.parametrize("table", layout.TABLES.values(), ids=layout.TABLES)
def test_every_column_of_the_lake_is_described(table: layout.Table) -> None:
    assert described()[table.name] == set(table.columns)
