"""Rows of the API become facts: what is new, what is the same, what changes, and what is refused where."""

from datetime import UTC, datetime
from typing import Any

import pytest

from precision.shop import pii, sources
from precision.shop.models import Identity, Platform, Product, Profile, Source, Store, Tally
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
