"""Pinned labels: checked, in force at once, over when they expire, and kept as history."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from precision.shop import columns as c
from precision.shop import erasure, export, platforms, scopes
from precision.shop.models import ApiKey, Customer, Identity, Platform
from segments import overrides
from segments.models import LabelOverride

pytestmark = pytest.mark.django_db


def person(platform: Platform, name: str, customer: Customer | None = None) -> Identity:
    return Identity.objects.create(
        platform=platform,
        kind="customer_id",
        value=name,
        customer=customer or Customer.objects.create(organisation=platform.organisation),
    )


def test_a_pin_replaces_the_value_of_one_customer(platform: Platform) -> None:
    ann, ben = person(platform, "ann"), person(platform, "ben")
    frame = pl.DataFrame(
        {
            c.CUSTOMER: [ann.customer_id, ben.customer_id],
            "price_class": ["A", "B"],
            "frequency": [3, None],
            "money": [1.5, 2.5],
        }
    )
    scope = scopes.of(platform)
    assert overrides.applied(scope, frame) is frame
    overrides.pin(ann, "price_class", "C", reason="told us so")
    overrides.pin(ben, "frequency", 7, reason="orders by telephone")
    found = overrides.applied(scope, frame)
    assert found.schema == frame.schema
    assert found.rows() == [(ann.customer_id, "C", 3, 1.5), (ben.customer_id, "B", 7, 2.5)]
    assert overrides.applied_to(scope, ann.customer_id, {"price_class": "A", "money": 1.5}) == {
        "price_class": "C",
        "money": 1.5,
    }


def test_a_customer_without_a_row_gets_one(platform: Platform) -> None:
    ann = person(platform, "ann")
    overrides.pin(ann, "price_class", "A", reason="the owner's sister")
    frame = pl.DataFrame(schema={c.CUSTOMER: pl.Int64, "price_class": pl.String, "money": pl.Float64})
    assert overrides.applied(scopes.of(platform), frame).rows() == [(ann.customer_id, "A", None)]


def test_a_fraction_in_a_column_of_whole_numbers_is_not_cut_off(platform: Platform) -> None:
    ann, ben = person(platform, "ann"), person(platform, "ben")
    overrides.pin(ann, "frequency", 2.5, reason="shared card")
    frame = pl.DataFrame({c.CUSTOMER: [ann.customer_id, ben.customer_id], "frequency": [3, 4]})
    assert overrides.applied(scopes.of(platform), frame)["frequency"].to_list() == [2.5, 4.0]


def test_a_new_pin_ends_the_old_one_and_keeps_it(platform: Platform) -> None:
    ann = person(platform, "ann")
    user = User.objects.create_user("mara")
    key = ApiKey.objects.get(pk=platform.keys.filter(kind="server").values_list("pk", flat=True)[0])
    first = overrides.pin(ann, "price_class", "A", reason="first", by=user)
    second = overrides.pin(ann, "price_class", "B", reason="second", key=key)
    assert overrides.of_customer(scopes.of(platform), ann.customer_id) == {"price_class": second}
    assert list(overrides.history([platform.pk], ann.customer_id, "price_class")) == [second, first]
    first.refresh_from_db()
    assert first.ended_at is not None
    assert (first.by, second.by, second.key) == (user, None, key.prefix)
    with pytest.raises(IntegrityError), transaction.atomic():
        LabelOverride.objects.create(
            platform=platform, identity=ann, label="price_class", value="C", reason="past the door"
        )
    assert overrides.take_back(platform, ann.customer_id, "price_class") == 1
    assert overrides.take_back(platform, ann.customer_id, "price_class") == 0
    assert overrides.of_customer(scopes.of(platform), ann.customer_id) == {}
    assert overrides.history([platform.pk], ann.customer_id).count() == 2


def test_an_expired_pin_stops_by_itself(platform: Platform) -> None:
    ann = person(platform, "ann")
    soon = timezone.now() + timedelta(hours=1)
    pin = overrides.pin(ann, "price_class", "A", reason="until the fair is over", expires_at=soon)
    scope = scopes.of(platform)
    assert overrides.of_customer(scope, ann.customer_id) == {"price_class": pin}
    assert list(overrides.in_force([platform.pk], now=soon - timedelta(seconds=1))) == [pin]
    assert list(overrides.in_force([platform.pk], now=soon)) == []
    past = timezone.now() - timedelta(seconds=1)
    LabelOverride.objects.update(created_at=past - timedelta(days=1), expires_at=past)
    frame = pl.DataFrame({c.CUSTOMER: [ann.customer_id], "price_class": ["B"]})
    assert overrides.applied(scope, frame)["price_class"].to_list() == ["B"]
    assert overrides.applied_to(scope, ann.customer_id, {"price_class": "B"}) == {"price_class": "B"}
    assert overrides.pin(ann, "price_class", "C", reason="again").ended_at is None


@pytest.mark.parametrize(
    ("label", "value", "field"),
    [
        ("shoe", 1, "label"),
        ("price_class", 3, "value"),
        ("price_class", "", "value"),
        ("price_class", "A\0", "value"),
        ("price_class", "A" * 201, "value"),
        ("price_class", None, "value"),
        ("frequency", "3", "value"),
        ("frequency", True, "value"),
        ("frequency", float("nan"), "value"),
        ("frequency", float("inf"), "value"),
        ("frequency", [3], "value"),
    ],
)
def test_a_value_of_another_type_is_refused(platform: Platform, label: str, value: Any, field: str) -> None:
    with pytest.raises(overrides.RefusedError) as refused:
        overrides.pin(person(platform, "ann"), label, value, reason="because")
    assert refused.value.field == field
    assert not LabelOverride.objects.exists()


def test_a_pin_wants_a_reason_and_a_time_to_come(platform: Platform) -> None:
    ann = person(platform, "ann")
    with pytest.raises(overrides.RefusedError, match="reason: Say why"):
        overrides.pin(ann, "price_class", "A", reason="  ")
    with pytest.raises(overrides.RefusedError, match=r"expires_at: .* is over"):
        overrides.pin(ann, "price_class", "A", reason="x", expires_at=timezone.now())
    assert not LabelOverride.objects.exists()


def test_overall_the_newest_pin_of_any_platform_counts_and_of_one_only_its_own(platform: Platform) -> None:
    platforms.create_platform("pier", name="Pier", organisation=platform.organisation.key)
    pier = Platform.objects.get(key="pier")
    ann = person(platform, "ann")
    overrides.pin(ann, "price_class", "A", reason="here")
    overrides.pin(person(pier, "ann", ann.customer), "price_class", "B", reason="there")
    frame = pl.DataFrame({c.CUSTOMER: [ann.customer_id], "price_class": ["U"]})
    shown = {
        scope.key: overrides.applied(scope, frame)["price_class"].to_list()
        for scope in (scopes.of(platform), scopes.of(pier), scopes.overall(platform.organisation))
    }
    assert shown == {"corner": ["A"], "pier": ["B"], "org:corner": ["B"]}


def test_a_pin_goes_with_the_person_when_people_are_joined(platform: Platform) -> None:
    ann, ben = person(platform, "ann"), person(platform, "ben")
    overrides.pin(ann, "price_class", "A", reason="x")
    Identity.objects.filter(pk=ann.pk).update(customer=ben.customer, home=ann.customer)
    assert list(overrides.of_customer(scopes.of(platform), ben.customer_id)) == ["price_class"]


def test_a_pin_is_exported_and_erased_with_the_person(platform: Platform) -> None:
    ann, ben = person(platform, "ann"), person(platform, "ben")
    overrides.pin(ann, "price_class", "A", reason="a secret of hers")
    overrides.pin(ben, "price_class", "B", reason="his own")
    subject = erasure.of_customer(ann.customer)
    told = b"".join(
        part if isinstance(part, bytes) else part.encode()
        for part in export.as_json(subject, asked_for={}, now=timezone.now())
    )
    assert b"a secret of hers" in told
    assert erasure.erase_customer(platform, "ann", by="test", finish=False) is not None
    assert [pin.reason for pin in LabelOverride.objects.all()] == ["his own"]
