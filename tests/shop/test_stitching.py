"""People from links: who joins, who does not, and what the ledger says."""

from typing import Any

import pytest

from precision.shop.models import Customer, Identity, Join
from tests.shop.town import Town


@pytest.fixture
def town(db: None) -> Town:
    return Town("toys", "food", "home")


def test_a_new_device_of_a_known_customer_joins_and_the_ledger_says_so(
    town: Town, django_assert_max_num_queries: Any
) -> None:
    ann, phone = town.one("toys/customer_id/ann"), town.one("toys/anonymous_id/x-1")
    before = Identity.objects.get(pk=phone).customer_id
    with django_assert_max_num_queries(9 + 1):
        town.link("toys/customer_id/ann", "toys/anonymous_id/x-1", verified=False)
    moved, account = Identity.objects.get(pk=phone), Identity.objects.get(pk=ann)
    assert (moved.customer_id, moved.home_id) == (account.customer_id, before)
    assert account.home_id is None
    entry = Join.objects.get()
    assert (entry.action, entry.moves) == ("join", [[phone, before, account.customer_id]])
    assert entry.link is not None
    assert (entry.link.status, entry.link.verified) == ("active", False)
    with django_assert_max_num_queries(1 + 1):
        town.link("toys/customer_id/ann", "toys/anonymous_id/x-1", verified=False)
    assert Join.objects.count() == 1
    assert Customer.objects.count() == 2


def test_one_address_on_two_shops_is_one_person(town: Town) -> None:
    town.link("toys/customer_id/ann", "toys/email/ann@firm.de")
    town.link("food/customer_id/17", "food/email/Ann@FIRM.de ")
    assert town.together("toys/customer_id/ann", "food/customer_id/17", "toys/email/ann@firm.de")
    person = Identity.objects.get(pk=town.one("food/customer_id/17")).customer_id
    assert person == Identity.objects.get(pk=town.one("toys/customer_id/ann")).customer_id


def test_two_accounts_of_one_shop_are_proposed(town: Town) -> None:
    town.link("toys/customer_id/ann", "toys/email/ann@firm.de")
    town.link("toys/customer_id/bob", "toys/email/ann@firm.de")
    assert not town.together("toys/customer_id/ann", "toys/customer_id/bob")
    assert town.state("toys/customer_id/bob", "toys/email/ann@firm.de") == ("proposed", "limit")


def test_a_browser_cannot_claim_an_address(town: Town) -> None:
    town.link("toys/customer_id/victim", "toys/email/v@firm.de")
    town.link("toys/anonymous_id/x", "toys/email/v@firm.de", verified=False)
    town.link("food/customer_id/thief", "food/email/v@firm.de", verified=False)
    assert town.state("toys/anonymous_id/x", "toys/email/v@firm.de") == ("proposed", "unverified")
    assert not town.together("food/customer_id/thief", "toys/customer_id/victim")
    assert not town.together("toys/anonymous_id/x", "toys/customer_id/victim")
