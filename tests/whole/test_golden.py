"""The golden case by hand: six baskets through import, job and API."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from precision.shop import aliases, platforms
from precision.shop.models import Product, ProductAlias
from tests.recommender.golden import BOUGHT, CONFIDENCES, COUNTS, PRODUCTS

pytestmark = pytest.mark.django_db(transaction=True)

SECOND_CATALOGUE = PRODUCTS
ASKED = [
    "day cream" if name == "sun frost" else name for name in PRODUCTS
]  # by the first platform's own names
RULES = {
    ("facial cleanser", "day cream"): (2, 0.3333, 0.6667, 2.0),
    ("day cream", "facial cleanser"): (2, 0.3333, 1.0, 2.0),
    ("facial cleanser", "night cream"): (2, 0.3333, 0.6667, 1.3333),
    ("night cream", "facial cleanser"): (2, 0.3333, 0.6667, 1.3333),
    ("shampoo", "shower gel"): (3, 0.5, 0.75, 1.5),
    ("shower gel", "shampoo"): (3, 0.5, 1.0, 1.5),
}
MAPPING = """
version = 1
[files.products]
[files.lines]
[product]
from = "products"
product_id = "id"
title = "title"
aliases = "aliases"
[order]
from = "lines"
order_id = "order"
customer_id = "order"
placed_at = "time"
[order.lines]
product_id = "product"
quantity = { value = 1 }
unit_price = { value = 5 }
"""
CATALOGUE_MAPPING = """
version = 1
[files.products]
[product]
from = "products"
product_id = "id"
title = "title"
"""


def write_case(folder: Path, declared: dict[str, str]) -> tuple[list[str], list[str]]:
    """Write both platforms' files; return the arguments of import_shop of the first and of the second."""
    first, second = folder / "first.toml", folder / "second.toml"
    first.write_text(MAPPING)
    second.write_text(CATALOGUE_MAPPING)
    goods, lines, catalogue = folder / "products.csv", folder / "lines.csv", folder / "catalogue.csv"
    names = sorted({name for basket in BOUGHT.values() for name in basket})
    goods.write_text(
        "id,title,aliases\n" + "".join(f"{name},{name},{declared.get(name, '')}\n" for name in names)
    )
    rows = [f"{who},2024-03-01T10:00:00Z,{name}" for who, basket in BOUGHT.items() for name in basket]
    lines.write_text("order,time,product\n" + "\n".join(rows) + "\n")
    catalogue.write_text(
        "id,title\n" + "".join(f"{100 + n},{name}\n" for n, name in enumerate(SECOND_CATALOGUE))
    )
    return (
        ["--mapping", str(first), f"products={goods}", f"lines={lines}"],
        ["--mapping", str(second), f"products={catalogue}"],
    )


def load(folder: Path, declared: dict[str, str]) -> Client:
    """Import both platforms of one organisation; return a client of the first one's API."""
    first, second = write_case(folder, declared)
    keys = platforms.create_platform("golden", name="Golden", organisation="golden", historical=True)
    platforms.create_platform("second", name="Second", organisation="golden", historical=True)
    call_command("import_shop", "--platform", "golden", *first)
    call_command("import_shop", "--platform", "second", *second)
    return Client(headers={"authorization": f"Bearer {keys.server_key}"})


def get(client: Client, path: str, **parameters: str) -> Any:
    answer = client.get(f"/api/v1/{path}", parameters)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


def check_tables(client: Client) -> None:
    """Assert the 25 counts, the 20 confidences and the six rules."""
    matrix = get(client, "rules/matrix/", products=",".join(ASKED))
    assert matrix["baskets"] == 6
    assert matrix["counts"] == COUNTS
    rounded = [[value if value is None else round(value, 3) for value in row] for row in matrix["confidence"]]
    assert rounded == CONFIDENCES
    rules = get(client, "rules/")["results"]
    found = {
        (rule["antecedent"][0], rule["consequent"][0]): (
            rule["count"],
            round(rule["support"], 4),
            round(rule["confidence"], 4),
            round(rule["lift"], 4),
        )
        for rule in rules
        if len(rule["antecedent"]) == len(rule["consequent"]) == 1
    }
    assert found == RULES


def test_with_the_aliases_that_the_shop_gives(tmp_path: Path) -> None:
    client = load(tmp_path, {"night cream": "evening cream", "day cream": "sun frost"})
    call_command("refresh", "--platform", "golden")
    check_tables(client)
    joined = ProductAlias.objects.filter(status=ProductAlias.Status.ACCEPTED).values_list(
        "product__title", "other__title"
    )
    assert set(joined) == {("night cream", "evening cream"), ("day cream", "sun frost")}


def test_without_them_both_pairs_are_suggested_and_a_yes_joins_them(tmp_path: Path) -> None:
    client = load(tmp_path, {})
    call_command("suggest_aliases", "--organisation", "golden")
    suggested = {
        frozenset({link.product.title, link.other.title}): link
        for link in ProductAlias.objects.filter(status=ProductAlias.Status.SUGGESTED)
    }
    evening, day = frozenset({"evening cream", "night cream"}), frozenset({"day cream", "sun frost"})
    assert {evening, day} <= set(suggested)
    assert not Product.objects.filter(same_as__isnull=False).exists(), (
        "nothing is joined without a person's yes"
    )

    call_command("refresh", "--platform", "golden")
    before = get(client, "rules/matrix/", products="night cream,evening cream")
    assert before["counts"] == [[1, 0], [0, 2]]
    aliases.accept(suggested[evening], by=None)
    aliases.accept(suggested[day], by=None)
    call_command("refresh", "--platform", "golden")
    check_tables(client)

    aliases.refuse(suggested[evening], by=None)
    call_command("refresh", "--platform", "golden")
    assert get(client, "rules/matrix/", products="night cream,evening cream") == before
