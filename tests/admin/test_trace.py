"""The staff page that says why a list is as it is, and those of controls."""

import html
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from precision.engine import runs
from precision.shop.api import freshness
from precision.shop.models import Identity
from recommender.models import Control, PopularList

PAGE = "/admin/precision_recommender/control/trace/"


def customer(world: SimpleNamespace) -> Identity:
    return Identity.objects.filter(kind=Identity.Kind.CUSTOMER_ID).order_by("id")[0]


def test_the_trace_of_a_customer_shows_the_list_and_what_is_not_in_it(
    staff: Client, world: SimpleNamespace
) -> None:
    who = customer(world)
    names = staff.get(PAGE, {"platform": who.platform_id, "kind": "popular", "customer": who.value})
    assert "Staff have hidden it." not in names.content.decode()
    run = runs.claim("popularity", who.platform.key, date(2026, 11, 20))
    assert run is not None
    best = list(who.platform.products.order_by("id").values_list("id", flat=True))
    PopularList.objects.create(
        run=run, kind="popular", days=30, group="all", items=best, scores=[1.0] * len(best)
    )
    runs.publish(run, runs.Outcome())
    Control.objects.create(platform=who.platform, kind="hide", product_id=best[-1])
    freshness.clear_all()
    page = staff.get(PAGE, {"platform": who.platform_id, "kind": "popular", "customer": who.value})
    assert page.status_code == 200
    text = page.content.decode()
    assert "The list" in text
    assert "Not in the list" in text
    assert "Staff have hidden it." in text
    assert "Decisions of staff that hold here: 2." in text  # the pin of the world too


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({}, "Customer id"),
        ({"customer": "nobody"}, "has no customer “nobody”"),
        ({"kind": "x"}, "Customer id"),
        ({"kind": "similar"}, "is about one product, not 0"),
        ({"explain": "none"}, "has no product “none”"),
        ({"explain": "{product}"}, "The list"),
    ],
)
def test_the_page_says_what_is_missing(
    staff: Client, world: SimpleNamespace, query: dict[str, str], told: str
) -> None:
    who = customer(world)
    product = who.platform.products.order_by("id")[0]
    asked = {name: value.format(product=product.external_id) for name, value in query.items()}
    given = {"platform": who.platform_id, "kind": "for-you", "customer": who.value, **asked}
    if not query:
        del given["customer"]
    page = staff.get(PAGE, given)
    assert page.status_code == 200
    text = html.unescape(page.content.decode())
    assert told in text
    if "explain" in query and told == "The list":
        assert f"{product.title} is in the list" in text or f"{product.title} is not in the list" in text


def test_the_page_is_for_those_who_may_see_controls(browser_of: Any, world: SimpleNamespace) -> None:
    assert browser_of("view_product").get(PAGE).status_code == 403
    assert browser_of("view_control").get(PAGE).status_code == 200


def test_a_control_that_makes_no_sense_is_refused_in_the_form(staff: Client, world: SimpleNamespace) -> None:
    platform = customer(world).platform_id
    before = Control.objects.count()
    answer = staff.post(
        reverse("admin:precision_recommender_control_add"),
        {"platform": platform, "kind": "pin", "brand": "Leaf", "rank": 1, "weight": 2, "active": "on"},
    )
    assert answer.status_code == 200
    assert "Only a product can be pinned" in answer.content.decode()
    assert Control.objects.count() == before
