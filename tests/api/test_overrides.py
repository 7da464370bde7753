"""Pinning a label through the API: at once, checked by name, and never another platform's business."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from precision.shop.models import ApiKey
from segments import overrides
from segments.masking import MASKED
from segments.models import LabelOverride
from tests.api.conftest import Shop

PIN = "/api/v1/customers/ann/labels/price_class/"


@pytest.fixture
def known(shop: Shop) -> Shop:
    """A shop with one customer, ann."""
    shop.person("ann")
    return shop


def test_a_pin_is_set_read_and_taken_back(known: Shop) -> None:
    ends = timezone.now() + timedelta(days=30)
    sent = {"value": "A", "reason": "told our staff", "expires_at": ends.isoformat()}
    response = known.client().put(PIN, sent, format="json")
    assert response.status_code == 200
    pin = response.json()["pinned"]
    assert (pin["value"], pin["reason"], pin["in_force"], pin["ended_at"]) == (
        "A",
        "told our staff",
        True,
        None,
    )
    assert known.credentials.server_key.startswith(pin["by"])
    assert response.json()["history"] == [pin]
    assert known.client().put(PIN, {"value": "B", "reason": "no"}, format="json").status_code == 200
    answer = known.get("customers/ann/labels/price_class/")
    assert [(each["value"], each["in_force"]) for each in answer["history"]] == [("B", True), ("A", False)]
    assert known.client().delete(PIN).status_code == 204
    assert known.client().delete(PIN).status_code == 204
    answer = known.get("customers/ann/labels/price_class/")
    assert answer["pinned"] is None
    assert [each["in_force"] for each in answer["history"]] == [False, False]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"value": 3, "reason": "x"}, "value"),
        ({"value": ["A"], "reason": "x"}, "value"),
        ({"reason": "x"}, "value"),
        ({"value": "A"}, "reason"),
        ({"value": "A", "reason": " "}, "reason"),
        ({"value": "A", "reason": "x", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"value": "A", "reason": "x", "expires_at": "soon"}, "expires_at"),
        ({"value": "A", "reason": "x", "until": "soon"}, "until"),
    ],
)
def test_what_cannot_be_pinned_is_refused_by_name(known: Shop, sent: dict[str, Any], field: str) -> None:
    response = known.client().put(PIN, sent, format="json")
    assert response.status_code == 400
    assert response.json()["errors"][0]["attr"] == field
    assert not LabelOverride.objects.exists()


@pytest.mark.parametrize("body", [[], "A", 3, None])
def test_a_body_that_is_no_object_is_refused(known: Shop, body: object) -> None:
    assert known.client().put(PIN, body, format="json").status_code == 400


def test_unknown_labels_and_customers_are_not_found(known: Shop) -> None:
    sent = {"value": "A", "reason": "x"}
    for path in ("ann/labels/shoe/", "nobody/labels/price_class/"):
        known.get(f"customers/{path}", status=404)
        for call in (known.client().put, known.client().delete):
            assert call(f"/api/v1/customers/{path}", sent, format="json").status_code == 404


def test_a_key_without_the_scope_writes_nothing(known: Shop) -> None:
    ApiKey.objects.filter(platform=known.platform).update(scopes=["read"])
    sent = {"value": "A", "reason": "x"}
    assert known.client().put(PIN, sent, format="json").status_code == 403
    assert known.client().delete(PIN).status_code == 403
    assert not LabelOverride.objects.exists()


def test_a_pin_of_another_platform_is_not_shown_and_not_touched(make_shop: Callable[..., Shop]) -> None:
    ours, theirs = make_shop("ours", organisation="group"), make_shop("theirs", organisation="group")
    ann = ours.person("ann")
    theirs.person("ann", customer=ann.customer)
    overrides.pin(theirs.people["ann"], "price_class", "A", reason="theirs")
    assert ours.get("customers/ann/labels/price_class/")["history"] == []
    assert ours.client().delete(PIN).status_code == 204
    assert theirs.get("customers/ann/labels/price_class/")["pinned"]["value"] == "A"


def test_the_pin_of_a_sensitive_label_is_masked_for_who_may_not_see_it(
    known: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segments.masking.sensitivity_of_label", lambda name: "sensitive")
    overrides.pin(known.people["ann"], "price_class", "A", reason="inherited a fortune")
    pin = known.get("customers/ann/labels/price_class/")["pinned"]
    assert (pin["value"], pin["reason"]) == (MASKED, MASKED)
    key = ApiKey.objects.get(platform=known.platform, kind=ApiKey.Kind.SERVER)
    key.scopes.append("sensitive")
    key.save()
    pin = known.get("customers/ann/labels/price_class/")["pinned"]
    assert (pin["value"], pin["reason"]) == ("A", "inherited a fortune")
