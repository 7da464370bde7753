"""Portraits: everything that is known, masked for who may not see it, and groups beside everyone."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from precision.shop import history
from precision.shop.models import ApiKey, Event, ExchangeRate, Order, Profile, Send
from precision.shop.partitions import ensure_month
from segments import overrides
from segments.masking import MASKED
from segments.models import Segment, SegmentMember
from tests.api.conftest import Shop
from tests.api.portraits import habits, labels, portrait_results
from tests.api.reports import report_facts
from tests.segments.grouped_shop import night

CONDITION = {"condition": {"label": "price_class", "op": "=", "value": "A"}}


def open_key(shop: Shop, *scopes: str) -> None:
    key = ApiKey.objects.get(platform=shop.platform, kind=ApiKey.Kind.SERVER)
    key.scopes = sorted({*key.scopes, *scopes})
    key.save()


def post(shop: Shop, body: Any, status: int = 200) -> Any:
    response = shop.client().post("/api/v1/segments/portrait/", body, format="json")
    assert response.status_code == status, response.content
    return response.json()


@pytest.fixture
def told(stocked: Shop) -> Shop:
    """A stocked shop that told much of ann."""
    Profile.objects.create(
        identity=stocked.people["ann"], birth_date=date(1990, 5, 1), city="Lyon", income="50-74K",
        marital_status="married", traits={"age_band": "35-44", "size": "M"},
    )  # fmt: skip
    portrait_results(stocked, "ours")
    return stocked


def test_sensitive_attributes_are_masked_without_the_scope_and_unknown_ones_are_not(told: Shop) -> None:
    known = told.get("customers/ann/portrait/")
    attributes = known["attributes"]
    assert known["masked"] is True
    for name in ("age", "birth_date", "income", "marital_status"):
        assert attributes[name] == MASKED
    assert attributes["traits"] == {"age_band": MASKED, "size": "M"}
    assert (attributes["city"], attributes["gender"]) == ("Lyon", None)
    assert told.get("customers/bob/portrait/")["attributes"]["income"] is None
    open_key(told, "sensitive")
    known = told.get("customers/ann/portrait/")
    assert known["masked"] is False
    assert known["attributes"]["income"] == "50-74K"
    assert known["attributes"]["traits"] == {"age_band": "35-44", "size": "M"}


def test_personal_attributes_need_a_scope_too(told: Shop) -> None:
    key = ApiKey.objects.get(platform=told.platform, kind=ApiKey.Kind.SERVER)
    key.scopes = ["read"]
    key.save()
    attributes = told.get("customers/ann/portrait/")["attributes"]
    assert (attributes["city"], attributes["traits"]["size"], attributes["income"]) == (
        MASKED,
        MASKED,
        MASKED,
    )
    open_key(told, "personal")
    attributes = told.get("customers/ann/portrait/")["attributes"]
    assert (attributes["city"], attributes["traits"]["size"], attributes["income"]) == ("Lyon", "M", MASKED)


def test_labels_stand_beside_everyone_and_pinned_ones_count_at_once(told: Shop) -> None:
    def by_label() -> dict[str, Any]:
        return {entry["label"]: entry for entry in told.get("customers/ann/portrait/")["labels"]}

    before = by_label()
    assert before["price_class"]["value"] == "A"
    assert before["price_class"]["share"] == pytest.approx(1 / 3)  # of three with a class
    assert before["money"]["everyone"] == pytest.approx(7.75)
    assert before["money"]["below"] == pytest.approx(1.0, abs=0.01)
    overrides.pin(told.people["ann"], "price_class", "C", reason="told us")
    assert by_label()["price_class"]["value"] == "C"


def test_yes_and_no_stand_beside_everyone_too(stocked: Shop) -> None:
    labels(stocked, {"active": {"ann": True, "bob": True, "cleo": False}})
    entries = {name: stocked.get(f"customers/{name}/portrait/")["labels"][0] for name in ("ann", "cleo")}
    assert [entries[name]["share"] for name in ("ann", "cleo")] == pytest.approx([2 / 3, 1 / 3])


def test_masked_labels_tell_no_standing(told: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segments.masking.sensitivity_of_label", lambda name: "sensitive")
    for entry in told.get("customers/ann/portrait/")["labels"]:
        assert (entry["value"], entry["below"], entry["share"], entry["everyone"]) == (
            MASKED,
            None,
            None,
            None,
        )


def test_media_contact_beside_everyone(told: Shop) -> None:
    contacts = told.get("customers/ann/portrait/")["habits"]["contacts"]
    assert contacts["channel"] == [
        {"value": "ours-web", "times": 9, "share": 1.0, "time_share": 1.0, "everyone_share": 0.75,
         "everyone_time_share": 1.0, "lift": pytest.approx(4 / 3)}
    ]  # fmt: skip
    assert contacts["hour"][0]["value"] == "9"
    assert told.get("customers/cleo/portrait/")["habits"]["contacts"]["channel"] == []


def test_the_timeline_tells_orders_messages_and_events(told: Shop) -> None:
    report_facts(told)
    Send.objects.create(
        platform=told.platform, campaign="fair", identity=told.people["ann"], channel="email",
        at=datetime(2026, 10, 25, tzinfo=UTC),
    )  # fmt: skip
    entries = told.get("customers/ann/portrait/")["timeline"]
    assert [entry["at"] for entry in entries] == sorted((entry["at"] for entry in entries), reverse=True)
    kinds = {entry["kind"] for entry in entries}
    assert {"order", "message"} <= kinds
    assert next(entry for entry in entries if entry["kind"] == "message")["text"] == "fair: sent"


def test_overall_needs_the_organisations_key_and_shows_all_its_shops(make_shop: Callable[..., Shop]) -> None:
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    ann = ours.person("ann")
    theirs.person("annie", customer=ann.customer)
    Profile.objects.create(identity=theirs.people["annie"], city="Nice")
    for shop, name in ((ours, "ann"), (theirs, "annie")):
        shop.product("tea", "3.00")
        shop.order(name, "tea")
    refused = ours.get("customers/ann/portrait/", status=403, overall="true")
    assert "organisation" in refused["errors"][0]["detail"]
    assert ours.get("customers/ann/portrait/")["attributes"]["city"] is None
    open_key(ours, "organisation")
    joined = ours.get("customers/ann/portrait/", overall="true")
    assert (joined["scope"], joined["attributes"]["city"]) == ("org:group", "Nice")
    assert (joined["consumption"]["orders"], joined["consumption"]["spend"]) == (2, "6.00")
    assert sorted(joined["consumption"]["platforms"]) == ["ours", "theirs"]
    assert len(joined["timeline"]) == 2


@pytest.fixture
def crowd(shop: Shop) -> Shop:
    """Forty customers; the first twenty are class A, pay well and come by the app; the others do not."""
    names = [f"p{number:02}" for number in range(40)]
    for name in names:
        shop.person(name)
    rich, others = names[:20], names[20:]
    labels(
        shop,
        {
            "price_class": {name: "A" if name in rich else "B" for name in names},
            "rfm_group": dict.fromkeys(rich[:18], "champions") | dict.fromkeys([*rich[18:], *others], "lost"),
            "money": {name: (100.0 if name in rich else 10.0) + place for place, name in enumerate(names)},
        },
    )
    rows = [(name, "channel", "app" if name in rich else "web", 5, 1_000) for name in names]
    rows += [(name, "channel", "web" if name in rich else "app", 1, 0) for name in names]
    habits(shop, [*rows, *((name, "hour", "9", 6, 0) for name in names)])
    run = shop.run("segments")
    for key, members in (("rich", rich), ("one", rich[:1]), ("nobody", []), ("few", rich[:9])):
        segment = Segment.objects.create(
            platform=shop.platform,
            key=key,
            name=key,
            condition={"label": "price_class", "op": "=", "value": "A"},
        )
        SegmentMember.objects.bulk_create(
            SegmentMember(run=run, segment=segment, customer=shop.people[name].customer) for name in members
        )
    return shop


def test_a_group_beside_everyone(crowd: Shop) -> None:
    answer = crowd.get("segments/rich/portrait/")
    assert (answer["size"], answer["of"], answer["share"], answer["as_of"]) == (20, 40, 0.5, "2026-11-01")
    found = {(entry["label"], entry["value"]): entry for entry in answer["labels"]}
    champions = found["rfm_group", "champions"]
    assert (champions["people"], champions["share"], champions["everyone_share"]) == (18, 0.9, 0.45)
    assert champions["lift"] == pytest.approx(2.0)
    assert 1 < champions["low"] < 2.0 <= champions["high"] <= 2.0 + 1e-9  # all of them are in the group
    (money,) = [entry for entry in answer["numbers"] if entry["label"] == "money"]
    assert money["mean"] == pytest.approx(109.5)
    assert money["everyone_mean"] == pytest.approx(74.5)
    assert 0 < money["low"] < money["difference"] < money["high"]
    app = next(entry for entry in answer["contacts"]["channel"] if entry["value"] == "app")
    assert (app["share"], app["everyone_share"]) == (pytest.approx(5 / 6), pytest.approx(0.5))
    assert app["time_share"] == pytest.approx(1.0)
    assert app["low"] > 1
    # By definition they are class A; that is no news.
    assert not [text for text in answer["summary"] if text.startswith("Price class")]
    assert any("champions" in text for text in answer["summary"])


def test_a_group_by_a_condition_is_that_of_the_segment(crowd: Shop) -> None:
    segment, group = crowd.get("segments/rich/portrait/"), post(crowd, CONDITION)
    assert group["segment"] is None
    for name in ("size", "of", "labels", "numbers", "contacts", "summary"):
        assert group[name] == segment[name]


@pytest.mark.parametrize("key", ["nobody", "one"])
def test_an_empty_group_and_a_group_of_one_have_a_portrait(crowd: Shop, key: str) -> None:
    answer = crowd.get(f"segments/{key}/portrait/")
    assert answer["size"] == (key == "one")
    assert answer["summary"] == []
    for entry in answer["labels"]:
        assert (entry["low"], entry["high"]) == (None, None)
    if key == "nobody":
        assert answer["numbers"] == []
        assert {entry["share"] for entry in answer["labels"]} == {None}


def test_before_any_run_a_portrait_of_a_group_is_empty(shop: Shop) -> None:
    Segment.objects.create(platform=shop.platform, key="new", name="New", condition=CONDITION["condition"])
    answer = shop.get("segments/new/portrait/")
    assert (answer["size"], answer["of"], answer["as_of"], answer["labels"]) == (0, 0, None, [])
    assert post(shop, CONDITION)["size"] == 0


def test_sensitive_labels_describe_no_group_for_who_may_not_see_them(
    crowd: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "segments.masking.sensitivity_of_label", lambda name: "sensitive" if name == "rfm_group" else "plain"
    )
    answer = crowd.get("segments/rich/portrait/")
    assert answer["withheld"] == {"rfm_group": MASKED}
    assert "rfm_group" not in {entry["label"] for entry in answer["labels"]}
    assert "champions" not in str(answer)
    refused = post(crowd, {"condition": {"label": "rfm_group", "op": "=", "value": "lost"}}, status=403)
    assert "rfm_group" in refused["errors"][0]["detail"]


def test_small_groups_are_never_described_by_sensitive_labels(
    crowd: Shop, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(
        "segments.masking.sensitivity_of_label", lambda name: "sensitive" if name == "rfm_group" else "plain"
    )
    open_key(crowd, "sensitive")
    few = crowd.get("segments/few/portrait/")
    assert few["withheld"] == {"rfm_group": "sensitive, and fewer than 10 people"}
    assert "champions" not in str(few)
    rich = {(e["label"], e["value"]): e["people"] for e in crowd.get("segments/rich/portrait/")["labels"]}
    # Two of the twenty are lost: too few to be told apart.
    assert {value: people for (label, value), people in rich.items() if label == "rfm_group"} == {
        "champions": 18, "rarer values": 2,
    }  # fmt: skip
    settings.PRECISION_SMALLEST_GROUP = 5
    assert "champions" in str(crowd.get("segments/few/portrait/")["labels"])


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"condition": {"label": "shoe", "op": "=", "value": 1}}, "label"),
        ({"condition": {"all": []}}, "all"),
        ({"condition": 3}, "condition"),
        ({}, "required"),
        ({"condition": {"did": "Page Eaten"}}, "did"),
        ({"condition": {"segment": "nobody-knows"}}, "segment"),
        ([], "dictionary"),
    ],
)
def test_a_condition_that_cannot_be_used_is_refused(shop: Shop, body: Any, place: str) -> None:
    error = post(shop, body, status=400)["errors"][0]
    assert place in f"{error['attr']} {error['code']} {error['detail']}"


@pytest.mark.django_db(transaction=True)
def test_a_group_may_be_named_by_what_its_people_did(told: Shop) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    ensure_month(yesterday.date())
    Event.objects.create(
        platform=told.platform, identity=told.people["bob"], name="Product Viewed", at=yesterday,
        received_at=yesterday, message=b"v" * 16, product=told.products["tea-0"],
    )  # fmt: skip
    did = {"did": "Product Viewed", "within_days": 7}
    history.export(told.platform)
    night(told.platform.key, "behaviour", as_of=yesterday.date() + timedelta(days=2))
    assert post(told, {"condition": did})["size"] == 1
    assert post(told, {"condition": {"all": [did, CONDITION["condition"]]}})["size"] == 0


def test_foreign_money_is_converted_at_the_rate_of_the_day(shop: Shop) -> None:
    shop.person("ann")
    shop.product("tea-0", "10.00")
    shop.order("ann", "tea-0")
    abroad = shop.order("ann", "tea-0")
    unknown = shop.order("ann", "tea-0")
    Order.objects.filter(pk=abroad.pk).update(currency="GBP")
    Order.objects.filter(pk=unknown.pk).update(currency="CHF")
    ExchangeRate.objects.create(
        organisation=shop.platform.organisation, currency="GBP", target=shop.platform.currency, rate="1.2",
        day=abroad.placed_at.date(),
    )  # fmt: skip
    found = shop.get("customers/ann/portrait/")["consumption"]
    assert (found["orders"], found["spend"]) == (3, "22.00")


def test_a_condition_asks_about_the_own_platform_only(make_shop: Callable[..., Shop]) -> None:
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    for shop, word in ((ours, "ours"), (theirs, "theirs")):
        for name in ("ann", "bob", "cleo"):
            shop.person(name)
        for name in ("tea-0", "tea-9", "cup-9"):
            shop.product(name)
        portrait_results(shop, word)
    answer = post(ours, CONDITION)
    assert answer["size"] == 1
    assert "ours-group" in str(answer)
    assert "theirs" not in str(answer)
