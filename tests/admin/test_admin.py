"""Every staff page opens, asks the database a fixed number of questions, and counts no table."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from django_celery_beat.models import CrontabSchedule, PeriodicTask
from unfold.admin import ModelAdmin

from precision.shop.models import Customer, Event, Identity, Order, OrderLine, Product, Profile
from recommender.models import AssociationRule, CustomerList, PairCount, ProductList
from segments.models import CustomerClass, ProductPrice, RfmScore, SegmentMember, SegmentSpell

MOST_QUERIES = 15
MOST_OF_A_PERSON = 30  # their page has a panel of every app
OURS = [
    model
    for config in apps.get_app_configs()
    if config.label.startswith("precision_")
    for model in config.get_models()
]
LARGE = [
    Order, OrderLine, Event, Customer, Identity, Profile, Product, CustomerClass, RfmScore, SegmentMember,
    SegmentSpell, ProductPrice, AssociationRule, PairCount, ProductList, CustomerList,
]  # fmt: skip
QUERIES = ["", "?q=Ada", "?q=7", "?q=2026-11-20", "?p=1", "?_facets=True", "?all="]


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def rows_of(response: Any) -> list[Any]:
    return list(response.context["cl"].result_list)


@pytest.mark.parametrize("model", OURS, ids=lambda model: model.__name__)
def test_every_model_of_ours_has_a_page(model: type[Model]) -> None:
    assert admin.site.is_registered(model)


@pytest.mark.parametrize("model", list(admin.site._registry), ids=lambda model: model.__name__)
def test_list_add_and_change_pages_open(
    model: type[Model],
    staff: Client,
    world: SimpleNamespace,
    django_assert_max_num_queries: Any,
    rf: RequestFactory,
) -> None:
    with django_assert_max_num_queries(MOST_QUERIES):
        response = staff.get(address(model, "changelist"))
    assert response.status_code == 200

    page = admin.site._registry[model]
    if page.has_add_permission(response.wsgi_request):
        with django_assert_max_num_queries(MOST_QUERIES):
            assert staff.get(address(model, "add")).status_code == 200

    most = MOST_OF_A_PERSON if model is Customer else MOST_QUERIES
    found = rows_of(response)
    assert found or model not in OURS, "the world of these tests has no row of this model"
    for row in found[:2]:
        with django_assert_max_num_queries(most):
            assert staff.get(response.context["cl"].url_for_result(row)).status_code == 200


@pytest.mark.parametrize("model", LARGE, ids=lambda model: model.__name__)
def test_lists_of_large_tables_count_and_read_within_bounds(
    model: type[Model], staff: Client, world: SimpleNamespace
) -> None:
    table = connection.ops.quote_name(model._meta.db_table)
    for query in [*QUERIES, f"?platform__id__exact={world.corner.pk}"]:
        if "platform" in query and not hasattr(model, "platform"):
            continue
        with CaptureQueriesContext(connection) as captured:
            assert staff.get(address(model, "changelist") + query).status_code == 200
        statements = [each["sql"] for each in captured.captured_queries]
        assert query or any(f"FROM {table}" in each for each in statements)
        for each in statements:
            if f"FROM {table}" not in each:
                continue
            assert "DISTINCT" not in each, each
            assert "LIMIT" in each or " IN (" in each or "GROUP BY" in each, each
            if "COUNT(" in each and "GROUP BY" not in each:
                assert "LIMIT 10001" in each, each


def test_the_first_page_shows_the_groups_in_the_order_of_the_story(
    staff: Client, world: SimpleNamespace
) -> None:
    response = staff.get(reverse("admin:index"))
    assert [app["name"] for app in response.context["app_list"]][:6] == [
        "Facts", "Who", "What", "Where", "Runs", "Access",
    ]  # fmt: skip
    assert [group["title"] for group in response.context["sidebar_navigation"]] == [
        "Facts", "Who", "What", "Where", "Runs", "Access",
    ]  # fmt: skip


def test_the_sidebar_shows_what_a_person_may_see(browser_of: Any, world: SimpleNamespace) -> None:
    response = browser_of("view_order", "change_slot").get(reverse("admin:index"))
    shown = {
        group["title"]: [item["title"] for item in group["items"]]
        for group in response.context["sidebar_navigation"]
    }
    assert shown == {"Facts": ["Orders"], "Where": ["Slots"]}


def test_nothing_is_loaded_from_elsewhere(staff: Client, world: SimpleNamespace) -> None:
    for path in (reverse("admin:index"), address(Product, "changelist"), reverse("admin:login")):
        text = staff.get(path, follow=True).content.decode()
        for mark in ('src="http', 'href="http', "src='http", "href='http", "@import", 'src="//', 'href="//'):
            assert mark not in text


@pytest.mark.parametrize(
    "name",
    [
        "unfold/css/styles.css",
        "unfold/fonts/inter/styles.css",
        "unfold/fonts/material-symbols/styles.css",
        "precision_engine/staff.css",
    ],
)
def test_styles_and_fonts_come_with_the_product(name: str) -> None:
    found = finders.find(name)
    assert found, name
    text = Path(found).read_text(encoding="utf-8")
    assert "@import" not in text
    for target in re.findall(r"url\(\s*['\"]?([^'\")]+)", text):
        assert not target.startswith(("http", "//")), target
        if not target.startswith("data:"):
            assert (Path(found).parent / re.split(r"[?#]", target)[0]).exists(), target


def test_pages_of_other_apps_wear_the_same_dress(staff: Client, world: SimpleNamespace) -> None:
    for model in (User, Group, PeriodicTask, CrontabSchedule):
        assert isinstance(admin.site._registry[model], ModelAdmin), model
    page = staff.get(address(User, "change", User.objects.get(username="root").pk)).content.decode()
    (field,) = re.findall(r'<input[^>]*name="first_name"[^>]*>', page)
    assert "border-base-200" in field  # unfold's own look of an input


@pytest.mark.parametrize(
    "model", [AssociationRule, CustomerClass, PairCount], ids=lambda model: model.__name__
)
def test_results_are_those_in_force_unless_others_are_asked_for(
    model: Any, staff: Client, world: SimpleNamespace
) -> None:
    old = {world.old["rules"].pk, world.old["price-classes"].pk}
    new = {world.new["rules"].pk, world.new["price-classes"].pk}
    listed = address(model, "changelist")
    assert {row.run_id for row in rows_of(staff.get(listed))} <= new
    both = {row.run_id for row in rows_of(staff.get(f"{listed}?runs=all"))}
    assert both & old
    assert both & new
    one = (both & old).pop()
    assert {row.run_id for row in rows_of(staff.get(f"{listed}?run__id__exact={one}"))} == {one}
    assert rows_of(staff.get(f"{listed}?shop=other")) == []
    assert {row.run.scope for row in rows_of(staff.get(f"{listed}?shop=corner"))} == {"corner"}


def test_rules_are_written_with_titles_from_one_query(staff: Client, world: SimpleNamespace) -> None:
    title = '<script>alert("tea")</script>'
    Product.objects.filter(platform=world.corner, external_id="P2").update(title=title)
    with CaptureQueriesContext(connection) as captured:
        text = staff.get(address(AssociationRule, "changelist")).content.decode()
    assert "corner tea 1" in text
    assert escape(title) in text
    assert title not in text
    products = [
        each["sql"] for each in captured.captured_queries if 'FROM "precision_shop_product"' in each["sql"]
    ]
    assert len(products) == 1, products


def test_a_product_that_is_gone_is_named_as_gone(staff: Client, world: SimpleNamespace) -> None:
    AssociationRule.objects.create(
        run=world.new["rules"], antecedent=[987654], consequent=[987655], count=1, support=0, confidence=0, lift=9,
        leverage=0,
    )  # fmt: skip
    assert "product 987654 (gone)" in staff.get(address(AssociationRule, "changelist")).content.decode()


def test_money_is_written_with_its_decimals(staff: Client, world: SimpleNamespace) -> None:
    product = Product.objects.get(platform=world.corner, external_id="P1")
    text = staff.get(address(Product, "change", product.pk)).content.decode()
    assert "12.50 EUR" in text
    assert "1,234.5678 EUR" in text
    assert "17.70 EUR" in staff.get(address(Order, "changelist")).content.decode()  # three lines of 2 × 2.95


def test_a_product_page_shows_what_was_computed_of_it(staff: Client, world: SimpleNamespace) -> None:
    product = Product.objects.get(platform=world.corner, external_id="P2")
    text = staff.get(address(Product, "change", product.pk)).content.decode()
    assert ">222<" in text  # the rule in force
    assert ">111<" not in text  # the rule before it
    assert "corner tea 3" in text  # of the similar products


def test_a_customer_page_shows_orders_class_and_lists(staff: Client, world: SimpleNamespace) -> None:
    customer = Customer.objects.get(identities__value="Ada", identities__platform=world.corner)
    text = staff.get(address(Customer, "change", customer.pk)).content.decode()
    for part in (
        "corner: Ada",
        ">O1<",
        "dearer goods of their kind",
        "champions",
        "Segment one",
        "corner tea 1",
    ):
        assert part in text
    assert ">O2<" not in text


def test_personal_data_is_never_written_and_sensitive_data_for_the_trusted_only(
    browser_of: Any, staff: Client, world: SimpleNamespace
) -> None:
    profile = Profile.objects.get(identity__value="Ada", identity__platform=world.corner)
    page = address(Profile, "change", profile.pk)
    sensitive = ("35-49K", "married", "1980-05-06", "household")
    for browser, trusted in ((staff, True), (browser_of("view_profile"), False)):
        text = browser.get(page).content.decode()
        assert "stored, encrypted" in text
        assert "example.org" not in text
        assert bytes(profile.personal).decode() not in text
        assert [part in text for part in sensitive] == [trusted] * 4
        assert ("hidden" in text) is (not trusted) or trusted


@pytest.mark.parametrize(
    ("model", "term", "shown"),
    [
        (Order, "O2", ["O2", "O2"]),
        (Order, "Ada", ["O1", "O1"]),
        (Order, "2026-11-20", ["O4", "O3", "O2", "O1"] * 2),
        (Order, "2026-11-21", []),
        (Order, "o2", []),
        (Identity, "Cleo", ["customer_id Cleo"] * 2),
        (Product, "P3", ["other tea 3", "corner tea 3"]),
        (Product, "TEA 3", ["other tea 3", "corner tea 3"]),
        (Event, "Ada", ["Product Viewed 2026-11-20 12:00"] * 2),
        (Event, "2026-11-19", []),
        (Event, "Cart Viewed", []),
    ],
)
def test_search_finds_ids_days_and_titles(
    model: type[Model], term: str, shown: list[str], staff: Client, world: SimpleNamespace
) -> None:
    response = staff.get(address(model, "changelist"), {"q": term})
    assert sorted(str(row) for row in rows_of(response)) == sorted(shown)


def test_an_event_is_addressed_by_shop_time_and_number(staff: Client, world: SimpleNamespace) -> None:
    event = Event.objects.filter(platform=world.corner).earliest("id")
    page = admin.site._registry[Event].page_of(event)
    with CaptureQueriesContext(connection) as captured:
        assert "Product Viewed" in staff.get(page).content.decode()
    (read,) = [
        each["sql"] for each in captured.captured_queries if 'FROM "precision_shop_event"' in each["sql"]
    ]
    assert '"precision_shop_event"."at" =' in read  # what the index needs
    for wrong in (str(event.pk), f"1.2.{event.pk}", "a.b.c", f"1.{10**17}.1", "1.²."):
        response = staff.get(address(Event, "change", wrong))
        assert (response.status_code, response.url) == (302, reverse("admin:index"))


def test_facts_cannot_be_written_by_hand(staff: Client, world: SimpleNamespace) -> None:
    order = Order.objects.earliest("id")
    assert staff.get(address(Order, "add")).status_code == 403
    assert staff.post(address(Order, "delete", order.pk), {"post": "yes"}).status_code == 403
    assert staff.post(address(Order, "change", order.pk), {"external_id": "X"}).status_code == 403
    order.refresh_from_db()
    assert order.external_id == "O1"
