"""The label library and the labels of a customer through the API."""

from collections.abc import Callable
from typing import Any

import pytest

from precision.engine.models import Run
from precision.shop.platforms import ORGANISATION
from segments import masking, overrides
from segments.labels import registry
from segments.models import Label
from tests.api.conftest import AS_OF, Shop
from tests.api.portraits import labels

RULE = {"when": {"label": "orders_365", "op": ">=", "value": 3}}


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    made = make_shop("corner")
    made.person("ann")
    made.person("ben")
    run = labels(made, {"orders_365": {"ann": 4}, "income": {"ann": "high"}, "city": {"ann": "lyon"}})
    told = {"orders_365": {"known": 1, "coverage": 0.5, "version": 1}}
    Run.objects.filter(pk=run.pk).update(measures={"customers": 2, "labels": told})
    return made


def post(shop: Shop, bearer: str | None = None, **given: Any) -> tuple[int, Any]:
    response = shop.client(bearer).post("/api/v1/labels/", given, format="json")
    return response.status_code, response.json()


def test_the_library_tells_coverage_and_freshness(shop: Shop) -> None:
    answer = shop.get("labels/")
    found = {each["key"]: each for each in answer["labels"]}
    assert answer["scope"] == "corner"
    assert set(found) == set(registry.definitions())
    orders = found["orders_365"]
    assert (orders["kind"], orders["type"], orders["builtin"]) == ("fact", "number", True)
    fresh = orders["fresh"]
    assert (fresh["known"], fresh["coverage"], fresh["as_of"]) == (1, 0.5, AS_OF.isoformat())
    assert found["city"]["fresh"] is None
    assert found["income"]["sensitivity"] == "sensitive"
    assert {"fact", "rule", "model"} <= {each["kind"] for each in answer["labels"]}
    shop.get("labels/", overall="true", status=403)
    shop.get("labels/", colour="red", status=400)


def test_a_shop_adds_labels_of_its_own(shop: Shop, make_shop: Callable[..., Shop]) -> None:
    status, made = post(shop, key="regular", title="Regular", definition=RULE)
    assert (status, made["version"], made["builtin"], made["fresh"]) == (201, 1, False, None)
    assert made["definition"] == RULE
    status, made = post(shop, key="team", title="Team", kind="manual", type="text", sensitivity="sensitive")
    assert status == 201
    assert [each["key"] for each in shop.get("labels/")["labels"][-2:]] == ["regular", "team"]
    other = make_shop("other")
    assert not {"regular", "team"} & {each["key"] for each in other.get("labels/")["labels"]}
    # Given by hand it counts at once, and is masked for a key that may not see sensitive values.
    pinned = shop.client().put(
        "/api/v1/customers/ann/labels/team/", {"value": "reds", "reason": "said so"}, format="json"
    )
    assert pinned.status_code == 200
    assert pinned.json()["pinned"]["value"] == masking.MASKED
    found = shop.get("customers/ann/labels/", only="team")["labels"]
    assert [(each["value"], each["masked"]) for each in found] == [(masking.MASKED, True)]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("key", {"key": "Über"}),
        ("key", {"key": "orders_365"}),
        ("title", {"title": ""}),
        ("kind", {"kind": "fact"}),
        ("type", {"type": "colour"}),
        ("definition", {"definition": {"when": {"label": "orders_365", "op": "=", "value": "3"}}}),
        ("definition", {"definition": None}),
        ("definition", {"definition": [1]}),
        ("colour", {"colour": "red"}),
    ],
)
def test_wrong_labels_are_refused_by_name(shop: Shop, field: str, given: dict[str, Any]) -> None:
    status, answer = post(shop, **{"key": "regular", "title": "Regular", "definition": RULE, **given})
    assert status == 400
    assert {error["attr"] for error in answer["errors"]} == {field}
    assert not Label.objects.filter(platform=shop.platform).exists()


def test_a_refusal_points_at_the_place_in_the_definition(shop: Shop) -> None:
    cases = [{"when": {"any": [RULE["when"], {"label": "shoe", "op": "known"}]}, "value": "gold"}]
    _, answer = post(shop, key="tier", title="Tier", type="text", definition={"cases": cases})
    assert answer["errors"][0]["detail"] == "cases[0].when.any[1].label: there is no label 'shoe'."


def test_a_key_that_may_not_write_adds_nothing(shop: Shop) -> None:
    status, _ = post(shop, shop.credentials.write_key)
    assert status == 403
    assert not Label.objects.filter(platform=shop.platform).exists()


def test_labels_of_a_customer_with_pins_and_masks(shop: Shop) -> None:
    overrides.pin(shop.people["ann"], "favourite_hour", 9, reason="said so")
    answer = shop.get("customers/ann/labels/")
    found = {each["label"]: each for each in answer["labels"]}
    assert answer["as_of"] == AS_OF.isoformat()
    assert {key: each["value"] for key, each in found.items()} == {
        "orders_365": 4, "favourite_hour": 9, "income": masking.MASKED, "city": "lyon",
    }  # fmt: skip
    assert "orders_365" not in answer["unknown"]
    assert "coupon_share" in answer["unknown"]
    assert found["orders_365"]["evidence"] is None
    assert shop.get("customers/ben/labels/")["labels"] == []
    shop.get("customers/nobody/labels/", status=404)
    assert "no label 'shoe'" in str(shop.get("customers/ann/labels/", only="shoe", status=400))


def test_evidence_comes_with_the_values_when_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def evidence(scope: Any, as_of: Any, customer: int, key: str) -> dict[str, Any]:
        asked.append((scope.key, as_of, customer, key))
        return {"orders": 4}

    source = registry.source_of("orders_365")
    assert source is not None
    told = registry.Source(
        name=source.name, definitions=source.definitions, frame=source.frame, evidence=evidence
    )
    monkeypatch.setitem(registry._sources, source.name, told)
    answer = shop.get("customers/ann/labels/", evidence="true", only="orders_365,income")
    assert [(each["label"], each["evidence"], each["lines"]) for each in answer["labels"]] == [
        ("orders_365", {"orders": 4}, ["orders: 4"]), ("income", None, []),
    ]  # fmt: skip
    assert asked == [("corner", AS_OF, shop.people["ann"].customer_id, "orders_365")]


def test_overall_needs_the_right_of_the_organisation(shop: Shop) -> None:
    shop.get("customers/ann/labels/", overall="true", status=403)
    shop.platform.keys.filter(kind="server").update(scopes=["read", ORGANISATION])
    answer = shop.get("customers/ann/labels/", overall="true")
    assert (answer["as_of"], answer["labels"]) == (None, [])
