"""Every condition on the page of the language can be used, and its limits are the product's."""

import json
import re
from pathlib import Path

import pytest

import segments
from precision.api_urls import urlpatterns
from segments import conditions, definitions
from segments.labels import registry

PAGE = (Path(segments.__file__).parent.parent / "docs" / "conditions.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.+?)```", PAGE, re.DOTALL)
SEGMENTS = ("staff", "big-customers")


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_can_be_used(text: str) -> None:
    labels = {key: each.type for key, each in registry.definitions().items()}
    condition = conditions.parse(json.loads(text), labels=labels, segments=SEGMENTS)
    again = conditions.as_data(condition)
    assert conditions.parse(again, labels=labels, segments=SEGMENTS) == condition


def test_there_are_examples_of_every_kind() -> None:
    assert len(EXAMPLES) >= 8
    for kind in conditions.KINDS:
        assert any(f'{{"{kind}":' in text for text in EXAMPLES), kind
    for op in conditions.OPS:
        assert f"`{op}`" in PAGE, op
    for dimension in conditions.DIMENSIONS:
        assert f"`{dimension}`" in PAGE, dimension


def test_the_limits_are_those_of_the_product() -> None:
    said = re.sub(r"\s+", " ", PAGE)
    assert f"{conditions.MAX_DEPTH} levels of nesting, {conditions.MAX_TERMS} terms" in said
    assert f"lists of {conditions.MAX_VALUES:,} values, windows of {conditions.MAX_DAYS:,} days" in said
    assert f"texts of {conditions.MAX_TEXT} characters" in said
    assert f"{definitions.MAX_CHAIN} segments that stand on each other" in said


def test_the_addresses_are_there() -> None:
    routes = {str(each.pattern) for each in urlpatterns}
    named = set(re.findall(r"`(?:(?:GET|POST|PATCH|DELETE)(?:, )?)+ ?((?:segments|customers)/[^`]*)`", PAGE))
    assert len(named) >= 6
    for address in named:
        route = re.sub(r"\{(\w+)\}", r"<str:\1>", address).replace("<str:id>", "<path:customer_id>")
        assert f"api/v1/{route}" in routes, address
