"""Staff pages of portraits, evidence, pins and labels of products: who sees what, and what they do."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from precision.engine import runs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.models import ApiKey, Identity, Platform, Product
from segments import kept, overrides, product_labels, snapshots
from segments.masking import MASKED
from segments.methods import habits as h
from segments.models import LabelOverride, ProductLabelRow, Segment
from segments.portraits import JOB
from tests.admin.test_privacy import CONFIRMED

PINS = "admin:precision_segments_labeloverride"


def page(browser: Client, name: str, *args: Any, status: int = 200, **query: Any) -> str:
    response = browser.get(reverse(name, args=args), query)
    assert response.status_code == status
    return response.content.decode() if status == 200 else ""


@pytest.fixture
def ada(world: SimpleNamespace) -> Identity:
    """A customer of the corner shop with labels, habits and labels of goods computed."""
    ada = Identity.objects.get(platform=world.corner, value="Ada")
    ids = [
        Identity.objects.get(platform=world.corner, kind="customer_id", value=name).customer_id
        for name in ("Ada", "Ben", "Cleo", "Dora")
    ]
    snapshots.write(
        publish("labels", world.corner),
        pl.DataFrame(
            {c.CUSTOMER: ids, "price_class": ["A", "B", "B", "U"], "income": ["35-49k", "x", "x", None]}
        ),
    )
    rows = [(number, "category", "Food / Tea", 3, 30_000) for number in ids]
    rows += [(ids[0], "channel", "web", 2, 5_000), (ids[0], "hour", "9", 2, 5_000)]
    kept.write(publish(JOB, world.corner), JOB, pl.DataFrame(rows, schema=list(h.COLUMNS), orient="row"))
    labels = publish(product_labels.JOB, world.corner)
    goods = list(Product.objects.filter(platform=world.corner).order_by("pk"))
    columns = {name: [None] * len(goods) for name in product_labels.AFFINE if name != "category"}
    table = {c.PRODUCT: [each.pk for each in goods], "category": ["Food / Tea"] * len(goods), **columns}
    kept.write(labels, product_labels.JOB, pl.DataFrame({**table, "repeatable": [True] * len(goods)},
               schema_overrides=dict.fromkeys(columns, pl.String)))  # fmt: skip
    ProductLabelRow.objects.create(
        run=labels, product=goods[0], values={"category": "Food / Tea", "repeatable": True}
    )
    return ada


def publish(job: str, platform: Platform) -> Run:
    run = runs.claim(job, platform.key, timezone.now().date())
    assert run is not None
    runs.publish(run, runs.Outcome())
    return run


def test_a_portrait_masks_what_the_role_may_not_see(
    staff: Client, browser_of: Callable[..., Client], ada: Identity
) -> None:
    address = (f"{PINS}_portrait", ada.customer_id)
    full = page(staff, *address, shop="corner")
    for shown in (
        "35-49K",
        "married",
        "1980-05-06",
        "household size",
        "Food / Tea",
        "09:00",
        "web",
        "Order O1",
    ):
        assert shown in full
    assert MASKED not in full
    some = page(browser_of("view_customer"), *address, shop="corner")
    for hidden in ("35-49K", "35-49k", "married", "1980-05-06"):
        assert hidden not in some
    assert MASKED in some
    assert "Food / Tea" in some
    assert "35-49K" in page(browser_of("view_customer", "view_sensitive"), *address, shop="corner")
    page(browser_of("view_labeloverride"), *address, status=403)
    page(staff, f"{PINS}_portrait", 10**9, status=404)
    page(staff, *address, shop="other", status=404)


def test_evidence_is_shown_to_who_may_see_the_value(
    staff: Client, browser_of: Callable[..., Client], ada: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "segments.labels.registry.source_of",
        lambda key: SimpleNamespace(evidence=lambda *found: {"told": "35-49k by the shop"}),
    )
    address = (f"{PINS}_evidence", ada.customer_id, "income")
    assert "35-49k by the shop" in page(staff, *address, shop="corner")
    masked = page(browser_of("view_customer"), *address, shop="corner")
    assert "35-49k" not in masked
    assert "Masked for your role." in masked
    page(staff, f"{PINS}_evidence", ada.customer_id, "shoe", status=404)


def test_the_portrait_of_a_group(staff: Client, browser_of: Callable[..., Client], ada: Identity) -> None:
    segment = Segment.objects.filter(platform=ada.platform).earliest("id")
    text = page(staff, f"{PINS}_group", segment=segment.pk)
    assert "4 customers, 100.0% of 4" in text
    assert "Food / Tea" in text
    assert "sensitive, and fewer than 10 people" in text
    assert "35-49k" not in text
    assert "Choose a segment" in page(staff, f"{PINS}_group")
    assert "Choose a segment" in page(staff, f"{PINS}_group", segment="x")
    page(browser_of("view_customer"), f"{PINS}_group", status=403)


def pin(browser: Client, **changed: Any) -> Any:
    sent = {"platform": Platform.objects.get(key="corner").pk, "customer": "Ben", "label": "price_class",
            "value": "C", "reason": "told us", "expires_at_0": "", "expires_at_1": "", **changed}  # fmt: skip
    return browser.post(reverse(f"{PINS}_add"), sent)


def test_staff_pin_a_label_and_take_it_back(staff: Client, world: SimpleNamespace) -> None:
    soon = timezone.now() + timedelta(days=3)
    assert pin(staff, expires_at_0=f"{soon:%Y-%m-%d}", expires_at_1="12:00").status_code == 302
    made = LabelOverride.objects.get(identity__value="Ben", identity__platform=world.corner)
    assert (made.value, made.reason, made.by) == ("C", "told us", User.objects.get(username="root"))
    assert pin(staff, value="B").status_code == 302
    made.refresh_from_db()
    assert made.ended_at is not None
    now = LabelOverride.objects.get(identity=made.identity, ended_at=None)
    text = page(staff, "admin:precision_shop_customer_change", made.identity.customer_id)
    assert "told us" in text
    assert f"{reverse(f'{PINS}_add')}?shop=corner&amp;customer=Ben" in text
    action = reverse(f"{PINS}_take_back", args=[now.pk])
    assert staff.post(action, CONFIRMED).status_code == 302
    now.refresh_from_db()
    assert now.ended_at is not None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"customer": "Nobody"}, "knows no customer"),
        ({"value": "D"}, "is one of"),
        ({"label": "frequency", "value": "many"}, "number"),
        ({"reason": ""}, "required"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00"}, "This time is over"),
    ],
)
def test_what_cannot_be_pinned_is_told_on_the_form(
    staff: Client, world: SimpleNamespace, changed: dict[str, str], told: str
) -> None:
    before = LabelOverride.objects.count()
    response = pin(staff, **changed)
    assert response.status_code == 200
    assert told in response.content.decode()
    assert LabelOverride.objects.count() == before


def test_the_pin_of_a_sensitive_label_is_masked_in_lists_and_on_pages(
    staff: Client, browser_of: Callable[..., Client], world: SimpleNamespace
) -> None:
    ada = Identity.objects.get(platform=world.corner, value="Ada")
    made = overrides.pin(ada, "income", "over 250k", reason="drives three cars")
    few = browser_of("view_labeloverride", "view_customer")
    for address in ((f"{PINS}_changelist",), (f"{PINS}_change", made.pk)):
        assert "over 250k" in page(staff, *address)
        text = page(few, *address)
        assert "over 250k" not in text
        assert "three cars" not in text
    assert "over 250k" not in page(staff, "admin:precision_shop_customer_change", ada.customer_id)


def test_goods_and_people(staff: Client, browser_of: Callable[..., Client], ada: Identity) -> None:
    name = "admin:precision_segments_productlabelrow_search"
    shop = ada.platform.pk
    assert "Who would want corner tea 1" in page(staff, name, platform=shop, product="P1")
    assert f"customer {ada.customer_id}" in page(staff, name, platform=shop, category="Food / Tea")
    assert "corner tea 2" in page(staff, name, platform=shop, customer="Ada")
    assert "has no product" in page(staff, name, platform=shop, product="P99")
    assert "knows no customer" in page(staff, name, platform=shop, customer="Zoe")
    assert "Name a product" in page(staff, name, platform=shop)
    page(browser_of("view_productlabelrow"), name, status=403)


def test_staff_let_a_key_see_sensitive_values(
    staff: Client, browser_of: Callable[..., Client], world: SimpleNamespace
) -> None:
    key = ApiKey.objects.get(platform=world.corner, kind=ApiKey.Kind.SERVER)
    action = reverse("admin:precision_shop_apikey_open_sensitive", args=[key.pk])
    assert browser_of("view_apikey").post(action, CONFIRMED).status_code == 403
    key.refresh_from_db()
    assert "sensitive" not in key.scopes
    assert staff.post(action, CONFIRMED).status_code == 302
    key.refresh_from_db()
    assert key.scopes.count("sensitive") == 1
