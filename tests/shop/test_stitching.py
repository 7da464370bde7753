"""People from links: who joins, who does not, and what the ledger says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from precision.shop import identities, platforms, stitching
from precision.shop.models import Customer, Identity, IdentityLink, Join, Platform
from precision.shop.stitching import Link

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Town:
    """Shops of one organisation, their identities by short names, and the people they make."""

    def __init__(self, *shops: str, organisation: str = "town") -> None:
        for key in shops:
            platforms.create_platform(key, name=key, organisation=organisation)
        self.shops = {key: Platform.objects.get(key=key) for key in shops}
        self.organisation = next(iter(self.shops.values())).organisation_id
        self.ids: dict[str, int] = {}
        self.clock = 0

    def one(self, name: str) -> int:
        """The number of `shop/kind/value`, made when new."""
        if name not in self.ids:
            shop, kind, value = name.split("/")
            found = identities.resolve(self.shops[shop], [(kind, value)], now=NOW)
            self.ids[name] = found[kind, value]
        return self.ids[name]

    def link(self, first: str, second: str, *, verified: bool = True, origin: str = "identify") -> None:
        self.clock += 1
        at = NOW + timedelta(seconds=self.clock)
        stitching.link(self.organisation, [Link(self.one(first), self.one(second), origin, verified, at)])

    def people(self) -> set[frozenset[str]]:
        groups: dict[int, set[str]] = {}
        customers = dict(Identity.objects.values_list("id", "customer_id"))
        for name, number in self.ids.items():
            groups.setdefault(customers[number], set()).add(name)
        return {frozenset(group) for group in groups.values()}

    def together(self, *names: str) -> bool:
        return len({Identity.objects.get(pk=self.one(name)).customer_id for name in names}) == 1

    def state(self, first: str, second: str) -> tuple[str, str]:
        low, high = sorted((self.one(first), self.one(second)))
        found = IdentityLink.objects.get(first=low, second=high)
        return found.status, found.held


@pytest.fixture
def town(db: None) -> Town:
    return Town("toys", "food", "home")


def test_a_new_device_of_a_known_customer_joins_and_the_ledger_says_so(
    town: Town, django_assert_max_num_queries: Any
) -> None:
    ann, phone = town.one("toys/customer_id/ann"), town.one("toys/anonymous_id/x-1")
    before = Identity.objects.get(pk=phone).customer_id
    with django_assert_max_num_queries(9):
        town.link("toys/customer_id/ann", "toys/anonymous_id/x-1", verified=False)
    moved, account = Identity.objects.get(pk=phone), Identity.objects.get(pk=ann)
    assert (moved.customer_id, moved.home_id) == (account.customer_id, before)
    assert account.home_id is None
    entry = Join.objects.get()
    assert (entry.action, entry.moves) == ("join", [[phone, before, account.customer_id]])
    assert entry.link is not None
    assert (entry.link.status, entry.link.verified) == ("active", False)
    with django_assert_max_num_queries(1):
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
