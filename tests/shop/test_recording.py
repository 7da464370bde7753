"""Rows of the API become facts: what is new, what is the same, what changes, and what is refused where."""

from datetime import UTC, datetime
from typing import Any

import pytest

from precision.shop import pii, sources
from precision.shop.models import (
    Assignment,
    Consent,
    Exposure,
    Identity,
    IdentityLink,
    Platform,
    Product,
    Profile,
    Referral,
    Response,
    Send,
    Source,
    Store,
    StoreMonth,
    Tally,
)
from precision.shop.recording import Answer, record

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def send(platform: Platform, kind: str, *rows: Any, replace: bool = False) -> Answer:
    source = sources.default(platform, Source.Kind.REST)
    return record(platform, kind, list(rows), replace=replace, source=source, now=NOW)


def counts(answer: Answer) -> tuple[int, int, int, int]:
    """Accepted, updated, duplicate, rejected."""
    return answer.accepted, answer.updated, answer.duplicate, len(answer.rejected)


def refusals(answer: Answer) -> list[tuple[int, str, str]]:
    assert all(one.detail.endswith(".") for one in answer.rejected)
    return [(one.index, one.code, one.field) for one in answer.rejected]


TEA = {
    "product_id": "tea", "title": "Green tea", "category": ["Food", "Tea"], "price": "3.50", "currency": "EUR",
    "labels": {"taste": "mild"}, "origin": "Japan",
}  # fmt: skip


def test_a_product_is_new_then_known_then_changed(platform: Platform) -> None:
    assert counts(send(platform, "product", TEA)) == (1, 0, 0, 0)
    assert counts(send(platform, "product", TEA)) == (0, 0, 1, 0)
    assert counts(send(platform, "product", {"product_id": "tea", "price": 4, "labels": {"size": "L"}})) == (
        0, 1, 0, 0,
    )  # fmt: skip
    tea = Product.objects.select_related("category").get()
    assert (tea.title, str(tea.price), tea.category and tea.category.path) == (
        "Green tea",
        "4",
        ["Food", "Tea"],
    )
    assert tea.labels == {"taste": "mild", "size": "L"}
    assert tea.traits == {"origin": "Japan"}


def test_replacing_a_product_empties_what_is_not_given(platform: Platform) -> None:
    send(platform, "product", {**TEA, "brand": "Leaf", "in_stock": False, "aliases": ["sencha"]})
    short = {"product_id": "tea", "title": "Tea"}
    assert counts(send(platform, "product", short, replace=True)) == (0, 1, 0, 0)
    assert counts(send(platform, "product", short, replace=True)) == (0, 0, 1, 0)
    tea = Product.objects.get()
    assert (tea.title, tea.price, tea.brand, tea.category_id, tea.labels, tea.traits, tea.aliases) == (
        "Tea", None, "", None, {}, {}, [],
    )  # fmt: skip
    assert tea.in_stock
    assert tea.active


def test_a_new_product_needs_a_title(platform: Platform) -> None:
    answer = send(platform, "product", {"product_id": "cup", "price": 1}, TEA)
    assert counts(answer) == (1, 0, 0, 1)
    assert refusals(answer) == [(0, "missing", "title")]


def test_rows_of_one_record_are_folded_in_their_order(platform: Platform) -> None:
    answer = send(
        platform,
        "product",
        {"product_id": 7, "title": "Cup", "price": 1},
        {"product_id": "7", "price": 2, "labels": {"a": 1}},
        {"product_id": 7.0, "price": 2},
        {"product_id": "7", "labels": {"b": 2}},
    )
    assert counts(answer) == (1, 2, 1, 0)
    cup = Product.objects.get()
    assert (cup.external_id, cup.title, str(cup.price), cup.labels) == ("7", "Cup", "2", {"a": 1, "b": 2})


ANN = {
    "customer_id": "ann", "email": "Ann@Example.org", "name": "Ann", "country": "DE", "birth_date": "1990-05-01",
    "address": {"street": "1 Lane", "city": "Ulm"}, "registered_at": "2024-01-31T10:00:00+01:00",
    "traits": {"shoe": 39}, "vip": True,
}  # fmt: skip


def test_a_customer_is_new_then_known_then_changed(platform: Platform) -> None:
    assert counts(send(platform, "customer", ANN)) == (1, 0, 0, 0)
    assert counts(send(platform, "customer", ANN)) == (0, 0, 1, 0)
    assert counts(send(platform, "customer", {"customer_id": "ann", "city": "Ulm"})) == (0, 1, 0, 0)
    profile = Profile.objects.get()
    assert (profile.country, profile.city, profile.traits) == ("DE", "Ulm", {"vip": True, "shoe": 39})
    assert profile.registered_at == datetime(2024, 1, 31, 9, tzinfo=UTC)
    assert pii.decrypt(profile.personal or b"") == {
        "email": "Ann@Example.org",
        "name": "Ann",
        "address": {"street": "1 Lane", "city": "Ulm"},
    }


