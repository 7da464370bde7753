"""Rules and matrix, on the six baskets of the golden case as the job writes them."""

from typing import Any

import pytest

from recommender.models import AssociationRule, PairCount
from tests.api.conftest import Shop

GOODS = ("cleanser", "day", "night", "shampoo", "gel")
BASKETS = {"cleanser": 3, "day": 2, "night": 3, "shampoo": 4, "gel": 3}
PAIRS = {
    ("cleanser", "day"): 2, ("cleanser", "night"): 2, ("cleanser", "shampoo"): 1, ("cleanser", "gel"): 1,
    ("day", "night"): 1, ("day", "shampoo"): 1, ("day", "gel"): 1, ("night", "shampoo"): 1,
    ("night", "gel"): 1, ("shampoo", "gel"): 3,
}  # fmt: skip
RULES = [
    ("cleanser", "day", 2, 2 / 3, 2.0), ("day", "cleanser", 2, 1.0, 2.0),
    ("cleanser", "night", 2, 2 / 3, 4 / 3), ("night", "cleanser", 2, 2 / 3, 4 / 3),
    ("shampoo", "gel", 3, 0.75, 1.5), ("gel", "shampoo", 3, 1.0, 1.5),
]  # fmt: skip


def publish(shop: Shop, *, floor: int = 1) -> None:
    """Write the golden pair counts and rules as a run of the job `rules`."""
    for name in GOODS:
        shop.product(name)
    run = shop.run("rules", baskets=6, pair_floor=floor)
    for name in GOODS:
        partners = {
            (b if a == name else a): count
            for (a, b), count in PAIRS.items()
            if name in {a, b} and count >= floor
        }
        PairCount.objects.create(
            run=run, product=shop.products[name], baskets=BASKETS[name], others=shop.ids(list(partners)),
            counts=list(partners.values()),
        )  # fmt: skip
    for a, b, count, confidence, lift in RULES:
        AssociationRule.objects.create(
            run=run, antecedent=shop.ids([a]), consequent=shop.ids([b]), count=count, support=count / 6,
            confidence=confidence, lift=lift, leverage=0.1,
        )  # fmt: skip


def test_the_golden_tables(shop: Shop) -> None:
    publish(shop)
    answer = shop.get("rules/matrix/", products=",".join(GOODS))
    assert answer["products"] == list(GOODS)
    assert answer["baskets"] == 6
    assert answer["counts"] == [
        [3, 2, 2, 1, 1],
        [2, 2, 1, 1, 1],
        [2, 1, 3, 1, 1],
        [1, 1, 1, 4, 3],
        [1, 1, 1, 3, 3],
    ]
    rounded = [[None if cell is None else round(cell, 3) for cell in row] for row in answer["confidence"]]
    assert rounded == [
        [None, 0.667, 0.667, 0.333, 0.333],
        [1.0, None, 0.5, 0.5, 0.5],
        [0.667, 0.333, None, 0.333, 0.333],
        [0.25, 0.25, 0.25, None, 0.75],
        [0.333, 0.333, 0.333, 1.0, None],
    ]
    assert answer["notes"] == []


def test_without_products_the_matrix_is_of_those_in_most_baskets(shop: Shop) -> None:
    publish(shop)
    assert shop.get("rules/matrix/")["products"] == ["shampoo", "cleanser", "night", "gel", "day"]


def test_a_pair_below_the_floor_is_unknown_and_one_never_seen_is_zero(shop: Shop) -> None:
    publish(shop, floor=2)
    shop.product("soap")
    answer = shop.get("rules/matrix/", products="cleanser,shampoo,soap")
    assert answer["counts"] == [[3, None, 0], [None, 4, 0], [0, 0, 0]]
    assert answer["confidence"] == [[None, None, 0.0], [None, None, 0.0], [None, None, None]]
    assert answer["pair_floor"] == 2
    assert len(answer["notes"]) == 2


def test_two_names_of_one_product_are_one_row(shop: Shop) -> None:
    publish(shop)
    shop.product("evening", same_as=shop.products["night"])
    assert shop.get("rules/matrix/", products="evening,night,day")["products"] == ["night", "day"]


def read(shop: Shop, **query: Any) -> list[tuple[Any, ...]]:
    """Return antecedent, consequent and the measures of all rules, page by page."""
    found = []
    answer = shop.get("rules/", **query)
    while True:
        found += [
            (*rule["antecedent"], *rule["consequent"], rule["count"], rule["confidence"], rule["lift"])
            for rule in answer["results"]
        ]
        if not answer["next"]:
            return found
        assert answer["results"], "an empty page leads on"
        answer = shop.client().get(answer["next"]).json()


@pytest.mark.parametrize("count", [1, 2, 3, 100])
def test_the_golden_rules_strongest_first_on_pages_of_any_size(shop: Shop, count: int) -> None:
    publish(shop)
    assert read(shop, count=count) == sorted(RULES, key=lambda rule: -rule[4])
    assert read(shop, count=count, sort="confidence") == sorted(RULES, key=lambda rule: -rule[3])
    assert read(shop, count=count, sort="count") == sorted(RULES, key=lambda rule: -rule[2])


def test_rules_in_words_and_of_one_product(shop: Shop) -> None:
    publish(shop)
    answer = shop.get("rules/", product="shampoo")
    (rule,) = answer["results"]
    assert (answer["baskets"], answer["as_of"]) == (6, "2026-11-01")
    assert (rule["antecedent_titles"], rule["consequent_titles"]) == (["The shampoo"], ["The gel"])
    assert (
        rule["text"]
        == "Who buys The shampoo also buys The gel in 75.0% of cases, 1.50 times as often as others."
    )
    assert [rule[0] for rule in read(shop, min_confidence=0.9)] == ["day", "gel"]


def test_before_the_first_run_there_are_none(shop: Shop) -> None:
    shop.product("soap")
    assert shop.get("rules/") == {"next": None, "results": [], "as_of": None, "baskets": None}
    answer = shop.get("rules/matrix/", products="soap")
    assert (answer["counts"], answer["confidence"], answer["baskets"]) == ([[None]], [[None]], None)
    assert answer["notes"] == ["Rules were not computed yet."]
