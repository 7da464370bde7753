"""The price classes through the API: of a customer, of everybody, the rule, and who would move."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from precision.engine import runs
from precision.shop.models import ApiKey, Customer, Identity
from segments import class_rules, overrides
from segments.models import ClassRule, CustomerClass
from tests.api.conftest import AS_OF, Shop, stock

PEOPLE = 80
committed = pytest.mark.django_db(transaction=True)  # a preview reads in bulk, on a connection of its own
THRESHOLDS = {
    "customers": PEOPLE, "means": [0.5, 0.5, 0.2], "sds": [0.1, 0.1, 0.1], "border_a": 0.2, "border_b": 1.0,
    "scale_a": 1.0, "scale_b": 1.0, "error_a": 1.0, "error_b": 1.0, "error_correlation": 0.0,
}  # fmt: skip


def crowd(shop: Shop, *, version: int = 0) -> list[Identity]:
    """Publish classes of people from dear to cheap; all were C or U until now."""
    rng = np.random.default_rng(1)
    run = runs.claim("price-classes", shop.platform.key, AS_OF)
    assert run is not None
    people = []
    for number in range(PEOPLE):
        owner = Customer.objects.create(organisation=shop.platform.organisation)
        people.append(
            Identity.objects.create(
                platform=shop.platform,
                kind="customer_id",
                value=f"{shop.platform.key}-{number}",
                customer=owner,
            )
        )
        thin = number >= PEOPLE - 10
        CustomerClass.objects.create(
            run=run, customer=owner, letter="U" if thin else "C", reason="few_orders" if thin else "neither",
            price_position=1 - number / PEOPLE, buyer_position=1 - number / PEOPLE, discount_share=rng.random() / 4,
            probability_a=0.1, probability_b=0.2, probability_c=0.7, quality_lead=-1.0, discount_lead=-1.0,
            price_spread=0.2, spend="10.00", saved="1.00", list_value="11.00", orders=5,
            lines=10 if thin else 400, positioned_lines=10 if thin else 400,
        )  # fmt: skip
    rule = {**asdict(class_rules.BUILT_IN), "version": version}
    noise = {f"noise_{i}_{j}": 0.01 * (i == j) for i in range(3) for j in range(i, 3)}
    runs.publish(
        run,
        runs.Outcome(
            parameters={
                "rule": rule, "thresholds": THRESHOLDS, "noise": noise,
                "averages": {"position": 0.5, "saved": 1.0, "list_value": 5.0}, "answer_rates": {},
            },
            measures={
                "sizes": {"C": 70, "U": 10}, "reasons": {"neither": 70, "few_orders": 10},
                "agreement": {"people": 70, "kappa": 0.5, "reason": ""},
            },
        ),
    )  # fmt: skip
    return people


def post(shop: Shop, address: str, body: Any, *, status: int = 200, key: str | None = None) -> Any:
    response = shop.client(key).post(f"/api/v1/{address}", body, format="json")
    assert response.status_code == status, response.content
    return response.json()


def test_of_a_customer_with_all_it_rests_on(shop: Shop) -> None:
    people = crowd(shop)
    found = shop.get("customers/corner-0/price-class/")
    assert (found["scope"], found["pinned"]) == ("corner", None)
    about = found["price_class"]
    assert (about["class"], about["reason"], about["confidence"]) == ("C", "neither", 0.7)
    assert about["probabilities"] == {"A": 0.1, "B": 0.2, "C": 0.7}
    assert about["values"]["positioned_lines"] == 400
    overrides.pin(people[0], "price_class", value="A", reason="told us", expires_at=None, key=None)
    assert shop.get("customers/corner-0/price-class/")["pinned"] == "A"


def test_of_somebody_nothing_is_known_of(shop: Shop) -> None:
    shop.person("ann")
    assert shop.get("customers/ann/price-class/")["price_class"] is None
    assert shop.get("customers/nobody/price-class/", status=404)["errors"][0]["code"] == "not_found"


def test_of_everybody(shop: Shop) -> None:
    empty = shop.get("price-classes/")
    assert (empty["as_of"], empty["customers"], empty["agreement"]) == (None, 0, None)
    crowd(shop, version=3)
    found = shop.get("price-classes/")
    assert found["sizes"] == {"A": 0, "B": 0, "C": 70, "U": 10}
    assert (found["customers"], found["rule_version"], found["agreement"]["kappa"]) == (80, 3, 0.5)
    assert {each["reason"]: each["customers"] for each in found["reasons"]} == {
        "neither": 70,
        "few_orders": 10,
    }


@committed
def test_the_preview_moves_people_and_stores_nothing(shop: Shop) -> None:
    crowd(shop)
    found = post(shop, "price-classes/preview/", {"share_a": 0.3})
    letters = found["classes"]
    table = {
        (now, then): found["counts"][row][column]
        for row, now in enumerate(letters)
        for column, then in enumerate(letters)
    }
    assert sum(table.values()) == found["customers"] == PEOPLE
    assert sum(count for (now, then), count in table.items() if now != then) == found["moved"]
    assert table["U", "U"] == 10  # too few lines, whatever the borders
    # 70 have the evidence: about three in ten are past the border, sure or not.
    assert 15 <= table["C", "A"] <= 21
    wider = post(shop, "price-classes/preview/", {"share_a": 0.5})
    assert wider["counts"][2][0] > table["C", "A"]
    assert {move["before"] for move in found["sample"]} <= {"C"}
    assert all(move["customer_id"].startswith("corner-") for move in found["sample"])
    dearest = {f"corner-{number}" for number in range(30)}
    assert {move["customer_id"] for move in found["sample"] if move["after"] == "A"} <= dearest
    assert not ClassRule.objects.exists()
    assert CustomerClass.objects.filter(letter="A").count() == 0


@committed
def test_the_preview_says_what_it_cannot_show(shop: Shop) -> None:
    crowd(shop)
    found = post(shop, "price-classes/preview/", {"window_days": 90, "least_lines": 5})
    assert found["unseen"] == ["window_days"]
    assert sum(found["counts"][3]) == 10
    assert found["counts"][3][3] < 10  # ten lines are enough now


def test_no_preview_without_a_run(shop: Shop) -> None:
    answer = post(shop, "price-classes/preview/", {}, status=404)
    assert "run the job" in answer["errors"][0]["detail"]
    stock(shop)  # a run without the rule that made it
    post(shop, "price-classes/preview/", {}, status=404)


def test_a_new_version_of_the_rule(shop: Shop) -> None:
    first = shop.get("price-classes/rule/")
    assert (first["current"]["version"], first["versions"], first["in_force"]) == (0, [], None)
    post(shop, "price-classes/rule/", {"share_a": 0.3, "reason": "fewer A"}, status=201)
    found = post(shop, "price-classes/rule/", {"least_lines": 20, "reason": "small baskets"}, status=201)
    assert found["current"]["version"] == 2
    assert (found["current"]["numbers"]["share_a"], found["current"]["numbers"]["least_lines"]) == (0.3, 20)
    assert [each["reason"] for each in found["versions"]] == ["small baskets", "fewer A"]
    assert found["current"]["by"] == ApiKey.objects.get(kind="server").prefix
    assert class_rules.current("corner").version == 2


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"share_a": 1.5, "reason": "x"}, "share_a"),
        ({"share_a": 0.6, "share_b": 0.6, "reason": "x"}, "share_a + share_b"),
        ({"least_lines": 0, "reason": "x"}, "least_lines"),
        ({"least_lines": -1, "reason": "x"}, "least_lines"),
        ({"window_days": 10**12, "reason": "x"}, "window_days"),
        ({"shrink_lines": "nan", "reason": "x"}, "shrink_lines"),
        ({"confidence": "much", "reason": "x"}, "confidence"),
        ({"share_x": 0.1, "reason": "x"}, "share_x"),
        ({"version": 7, "reason": "x"}, "version"),
        ({"share_a": 0.3}, "reason"),
        ({"share_a": 0.3, "reason": " "}, "reason"),
        ([], ""),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_by_name(shop: Shop, body: Any, named: str) -> None:
    error = post(shop, "price-classes/rule/", body, status=400)["errors"][0]
    assert named in f"{error['attr']} {error['detail']}"
    assert not ClassRule.objects.exists()


def test_overall_needs_a_key_for_the_organisation(make_shop: Callable[..., Shop]) -> None:
    ours = make_shop("ours", organisation="group")
    make_shop("theirs", organisation="group")
    for address in ("price-classes/", "price-classes/rule/"):
        ours.get(f"{address}?overall=true", status=403)
    post(ours, "price-classes/preview/?overall=true", {}, status=403)
    post(ours, "price-classes/rule/?overall=true", {"share_a": 0.3, "reason": "x"}, status=403)
    key = ApiKey.objects.get(platform=ours.platform, kind="server")
    key.scopes = [*key.scopes, "organisation"]
    key.save()
    found = post(ours, "price-classes/rule/?overall=true", {"share_a": 0.3, "reason": "all"}, status=201)
    assert (found["scope"], found["current"]["version"]) == ("org:group", 1)
    assert class_rules.current("ours").version == 0


@committed
def test_a_preview_sees_its_own_platform_only(make_shop: Callable[..., Shop]) -> None:
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    crowd(theirs)
    post(ours, "price-classes/preview/", {}, status=404)
    crowd(ours)
    sample = post(ours, "price-classes/preview/", {"share_a": 0.3})["sample"]
    assert sample
    assert all(move["customer_id"].startswith("ours-") for move in sample)