def test_replacing_a_customer_keeps_the_person(platform: Platform) -> None:
    send(platform, "customer", ANN)
    before = Identity.objects.get(kind="customer_id")
    assert counts(send(platform, "customer", {"customer_id": "ann", "name": "Ann"}, replace=True)) == (
        0, 1, 0, 0,
    )  # fmt: skip
    profile = Profile.objects.get()
    assert profile.identity_id == before.pk
    assert (profile.country, profile.birth_date, profile.traits) == ("", None, {})
    assert pii.decrypt(profile.personal or b"") == {"name": "Ann"}
    assert counts(send(platform, "customer", {"customer_id": "ann", "name": "Ann"}, replace=True)) == (
        0, 0, 1, 0,
    )  # fmt: skip
    assert counts(send(platform, "customer", {"customer_id": "ann"}, replace=True)) == (0, 1, 0, 0)
    assert Profile.objects.get().personal is None


def test_names_of_a_customer_join_the_person(
    platform: Platform, django_capture_on_commit_callbacks: Any
) -> None:
    card = {"kind": "card", "value": "4711-0815"}
    visitor = {"kind": "anonymous_id", "value": "visitor-1"}
    row = {"customer_id": "ann", "email": "ann@shop.de", "identities": [card, visitor]}
    with django_capture_on_commit_callbacks(execute=True):
        assert counts(send(platform, "customer", row)) == (1, 0, 0, 0)
    assert counts(send(platform, "customer", row)) == (0, 0, 1, 0)
    people = dict(Identity.objects.values_list("kind", "customer_id"))
    assert {*people} == {"customer_id", "email", "card", "anonymous_id"}
    assert people["anonymous_id"] == people["customer_id"]
    assert IdentityLink.objects.filter(origin="profile", verified=True).count() == 3
    more = {"customer_id": "ann", "identities": [{"kind": "external_id", "value": "crm-7"}]}
    assert counts(send(platform, "customer", more, replace=True)) == (0, 1, 0, 0)
    assert IdentityLink.objects.count() == 4


def test_consents_of_a_customer_are_a_history(platform: Platform) -> None:
    yes = {"channel": "email", "purpose": "marketing", "granted": True, "at": "2026-01-01T00:00:00Z"}
    no = {**yes, "granted": False, "at": "2026-02-01T00:00:00Z", "basis": "consent"}
    rows = {"customer_id": "ann", "consents": [yes]}, {"customer_id": "bob", "consents": [yes, no]}
    assert counts(send(platform, "customer", *rows)) == (2, 0, 0, 0)
    assert counts(send(platform, "customer", *rows)) == (0, 0, 2, 0)
    assert counts(send(platform, "customer", {"customer_id": "ann", "consents": [no]}, rows[1])) == (
        0,
        1,
        1,
        0,
    )
    words = Consent.objects.order_by("identity__value", "at").values_list(
        "identity__value", "granted", "basis"
    )
    assert list(words) == [
        ("ann", True, ""), ("ann", False, "consent"), ("bob", True, ""), ("bob", False, "consent"),
    ]  # fmt: skip


def test_who_brought_a_customer(platform: Platform) -> None:
    row = {"customer_id": "bob", "referred_by": "ann"}
    assert counts(send(platform, "customer", row)) == (1, 0, 0, 0)
    assert counts(send(platform, "customer", row, {"customer_id": "bob"})) == (0, 0, 2, 0)
    assert [(one.referrer.value, one.referred.value) for one in Referral.objects.all()] == [("ann", "bob")]
    assert counts(send(platform, "customer", {**row, "referred_by": "cleo"})) == (0, 1, 0, 0)
    assert Referral.objects.get().referrer.value == "cleo"
    itself = send(platform, "customer", {**row, "referred_by": "bob"})
    assert refusals(itself) == [(0, "unusable_identity", "referred_by")]
    assert counts(send(platform, "customer", {"customer_id": "bob"}, replace=True)) == (0, 1, 0, 0)
    assert not Referral.objects.exists()


