"""docs/recommendations.md: its requests are answered, its item is one, and its tables are complete."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import recommender
from precision.shop.models import Order
from recommender.serving import reasons, removals
from recommender.serving.reasons import Source
from recommender.serving.tracing import KINDS
from tests.api.conftest import Shop

PAGE = (Path(recommender.__file__).parent.parent / "docs" / "recommendations.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"^GET (\S+?)\?(.+)$", PAGE, flags=re.MULTILINE)


def table(head: str) -> dict[str, str]:
    """Return the first two columns of the table whose first heading is `head`."""
    rows = PAGE.split(f"| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return {cells[0].strip(" `"): cells[1].strip() for cells in (row.strip("|").split("|") for row in rows)}


@pytest.mark.parametrize(("path", "query"), REQUESTS)
def test_each_request_is_answered(stocked: Shop, path: str, query: str) -> None:
    order = Order.objects.filter(identity=stocked.people["ann"]).order_by("id")[0]
    asked: dict[str, Any] = dict(pair.split("=", 1) for pair in query.split("&"))
    if "order" in asked:
        asked["order"] = order.external_id
    answer = stocked.get(path, **asked)
    assert set(answer) & {"items", "slots", "for_you", "rows", "results", "products"}


def test_the_item_is_one(stocked: Shop) -> None:
    (written,) = [json.loads(block) for block in re.findall(r"```json\n(.+?)```", PAGE, flags=re.DOTALL)]
    answer = stocked.get("recommendations/for-you/", customer="ann", count=2)
    assert set(answer) == set(written)
    (item,) = written["items"]
    (served,) = [each for each in answer["items"] if each["product_id"] == "tea-9"]
    assert {**served, "rank": 1} == item


def test_the_tables_are_complete() -> None:
    assert set(table("`source`")) == set(Source)
    assert table("`code`") == {code.value: text for code, text in reasons.TEXTS.items()}
    assert table("`removed.code`") == {code.value: text for code, text in removals.TEXTS.items()}
    listed = PAGE.split("`kind` is the list:", 1)[1].split("`explain`", 1)[0]
    assert {kind for kind in KINDS if f"`{kind}`" in listed} == set(KINDS)
