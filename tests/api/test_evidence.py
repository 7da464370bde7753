"""The evidence of a label: with its value, in words, and closed to who may not see the value."""

from collections.abc import Callable

import pytest

from precision.shop.models import ApiKey
from segments import overrides
from segments.evidence import in_words
from segments.masking import MASKED
from tests.api.conftest import Shop
from tests.api.portraits import labels, source

ADDRESS = "customers/ann/labels/test_group/evidence/"


@pytest.fixture
def known(shop: Shop) -> Shop:
    """A shop with one customer, ann, whose label is one."""
    shop.person("ann")
    labels(shop, {"test_group": {"ann": "one"}})
    return shop


def test_a_value_comes_with_what_it_rests_on(known: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    source(monkeypatch)
    answer = known.get(ADDRESS)
    assert (answer["value"], answer["as_of"], answer["masked"]) == ("one", "2026-11-01", False)
    assert answer["evidence"] == {
        "scope": "corner", "as_of": "2026-11-01", "orders": 12_345, "share": 0.25, "none": None,
    }  # fmt: skip
    assert answer["lines"] == [
        "scope: corner", "as of: 2026-11-01", "orders: 12,345", "share: 0.25", "none: not known",
    ]  # fmt: skip
    assert answer["pinned"] is None


def test_a_pinned_value_says_who_pinned_it(known: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    source(monkeypatch)
    overrides.pin(known.people["ann"], "test_group", "two", reason="she said so")
    answer = known.get(ADDRESS)
    assert answer["value"] == "two"
    assert (answer["pinned"]["reason"], answer["pinned"]["by"]) == ("she said so", "staff")
    assert answer["evidence"]["orders"] == 12_345  # what the computed value rested on


def test_evidence_of_a_sensitive_label_is_masked_with_its_value(
    known: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    source(monkeypatch, sensitivity="sensitive")
    answer = known.get(ADDRESS)
    assert (answer["value"], answer["evidence"], answer["lines"], answer["masked"]) == (
        MASKED,
        None,
        [],
        True,
    )
    key = ApiKey.objects.get(platform=known.platform, kind=ApiKey.Kind.SERVER)
    key.scopes.append("sensitive")
    key.save()
    assert known.get(ADDRESS)["value"] == "one"


def test_before_the_first_run_nothing_is_known(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    source(monkeypatch)
    shop.person("ann")
    answer = shop.get(ADDRESS)
    assert (answer["value"], answer["as_of"], answer["evidence"]) == (None, None, None)


def test_unknown_labels_and_customers_are_not_found(known: Shop) -> None:
    assert known.get("customers/ann/labels/shoe/evidence/", status=404)["errors"][0]["code"] == "not_found"
    known.get("customers/nobody/labels/price_class/evidence/", status=404)


def test_overall_needs_a_key_of_the_organisation(
    make_shop: Callable[..., Shop], monkeypatch: pytest.MonkeyPatch
) -> None:
    source(monkeypatch)
    ours = make_shop("ours", organisation="group")
    ours.person("ann")
    ours.get(ADDRESS, status=403, overall="true")
    key = ApiKey.objects.get(platform=ours.platform, kind=ApiKey.Kind.SERVER)
    key.scopes.append("organisation")
    key.save()
    assert ours.get(ADDRESS, overall="true")["value"] is None


def test_evidence_in_words() -> None:
    found = {"days": [1, 2, 3], "many": list(range(9)), "best": {"tea": 0.5, "kept": True}, "empty": []}
    assert in_words(found) == [
        "days: 1, 2, 3",
        "many: 0, 1, 2, 3, 4 and 4 more",
        "best: tea 0.5; kept yes",
        "empty: none",
    ]