def test_a_name_of_nobody_refuses_the_row_unless_it_is_only_part_of_the_profile(platform: Platform) -> None:
    answer = send(
        platform,
        "customer",
        {"customer_id": "null"},
        {"customer_id": "ann", "email": "nobody", "phone": "?"},
        {
            "customer_id": "bob",
            "identities": [{"kind": "card", "value": "1"}, {"kind": "phone", "value": "x"}],
        },
    )
    assert counts(answer) == (1, 0, 0, 2)
    assert refusals(answer) == [
        (0, "unusable_identity", "customer_id"),
        (2, "unusable_identity", "identities[1].value"),
    ]
    assert pii.decrypt(Profile.objects.get().personal or b"") == {"email": "nobody", "phone": "?"}


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        ({}, "missing", "customer_id"),
        ([], "not_an_object", ""),
        ({"customer_id": None}, "missing", "customer_id"),
        ({"customer_id": ["ann"]}, "not_a_text", "customer_id"),
        ({"customer_id": True}, "not_a_text", "customer_id"),
        ({"customer_id": 10**60}, "out_of_range", "customer_id"),
        ({"customer_id": "x" * 201}, "too_long", "customer_id"),
        ({"customer_id": "a\0b"}, "nul_character", "customer_id"),
        ({"customer_id": "a\ud800"}, "not_unicode", "customer_id"),
        ({"customer_id": "a", "birth_date": "0001-01-01"}, "too_early", "birth_date"),
        ({"customer_id": "a", "birth_date": "9999-01-01"}, "in_future", "birth_date"),
        ({"customer_id": "a", "registered_at": 5}, "not_a_time", "registered_at"),
        ({"customer_id": "a", "traits": "tall"}, "not_an_object", "traits"),
        ({"customer_id": "a", "traits": {"a": {"b": float("nan")}}}, "not_a_number", "traits"),
        ({"customer_id": "a", "odd\0": 1}, "nul_character", "traits"),
        ({"customer_id": "a", "consents": {}}, "not_a_list", "consents"),
        ({"customer_id": "a", "consents": [1]}, "not_an_object", "consents[0]"),
        (
            {"customer_id": "a", "consents": [{"channel": "email", "purpose": "x", "granted": "maybe"}]},
            "not_a_boolean",
            "consents[0].granted",
        ),
        ({"customer_id": "a", "identities": [{"kind": "email"}]}, "missing", "identities[0].value"),
        (
            {"customer_id": "a", "identities": [{"kind": "email", "value": "a@b.de", "x": 1}]},
            "unknown_field",
            "identities[0].x",
        ),
    ],
)
def test_a_refused_row_names_place_code_and_field(
    platform: Platform, row: Any, code: str, field: str
) -> None:
    answer = send(platform, "customer", {"customer_id": "bob"}, row)
    assert counts(answer) == (1, 0, 0, 1)
    assert refusals(answer) == [(1, code, field)]
    assert list(Identity.objects.values_list("value", flat=True)) == ["bob"]


def test_stores_and_counts(platform: Platform) -> None:
    row = {"store_id": "s1", "name": "Main street", "stars": 3, "opened_at": "2020-01-01", "floor": 2}
    assert counts(send(platform, "store", row, {"store_id": "s2", "stars": 6})) == (1, 0, 0, 1)
    assert counts(send(platform, "store", {"store_id": "s1", "stars": 4})) == (0, 1, 0, 0)
    store = Store.objects.get()
    assert (store.name, store.stars, store.traits) == ("Main street", 4, {"floor": 2})
    told = Tally.objects.order_by("pk").values_list("kind", "outcome", "reason", "count")
    assert list(told) == [
        ("store", "accepted", "", 1),
        ("store", "rejected", "out_of_range", 1),
        ("store", "updated", "", 1),
    ]


def test_months_of_stores(platform: Platform) -> None:
    month = {
        "store_id": "s1",
        "month": "2024-05-17",
        "displays": 2.5,
        "sales_value": "-10.5",
        "weather": "wet",
    }
    one = {**month, "product_id": "tea", "sales_units": 3}
    assert counts(send(platform, "store-month", month, one)) == (2, 0, 0, 0)
    assert counts(send(platform, "store-month", month, one)) == (0, 0, 2, 0)
    later = {"store_id": "s1", "month": "2024-05-01", "displays": 4}
    assert counts(send(platform, "store-month", later, {**later, "month": "2024-05-31"})) == (0, 1, 1, 0)
    rows = StoreMonth.objects.order_by("pk").values_list(
        "month", "product__external_id", "displays", "sales_value", "sales_units", "traits"
    )
    assert [tuple(map(str, row)) for row in rows] == [
        ("2024-05-01", "None", "4.0", "-10.5", "None", "{'weather': 'wet'}"),
        ("2024-05-01", "tea", "2.5", "-10.5", "3", "{'weather': 'wet'}"),
    ]
    assert not Product.objects.get().listed
    assert counts(send(platform, "store-month", {**later, "product_id": "tea"}, replace=True)) == (0, 1, 0, 0)
    assert StoreMonth.objects.get(product__isnull=False).sales_value is None


