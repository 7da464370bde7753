"""Portraits, segments and members."""

from datetime import date

import pytest

from precision.engine.models import Run
from precision.shop.models import Order, OrderLine, Profile
from segments.models import Segment, SegmentMember
from segments.portraits import age
from tests.api.conftest import Shop


def test_a_portrait_by_hand(shop: Shop) -> None:
    tea, cup = shop.category("Food", "Tea"), shop.category("Cups")
    shop.product("tea", "3.00", category=tea)
    shop.product("cup", "5.00", category=cup)
    shop.product("odd", "2.00")
    ann = shop.person("ann")
    Profile.objects.create(identity=ann, birth_date=date(1990, 5, 1), city="Lyon", traits={"size": "M"})
    shop.order("ann", "tea", "cup", days_ago=9)
    shop.order("ann", "tea", "odd")
    shop.order("ann", "cup", status="cancelled")
    back = shop.order("ann", days_ago=1, status="returned")
    OrderLine.objects.create(order=back, product=shop.products["tea"], quantity="-0.5", unit_price="3.00")
    shop.person("bob")
    shop.order("bob", "cup")
    shop.classes({"ann": "C", "bob": "B"})
    portrait = shop.get("customers/ann/portrait/")
    assert portrait["attributes"]["city"] == "Lyon"
    assert portrait["attributes"]["traits"] == {"size": "M"}
    assert portrait["attributes"]["gender"] is None
    assert portrait["consumption"] == {
        "orders": 2, "first_order_at": "2026-10-11T12:00:00Z", "last_order_at": "2026-10-20T12:00:00Z",
        "spend": "11.50", "currency": "EUR", "average_order": "5.75",
        "categories": [
            {"category": ["Cups"], "spend": "5.00", "share": pytest.approx(5 / 11.5)},
            {"category": ["Food", "Tea"], "spend": "4.50", "share": pytest.approx(4.5 / 11.5)},
            {"category": None, "spend": "2.00", "share": pytest.approx(2 / 11.5)},
        ],
    }  # fmt: skip
    assert portrait["price_class"]["class"] == "C"
    assert portrait["price_class"]["spend"] == "12.50"
    assert portrait["rfm"] is None
    assert portrait["everyone"]["price_class"]["customers"] == 2
    assert portrait["everyone"]["price_class"]["spend"] == "12.50"
    assert portrait["everyone"]["rfm"] is None


def test_who_never_bought_has_a_portrait_too(shop: Shop) -> None:
    shop.person("ann")
    portrait = shop.get("customers/ann/portrait/")
    assert portrait["consumption"]["orders"] == 0
    assert portrait["consumption"]["average_order"] is None
    assert (portrait["price_class"], portrait["rfm"], portrait["segments"]) == (None, None, [])


@pytest.mark.parametrize(
    ("birth", "years"),
    [
        (date(2000, 6, 15), 25),
        (date(2000, 6, 14), 26),
        (date(2000, 2, 29), 26),
        (date(2026, 6, 15), None),
        (None, None),
    ],
)
def test_age_in_full_years(birth: date | None, years: int | None) -> None:
    assert age(birth, date(2026, 6, 14)) == years


def test_segments_tell_their_sizes(stocked: Shop) -> None:
    Segment.objects.create(platform=stocked.platform, key="late", name="Late", condition={})
    answer = stocked.get("segments/")
    # Made after the run in force: nobody has looked for its members yet, which is not the same as none.
    assert {entry["key"]: entry["size"] for entry in answer["results"]} == {"class-a": 1, "late": None}
    Run.objects.filter(job="segments").update(started_at="2099-01-01T00:00Z")
    answer = stocked.get("segments/")
    assert {entry["key"]: entry["size"] for entry in answer["results"]} == {"class-a": 1, "late": 0}


def test_a_segment_is_made_from_a_condition(shop: Shop) -> None:
    condition = {
        "all": [
            {"label": "price_class", "op": "=", "value": "A"},
            {"label": "recency_days", "op": "<", "value": 30},
        ]
    }
    sent = {"key": "good-now", "name": "Good now", "condition": condition}
    response = shop.client().post("/api/v1/segments/", sent, format="json")
    assert response.status_code == 201
    assert response.json()["condition"] == condition
    assert response.json()["size"] is None
    assert Segment.objects.get(platform=shop.platform).key == "good-now"
    again = shop.client().post("/api/v1/segments/", sent, format="json")
    assert again.status_code == 400
    assert again.json()["errors"][0]["attr"] == "key"
    assert Segment.objects.count() == 1


@pytest.mark.parametrize(
    ("condition", "place"),
    [
        ({"all": [{"label": "price_class", "op": "=", "value": "A"}, {"not": {"label": "shoe", "op": "="}}]},
         "all[1].not.label"),
        ({"any": []}, "any"),
        ({"label": "recency_days", "op": "<", "value": "soon"}, "value"),
        ({"label": "recency_days", "op": "~", "value": 3}, "op"),
        ({}, "condition"),
        ([], "condition"),
        ("A", "condition"),
        ({"any": [{"did": "Page Burnt", "within_days": 7}]}, "any[0].did"),
        ({"did": "Order Completed", "where": {"colour": "red"}}, "where.colour"),
        ({"not": {"segment": "nobody"}}, "not.segment"),
    ],
)  # fmt: skip
def test_a_wrong_condition_is_refused_at_its_place(shop: Shop, condition: object, place: str) -> None:
    sent = {"key": "x", "name": "X", "condition": condition}
    response = shop.client().post("/api/v1/segments/", sent, format="json")
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["attr"] == "condition"
    assert error["detail"].startswith(f"{place}:")
    assert not Segment.objects.exists()


def test_members_come_in_pages_under_the_shops_own_ids(stocked: Shop) -> None:
    segment = Segment.objects.get(key="class-a")
    run = Run.objects.get(job="segments")
    for name in ("bob", "cleo", "una"):
        SegmentMember.objects.create(run=run, segment=segment, customer=stocked.people[name].customer)
    visitor = stocked.person("v-1", kind="anonymous_id")
    SegmentMember.objects.create(run=run, segment=segment, customer=visitor.customer)
    found, answer = [], stocked.get("segments/class-a/members/", count=2)
    pages = 1
    while answer["next"]:
        found += answer["results"]
        answer = stocked.client().get(answer["next"]).json()
        pages += 1
    found += answer["results"]
    assert pages == 3
    assert [{key: one[key] for key in ("customer_id", "anonymous_id")} for one in found] == [
        *({"customer_id": name, "anonymous_id": None} for name in ("ann", "bob", "cleo", "una")),
        {"customer_id": None, "anonymous_id": "v-1"},
    ]
    assert answer["as_of"] == "2026-11-01"
    assert Order.objects.filter(identity=stocked.people["ann"]).count() == 2  # reading changes nothing
