"""The staff pages of the price class rule: preview, save, and what clusters say."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from segments import class_rules
from segments.models import ClassRule
from tests.api.conftest import Shop, make_shop, shop  # noqa: F401 - fixtures
from tests.api.test_price_classes import PEOPLE, crowd

ADD = "admin:precision_segments_classrule_add"
committed = pytest.mark.django_db(transaction=True)


def numbers(**changed: Any) -> dict[str, Any]:
    return {name: getattr(class_rules.BUILT_IN, name) for name in class_rules.NUMBERS} | changed


@committed
def test_preview_and_save(staff: Client, shop: Shop) -> None:  # noqa: F811
    crowd(shop)
    address = f"{reverse(ADD)}?scope=corner"
    page = staff.get(address).content.decode()
    assert "Preview" in page
    assert 'value="0.4"' in page
    seen = staff.post(address, {**numbers(share_a=0.3), "preview": ""})
    text = seen.content.decode()
    assert f"of {PEOPLE} customers would get another class" in text
    assert "Some who would move" in text
    assert not ClassRule.objects.exists()
    refused = staff.post(address, {**numbers(share_a=0.3), "save": ""})
    assert "Say why" in refused.content.decode()
    assert not ClassRule.objects.exists()
    saved = staff.post(address, {**numbers(share_a=0.3), "reason": "fewer of class A", "save": ""})
    assert saved.status_code == 302
    made = ClassRule.objects.get()
    assert (made.scope, made.version, made.share_a, made.reason) == ("corner", 1, 0.3, "fewer of class A")
    assert made.by is not None


def test_numbers_that_make_no_sense_are_said(staff: Client, shop: Shop) -> None:  # noqa: F811
    page = staff.post(
        f"{reverse(ADD)}?scope=corner", {**numbers(share_a=0.6, share_b=0.6), "reason": "x", "save": ""}
    )
    assert "below 1 is wanted" in page.content.decode()
    assert not ClassRule.objects.exists()


def test_before_the_first_run_the_page_says_so(staff: Client, shop: Shop) -> None:  # noqa: F811
    page = staff.post(f"{reverse(ADD)}?scope=corner", {**numbers(), "preview": ""}).content.decode()
    assert "run the job" in page
    assert "no such shop" in staff.get(f"{reverse(ADD)}?scope=nowhere").content.decode()


def test_a_new_version_may_start_from_an_old_one(staff: Client, shop: Shop) -> None:  # noqa: F811
    first = class_rules.add("corner", {"share_b": 0.22}, reason="more of class B")
    class_rules.add("corner", {"share_b": 0.1}, reason="fewer")
    page = staff.get(f"{reverse(ADD)}?scope=corner&version=1").content.decode()
    assert 'value="0.22"' in page
    row = staff.get(reverse("admin:precision_segments_classrule_change", args=[first.pk])).content.decode()
    assert f"{reverse(ADD)}?scope=corner&amp;version=1" in row


def test_agreement_of_rule_and_clusters(staff: Client, shop: Shop) -> None:  # noqa: F811
    address = reverse("admin:precision_segments_classrule_agreement")
    assert "not been computed" in staff.get(f"{address}?scope=corner").content.decode()
    run = shop.run(
        "price-classes",
        agreement={
            "counts": [[7, 1, 0], [0, 5, 2], [3, 0, 4]], "same": 0.727, "kappa": 0.591, "rand": 0.31, "reason": "",
            "people": 22, "centres": {letter: {"price_position": 0.5, "discount_share": 0.2} for letter in "ABC"},
        },
    )  # fmt: skip
    page = staff.get(f"{address}?scope=corner").content.decode()
    for text in ("0.591", "0.310", "Centres of the clusters"):
        assert text in page
    run.measures = {"agreement": {"reason": "fewer than 50 customers have enough evidence"}}
    run.save()
    assert "fewer than 50" in staff.get(f"{address}?scope=corner").content.decode()


def test_pages_are_for_those_who_may(browser_of: Any, world: SimpleNamespace) -> None:
    viewer = browser_of("view_customer")
    assert viewer.get(reverse(ADD)).status_code == 403
    assert viewer.get(reverse("admin:precision_segments_classrule_agreement")).status_code == 403