AT = "2026-11-20T10:00:00Z"


def test_assignments(platform: Platform) -> None:
    row = {"campaign_id": "c", "customer_id": "ann", "arm": "treated", "at": AT}
    nobody = {**row, "customer_id": "null"}
    answer = send(platform, "assignment", row, row, {**row, "customer_id": "bob"}, nobody)
    assert counts(answer) == (2, 0, 1, 1)
    assert refusals(answer) == [(3, "unusable_identity", "customer_id")]
    before = Assignment.objects.get(identity__value="ann")
    assert counts(send(platform, "assignment", {**row, "arm": "held out"})) == (0, 1, 0, 0)
    after = Assignment.objects.get(identity__value="ann")
    assert (after.pk, after.arm) == (before.pk, "held out")
    # What changes is told again to who reads on.
    assert after.position >= before.position


def test_sends(platform: Platform) -> None:
    row = {"campaign_id": "c", "customer_id": "ann", "channel": "email", "at": AT, "template": "t1"}
    assert counts(send(platform, "send", row, {**row, "step": "2"})) == (2, 0, 0, 0)
    assert counts(send(platform, "send", {**row, "status": "bounced"}, {**row, "step": "2"})) == (0, 1, 1, 0)
    rows = Send.objects.order_by("step").values_list("step", "status", "properties")
    assert list(rows) == [("", "bounced", {"template": "t1"}), ("2", "sent", {"template": "t1"})]


def test_responses(platform: Platform) -> None:
    row = {"response": "clicked", "recommendation_id": "r1", "slot": "home-1", "rank": 2, "product_id": "tea"}
    named = {**row, "response_id": "x", "at": AT, "anonymous_id": "visitor-1"}
    assert counts(send(platform, "response", named, {**row, "at": AT}, {**row, "at": AT})) == (2, 0, 1, 0)
    assert counts(send(platform, "response", {**named, "slot": "home-2"}, {**row, "at": AT})) == (0, 1, 1, 0)
    rows = Response.objects.order_by("slot").values_list(
        "kind", "slot", "rank", "product__external_id", "identity__value"
    )
    assert list(rows) == [("clicked", "home-1", 2, "tea", None), ("clicked", "home-2", 2, "tea", "visitor-1")]


def test_exposures(platform: Platform) -> None:
    items = [
        {"slot": "home-1", "rank": 1, "product_id": "tea", "source": "als", "propensity": 0.25},
        {"slot": "home-1", "product_id": "cup"},
    ]
    row = {"recommendation_id": "r1", "customer_id": "ann", "at": AT, "page": "home", "items": items}
    bare = {"recommendation_id": "r2", "at": "2026-10-31T23:30:00-02:00"}
    early = {"recommendation_id": "r3", "at": "1999-01-01T00:00:00Z"}
    answer = send(platform, "exposure", row, bare, early, {**row, "at": None})
    assert counts(answer) == (2, 0, 0, 2)
    assert refusals(answer) == [(2, "too_early", "at"), (3, "missing", "at")]
    assert counts(send(platform, "exposure", row, bare)) == (0, 0, 2, 0)
    moved = {**row, "at": "2026-10-01T00:00:00Z", "arm": "b"}
    assert counts(send(platform, "exposure", moved)) == (0, 1, 0, 0)
    shown, empty = Exposure.objects.order_by("recommendation")
    tea, cup = (Product.objects.get(external_id=name).pk for name in ("tea", "cup"))
    assert (shown.slots, shown.ranks, shown.products) == (["home-1", "home-1"], [1, 2], [tea, cup])
    assert (shown.sources, shown.propensities, shown.arm) == (["als", ""], [0.25, None], "b")
    assert shown.at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert (empty.identity_id, empty.products, empty.at) == (
        None,
        [],
        datetime(2026, 11, 1, 1, 30, tzinfo=UTC),
    )


def test_an_exposed_item_at_fault_is_named(platform: Platform) -> None:
    items = [{"product_id": "tea"}, {"product_id": "cup", "rank": 0, "propensity": 2}]
    answer = send(platform, "exposure", {"recommendation_id": "r1", "at": AT, "items": items})
    assert refusals(answer) == [(0, "out_of_range", "items[1].rank")]
    assert not Exposure.objects.exists()
    assert not Product.objects.exists()
