"""Staff look at evidence and the ledger, and join, accept, refuse and undo."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from precision.shop import islands
from precision.shop.models import Identity, IdentityLink, IslandReport, Join, Organisation
from tests.shop.town import Town


@pytest.fixture
def town(db: None) -> Town:
    """Ann at two shops, and Bob who named her address."""
    town = Town("toys", "food")
    town.link("toys/customer_id/ann", "toys/email/ann@firm.de")
    town.link("food/customer_id/1", "food/email/ann@firm.de")
    town.link("toys/customer_id/bob", "toys/email/ann@firm.de")
    return town


def page(model: type[Any], kind: str, *args: Any) -> str:
    return reverse(f"admin:precision_shop_{model._meta.model_name}_{kind}", args=args)


def act(browser: Client, model: type[Any], action: str, *numbers: int) -> Any:
    return browser.post(
        page(model, "changelist"), {"action": action, "_selected_action": list(numbers)}, follow=True
    )


def test_pages_show_names_masked(town: Town, staff: Client, django_assert_max_num_queries: Any) -> None:
    for address in (
        page(IdentityLink, "changelist"), page(Join, "changelist"), page(Identity, "changelist"),
        *(page(IdentityLink, "change", link.pk) for link in IdentityLink.objects.all()),
        *(page(Join, "change", entry.pk) for entry in Join.objects.all()),
    ):  # fmt: skip
        with django_assert_max_num_queries(20):
            text = staff.get(address).content.decode()
        assert "ann@firm.de" not in text
        assert "a***@firm.de" in text or address.startswith(page(Join, "changelist"))


def test_an_address_is_found_by_its_text(town: Town, staff: Client) -> None:
    for model in (Identity, IdentityLink):
        found = staff.get(page(model, "changelist"), {"q": " Ann@firm.de"}).context["cl"].result_list
        assert len(found) == (2 if model is Identity else 4)


def test_a_proposal_shows_what_it_would_make_and_is_accepted_and_undone(town: Town, staff: Client) -> None:
    before = list(Identity.objects.order_by("pk").values())
    proposal = IdentityLink.objects.get(status="proposed")
    text = staff.get(page(IdentityLink, "change", proposal.pk)).content.decode()
    assert "one person would have two accounts of one shop" in text
    assert "5 names, 2 customers" in text
    act(staff, IdentityLink, "accept", proposal.pk)
    assert town.together("toys/customer_id/ann", "toys/customer_id/bob", "food/customer_id/1")
    entry = Join.objects.latest("pk")
    assert entry.by == User.objects.get()
    act(staff, Join, "undo", entry.pk)
    assert list(Identity.objects.order_by("pk").values()) == before
    act(staff, IdentityLink, "refuse", proposal.pk)
    proposal.refresh_from_db()
    assert proposal.status == "refused"


def test_two_people_are_joined_by_hand_after_a_look(town: Town, staff: Client) -> None:
    given = {
        "first_shop": town.shops["toys"].pk, "first_kind": "customer_id", "first_value": "bob",
        "second_shop": town.shops["food"].pk, "second_kind": "email", "second_value": "Ann@firm.de",
        "reason": "told us by phone",
    }  # fmt: skip
    address = page(IdentityLink, "add")
    assert staff.get(address).status_code == 200
    look = staff.post(address, {**given, "look": ""})
    assert "5 names, 2 customers" in look.content.decode()
    assert not town.together("toys/customer_id/bob", "food/customer_id/1")
    assert staff.post(address, {**given, "join": ""}).status_code == 302
    assert town.together("toys/customer_id/bob", "food/customer_id/1")
    assert Join.objects.latest("pk").reason == "told us by phone"
    nobody = staff.post(address, {**given, "first_value": "nobody", "join": ""})
    assert "toys knows nobody by this name." in nobody.content.decode()
    same = {**given, "second_shop": given["first_shop"], "second_kind": "customer_id", "second_value": "bob"}
    assert "is one person with itself already" in staff.post(address, {**same, "join": ""}).content.decode()


def test_who_may_only_look_decides_nothing(town: Town, browser_of: Callable[..., Client]) -> None:
    browser = browser_of("view_identitylink", "view_join")
    proposal = IdentityLink.objects.get(status="proposed")
    assert browser.get(page(IdentityLink, "change", proposal.pk)).status_code == 200
    act(browser, IdentityLink, "accept", proposal.pk)
    act(browser, Join, "undo", Join.objects.latest("pk").pk)
    assert browser.get(page(IdentityLink, "add")).status_code == 403
    assert IdentityLink.objects.get(pk=proposal.pk).status == "proposed"
    assert not IdentityLink.objects.filter(status="undone").exists()


def test_the_islands_are_shown_as_a_matrix(town: Town, staff: Client) -> None:
    made = islands.report(Organisation.objects.get(), now=timezone.now())
    assert staff.get(page(IslandReport, "changelist")).status_code == 200
    text = " ".join(staff.get(page(IslandReport, "change", made.pk)).content.decode().split())
    assert "known only here" in text
    assert text.count("toys") >= 3
