"""Life cycle and value through the API: what a row says, spans ahead, reasons, and refusals."""

from collections.abc import Callable

import numpy as np
import pytest

from precision.shop.models import ApiKey
from segments.lifecycle import ROW_DAYS, words
from segments.methods import value
from segments.methods.value import Buyers
from tests.api.conftest import Shop
from tests.api.life import MODEL, stage, worth

ANN = "customers/ann/lifecycle/"


def test_the_stage_with_its_history_and_what_is_expected(stocked: Shop) -> None:
    stage(stocked, "ann")
    found = stocked.get(ANN)
    assert (found["stage"], found["since"], found["as_of"]) == ("retention", "2026-10-27", "2026-11-01")
    assert (found["model"], found["action"]) == (
        "churn prediction", "A product-specific offer before the loss."
    )  # fmt: skip
    assert (found["gap_days"], found["limit_days"], found["win_back_days"]) == (12.5, 25, 60)
    assert found["history"] == [
        {"day": "2026-03-01", "from_stage": None, "stage": "contact"},
        {"day": "2026-04-01", "from_stage": "contact", "stage": "development"},
        {"day": "2026-10-27", "from_stage": "development", "stage": "retention"},
    ]
    assert found["next_order"] == {
        "expected_at": "2026-11-09", "expected_from": "2026-11-02", "expected_until": "2026-12-20", "reason": "",
        "categories": [
            {
                "category": "Food / Tea", "expected_at": "2026-11-20", "expected_from": "2026-11-05",
                "expected_until": "2027-01-02",
            }
        ],
        "categories_reason": "",
    }  # fmt: skip


def test_null_comes_with_its_reason(stocked: Shop) -> None:
    assert stocked.get(ANN)["reason"] == "The life cycle was not computed yet."
    none = {"expected_at": None, "expected_from": None, "expected_until": None, "next_categories": []}
    none |= {"next_expected": [], "next_from": [], "next_until": []}
    stage(stocked, "ann", stage="win_back", **none)
    gone = stocked.get(ANN)["next_order"]
    assert (gone["expected_at"], gone["reason"]) == (None, words.PAST_LIMIT)
    assert gone["categories_reason"] == words.PAST_LIMIT
    stage(stocked, "bob", stage="contact", last_order=None, **none)
    assert stocked.get("customers/bob/lifecycle/")["next_order"]["reason"] == words.NEVER_BOUGHT
    unseen = stocked.get("customers/cleo/lifecycle/")
    assert (unseen["stage"], unseen["history"], unseen["action"]) == (None, [], None)
    assert unseen["reason"] == words.NO_STAGE.format(days=ROW_DAYS)


def test_stock_and_flow_add_up(stocked: Shop) -> None:
    stage(stocked, "ann")
    found = stocked.get("lifecycle/flow/", weeks=1)
    assert [each["stage"] for each in found["results"]] == [
        "contact", "acquisition", "development", "retention", "win_back"
    ]  # fmt: skip
    first = stocked.get("lifecycle/flow/")["results"]
    assert first[0] == {
        "week": "2026-10-19", "stage": "contact", "opening": 0, "entries": {"new": 7}, "exits": {"development": 3},
        "closing": 4,
    }  # fmt: skip
    assert first[2]["entries"] == {"contact": 3, "new": 1}
    assert [each["opening"] for each in found["results"]] == [each["closing"] for each in first[:5]]


def test_flows_before_the_first_run(shop: Shop) -> None:
    assert shop.get("lifecycle/flow/") == {"scope": "corner", "as_of": None, "results": []}


def test_value_over_any_span_is_what_the_models_say(stocked: Shop) -> None:
    worth(stocked, "ann")
    someone = Buyers(
        repeats=np.array([3.0]), recency=np.array([150.0]), age=np.array([181.0]), valued=np.array([3.0]),
        mean=np.array([42.5]),
    )  # fmt: skip
    for days, query in ((365, {}), (30, {"days": 30})):
        found = stocked.get("customers/ann/value/", **query)
        told = value.forecast(MODEL, someone, days=days)
        assert found["days"] == days
        for name in ("alive", "orders", "value"):
            expected = [getattr(told, f"{name}{end}")[0] for end in ("_low", "", "_high")]
            assert [found[name][key] for key in ("low", "estimate", "high")] == pytest.approx(expected)
            assert expected[0] < expected[1] < expected[2]
        assert found["order_value"] == pytest.approx(told.order_value[0])
    assert found["history"]["mean_value"] == 42.5
    assert found["next_order"]["reason"] == "The life cycle was not computed yet."


def test_no_value_comes_with_its_reason(stocked: Shop) -> None:
    assert stocked.get("customers/ann/value/")["reason"] == "The value of customers was not computed yet."
    worth(stocked, "bob")
    found = stocked.get("customers/ann/value/")
    assert found["value"] == {"estimate": None, "low": None, "high": None}
    assert found["reason"] == f"No order within the {ROW_DAYS} days before the run."


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("customers/ann/value/?days=0", "days"),
        ("customers/ann/value/?days=soon", "days"),
        ("customers/ann/lifecycle/?weeks=2", "weeks"),
        ("lifecycle/flow/?weeks=1000", "weeks"),
    ],
)
def test_bad_parameters_are_refused_by_name(stocked: Shop, address: str, name: str) -> None:
    assert stocked.get(address, status=400)["errors"][0]["attr"] == name


@pytest.mark.parametrize("address", [ANN, "customers/ann/value/", "lifecycle/flow/"])
def test_overall_is_for_keys_of_the_organisation(stocked: Shop, address: str) -> None:
    stocked.get(address, status=403, overall="true")
    keys = ApiKey.objects.filter(platform=stocked.platform, kind=ApiKey.Kind.SERVER)
    keys.update(scopes=["read", "organisation"])
    assert stocked.get(address, overall="true")["scope"] == f"org:{stocked.platform.organisation.key}"


def test_a_stranger_is_not_found(shop: Shop, make_shop: Callable[..., Shop]) -> None:
    make_shop("other").person("ann")
    assert shop.get(ANN, status=404)["errors"][0]["code"] == "not_found"
