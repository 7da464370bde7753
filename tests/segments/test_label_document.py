"""The page of the labels says what the library says."""

from pathlib import Path

import segments
from segments.labels import document, registry

PAGE = Path(segments.__file__).parent.parent / "docs" / "labels.md"


def test_the_page_is_that_of_the_library() -> None:
    printed = document.tables()
    assert printed in PAGE.read_text(encoding="utf-8") + "\n", (
        "print it anew: python manage.py describe_labels"
    )
    assert printed.count("\n| `") == len(registry.definitions()) >= 40


def test_every_label_says_how_it_comes_about() -> None:
    for each in registry.definitions().values():
        assert each.formula.endswith((".", "…")), each.key
        assert each.title
        assert each.version >= 1


def test_what_may_harm_is_sensitive() -> None:
    harmful = {"age_band", "income", "marital_status"}
    found = {each.key for each in registry.definitions().values() if each.sensitivity == "sensitive"}
    assert harmful <= found
