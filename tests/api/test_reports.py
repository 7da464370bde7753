"""Answers of the reports: store tables, goods together, quality, rates, interests and referrals."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from precision.shop.models import ApiKey, Customer, ExchangeRate, Identity, Referral, Store
from tests.api.conftest import NOON, Shop
from tests.api.reports import report_facts

DOLLAR = {"currency": "USD", "target": "EUR", "day": "2026-11-01", "rate": "0.92"}


@pytest.fixture
def told(stocked: Shop) -> Shop:
    report_facts(stocked)
    return stocked


def test_the_table_of_stars_and_orientations(told: Shop) -> None:
    answer = told.get("stores/tables/")
    figures = {
        "stores": 1, "share": 1.0, "stores_with_displays": 1, "stores_with_sales": 1, "mean_displays": 2.0,
        "mean_sales": 4.0, "mean_sales_value": "100.00", "stores_per_display": 0.5, "stores_per_sale": 0.25,
    }  # fmt: skip
    assert answer == {
        "by": "star_orientation", "from": "2025-07-01", "to": "2026-07-01", "months": 1, "currency": "EUR",
        "total": {"group": {}, **figures},
        "results": [{"group": {"star": "3", "orientation": "retail"}, **figures}],
        "stars": [{"given": 3, "implied": 3, "stores": 1}],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("by", "group"), [("type", {"type": "corner"}), ("region", {"region": "corner"}), ("star", {"star": "3"})]
)
def test_the_other_tables(told: Shop, by: str, group: dict[str, str]) -> None:
    assert [row["group"] for row in told.get("stores/tables/", by=by)["results"]] == [group]


def test_what_is_not_given_is_null_and_no_stores_give_an_empty_table(told: Shop, make_shop: Any) -> None:
    Store.objects.create(platform=told.platform, external_id="s2")
    rows = told.get("stores/tables/", by="region")["results"]
    assert [(row["group"]["region"], row["stores_per_display"]) for row in rows] == [
        ("corner", 0.5),
        (None, None),
    ]
    empty = make_shop("empty").get("stores/tables/")
    assert (empty["results"], empty["total"]["stores"], empty["total"]["share"]) == ([], 0, None)


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ("by=colour", "by"),
        ("from=yesterday", "from"),
        ("from=2026-07-01&to=2026-07-01", "to"),
        ("from=0001-01-01", "from"),
        ("to=9999-12-31", "to"),
        ("until=2026-07-01", "until"),
    ],
)
def test_parameters_are_refused_by_name(told: Shop, query: str, attr: str) -> None:
    answer = told.get(f"stores/tables/?{query}", status=400)
    assert [error["attr"] for error in answer["errors"]] == [attr]


def test_goods_that_sell_together(told: Shop) -> None:
    answer = told.get("stores/together/")
    (pair,) = answer["results"]
    assert (answer["as_of"], answer["store_months"]) == ("2026-11-01", 8)
    assert [(part["product_id"], part["sold_here"]) for part in pair["products"]] == [
        ("tea-0", None),
        ("cup-0", None),
    ]
    assert (pair["count"], pair["support"], pair["lift"], pair["confidence"]) == (4, 0.5, 2.0, [1.0, 0.5])
    (here,) = told.get("stores/together/", store="corner-s1")["results"]
    assert [part["sold_here"] for part in here["products"]] == [True, False]
    Store.objects.create(platform=told.platform, external_id="s2")
    assert told.get("stores/together/", store="s2")["results"] == []
    assert told.get("stores/together/", store="nowhere", status=404)["errors"][0]["code"] == "not_found"


def test_nothing_computed_is_null_and_no_error(shop: Shop) -> None:
    shop.person("ann")
    assert shop.get("stores/together/") == {"as_of": None, "store_months": None, "results": []}
    assert shop.get("customers/ann/interests/")["as_of"] is None


def test_quality_of_the_last_days(told: Shop) -> None:
    today = datetime.now(UTC).date()
    answer = told.get("quality/")
    assert (answer["from"], answer["to"]) == (
        (today - timedelta(days=6)).isoformat(),
        (today + timedelta(days=1)).isoformat(),
    )
    (line,) = answer["lines"]
    assert (line["source"], line["day"], line["accepted"], line["rejected"]) == (
        "corner-site",
        today.isoformat(),
        3,
        0,
    )
    assert [total["accepted"] for total in answer["totals"]] == [3, 3]
    assert answer["unaccounted_sources"] == [
        {"source": "corner-site", "name": "corner site", "missing": ["licence", "basis"]}
    ]
    assert (answer["orders_without_rate"], answer["sensors"]) == ({}, [])
    assert told.get("quality/", **{"from": "2020-01-01", "to": "2020-02-01"})["lines"] == []
    refused = told.get("quality/?from=2020-01-01&to=2022-01-01", status=400)
    assert refused["errors"][0]["attr"] == "to"


def test_rates_are_added_listed_and_never_changed_by_a_key(told: Shop, make_shop: Any) -> None:
    client = told.client()

    def post(body: Any, status: int) -> Any:
        response = client.post("/api/v1/exchange-rates/", body, format="json")
        assert response.status_code == status, response.json()
        return response.json()

    assert post(DOLLAR, 201) == {"accepted": 1, "updated": 0, "duplicate": 0, "rejected": []}
    assert post(DOLLAR, 201)["duplicate"] == 1
    refused = post({**DOLLAR, "rate": 2}, 400)
    assert refused["errors"][0]["attr"] == "rate"
    listed = post([{**DOLLAR, "rate": 2}, {**DOLLAR, "day": "2026-11-02"}, 7], 201)
    assert (listed["accepted"], [row["index"] for row in listed["rejected"]]) == (1, [0, 2])
    assert post([DOLLAR] * 5_001, 400)["errors"][0]["attr"] is None
    rates = told.get("exchange-rates/", currency="usd")["results"]
    assert rates == [
        {"currency": "USD", "target": "EUR", "day": "2026-11-01", "rate": "0.92"},
        {"currency": "USD", "target": "EUR", "day": "2026-11-02", "rate": "0.92"},
    ]
    assert told.get("exchange-rates/", currency="GBP")["results"] == []
    assert told.get("exchange-rates/", count=1)["next"]
    assert make_shop("stranger").get("exchange-rates/")["results"] == []


def test_a_key_that_may_only_read_adds_no_rate(told: Shop) -> None:
    ApiKey.objects.filter(platform=told.platform).update(scopes=["read"])
    response = told.client().post("/api/v1/exchange-rates/", DOLLAR, format="json")
    assert response.status_code == 403
    assert not ExchangeRate.objects.exists()


def test_interests_with_their_evidence(told: Shop) -> None:
    answer = told.get("customers/ann/interests/")
    at = "2026-10-20T12:00:00Z"
    assert answer == {
        "customer_id": "ann", "as_of": "2026-11-01",
        "interests": [
            {"topic": "corner tea", "category": ["Food", "Tea"], "score": 1.5, "mentions": 1, "last_at": at,
             "evidence": [{"event": "corner comment", "at": at}]},
        ],
    }  # fmt: skip
    assert told.get("customers/bob/interests/")["interests"] == []
    told.get("customers/nobody/interests/", status=404)


def test_referrals_generation_by_generation(told: Shop) -> None:
    answer = told.get("customers/ann/referrals/")
    assert answer["brought_by"]["customer_id"] == "una"
    assert [(one["customer_id"], one["generation"], one["brought_by"]) for one in answer["brought"]] == [
        ("bob", 1, "ann"),
        ("cleo", 2, "bob"),
    ]
    assert answer["complete"]
    assert len(told.get("customers/ann/referrals/", depth=1)["brought"]) == 1
    told.get("customers/ann/referrals/", depth=9, status=400)


def test_a_circle_of_referrals_ends(told: Shop) -> None:
    Referral.objects.create(
        platform=told.platform, referrer=told.people["cleo"], referred=told.people["una"], at=NOON
    )
    brought = told.get("customers/ann/referrals/", depth=5)["brought"]
    assert [one["customer_id"] for one in brought] == ["bob", "cleo", "una"]


def test_a_tree_that_is_too_large_is_cut_and_says_so(told: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("precision.shop.referrals.MOST", 2)
    owner = Customer.objects.create(organisation=told.platform.organisation)
    for number in range(3):
        one = Identity.objects.create(
            platform=told.platform, kind="anonymous_id", value=f"v{number}", customer=owner
        )
        Referral.objects.create(platform=told.platform, referrer=told.people["ann"], referred=one, at=NOON)
    answer = told.get("customers/ann/referrals/")
    assert (len(answer["brought"]), answer["complete"]) == (2, False)
    assert answer["brought"][1] == {
        "customer_id": None, "anonymous_id": "v0", "at": "2026-10-20T12:00:00Z", "generation": 1, "brought_by": "ann",
    }  # fmt: skip
