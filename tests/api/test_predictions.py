"""Models and chances through the API."""

from collections.abc import Callable

import pytest

from segments.lifecycle.targets import TARGETS
from tests.api.conftest import Shop, stock
from tests.api.predictions import chances


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    made = make_shop("corner")
    stock(made)
    return made


def test_before_the_first_night_everything_says_so(shop: Shop) -> None:
    answer = shop.get("models/")
    assert answer["as_of"] is None
    assert [each["target"] for each in answer["results"]] == list(TARGETS)
    assert {each["used"] for each in answer["results"]} == {None}
    assert shop.get("models/churn/")["report_reason"] == "Not computed yet."
    assert shop.get("customers/ann/scores/")["scores"] == []


def test_a_model_with_its_report(shop: Shop) -> None:
    chances(shop, "this")
    [churn] = [each for each in shop.get("models/")["results"] if each["used"]]
    assert (churn["target"], churn["used"], churn["horizon_days"]) == ("churn", "boosting", 60)
    assert churn["baseline"] == "days since the last order"
    whole = shop.get("models/churn/")
    assert [each["feature"] for each in whole["importance"]] == ["recency_days", "orders"]
    assert (whole["report"], whole["rows"], whole["positives"]) == ({"c": 0.79}, 900, 300)
    assert whole["patterns"][0]["feature"] == "orders"
    assert "state" not in whole


def test_chances_of_a_customer_with_reasons_in_words(shop: Shop) -> None:
    chances(shop, "this")
    answer = shop.get("customers/ann/scores/")
    [one] = answer["scores"]
    assert (one["target"], one["chance"], one["decile"]) == ("churn", 0.62, 8)
    assert one["reasons"] == [
        {"feature": "recency_days", "text": "days since the last order", "value": 80.0, "moves": 0.9},
        {"feature": "orders", "text": "orders so far", "value": 2.0, "moves": -0.2},
    ]
    assert shop.get("customers/bob/scores/")["scores"] == []


def test_what_is_not_there_is_named(shop: Shop) -> None:
    answer = shop.get("models/luck/", status=404)
    assert "There is no target 'luck'; there are response, propensity" in answer["errors"][0]["detail"]
    assert shop.get("customers/nobody/scores/", status=404)["errors"][0]["code"] == "not_found"
    assert shop.get("models/?window=7", status=400)["errors"][0]["attr"] == "window"
