"""People from links: who joins, who does not, and what the ledger says."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from precision.shop import stitching
from precision.shop.models import Customer, Identity, IdentityLink, Join
from precision.shop.stitching import DecisionError, Link
from tests.shop.town import NOW, Town, check, rows


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


def test_a_shared_device_lets_go_of_those_it_had(town: Town) -> None:
    kiosk = "toys/anonymous_id/kiosk"
    town.link("toys/customer_id/ann", kiosk)
    assert town.together("toys/customer_id/ann", kiosk)
    town.link("toys/customer_id/bob", kiosk)
    assert town.state("toys/customer_id/bob", kiosk) == ("proposed", "limit")
    town.link("toys/customer_id/cat", kiosk)
    assert not town.together("toys/customer_id/ann", kiosk)
    assert Identity.objects.get(pk=town.one(kiosk)).home_id is None
    assert Join.objects.latest("pk").action == "split"
    town.link("toys/customer_id/dan", kiosk)
    assert {town.state(f"toys/customer_id/{name}", kiosk) for name in ("ann", "bob", "cat", "dan")} == {
        ("proposed", "shared")
    }
    check()
    for name in ("cat", "dan"):
        low, high = sorted((town.one(f"toys/customer_id/{name}"), town.one(kiosk)))
        link = IdentityLink.objects.get(first=low, second=high)
        stitching.refuse(link.pk)
    assert town.together("toys/customer_id/ann", kiosk)
    check()


def test_known_beats_anonymous_and_a_name_of_the_person_stays(town: Town) -> None:
    town.one("toys/anonymous_id/first")
    town.link("toys/anonymous_id/first", "toys/anonymous_id/second", verified=False)
    town.link("toys/customer_id/ann", "toys/anonymous_id/second", verified=False)
    ann = Identity.objects.get(pk=town.one("toys/customer_id/ann"))
    assert ann.home_id is None
    assert {town.customer(name) for name in town.ids} == {ann.customer_id}


def test_an_undone_pair_stays_apart_whatever_tells_of_it(town: Town) -> None:
    made = town.link("toys/customer_id/ann", "toys/anonymous_id/x", origin="identify")
    before = rows()["Customer"], rows()["Identity"]
    stitching.undo(made.pk)
    assert not town.together("toys/customer_id/ann", "toys/anonymous_id/x")
    town.link("toys/customer_id/ann", "toys/anonymous_id/x", origin="identify")
    again = town.link("toys/customer_id/ann", "toys/anonymous_id/x", origin="order")
    assert again.status == "refused"
    assert not town.together("toys/customer_id/ann", "toys/anonymous_id/x")
    made = stitching.merge(made.first_id, made.second_id).link
    assert (rows()["Customer"], rows()["Identity"]) == before


def test_two_organisations_are_never_joined(town: Town) -> None:
    other = Town("elsewhere", organisation="other")
    told = [Link(town.one("toys/customer_id/a"), other.one("elsewhere/customer_id/b"), "alias", True, NOW)]
    before = rows()
    for organisation in (town.organisation, other.organisation):
        with pytest.raises(ValueError, match="within one organisation only"):
            stitching.link(organisation, told)
    with pytest.raises(DecisionError, match="within one only"):
        stitching.merge(told[0].first, told[0].second)
    assert rows() == before


def test_evidence_about_nobody_or_oneself_is_dropped(town: Town) -> None:
    ann = town.one("toys/customer_id/ann")
    stitching.link(
        town.organisation, [Link(ann, ann, "alias", True, NOW), Link(ann, 10**12, "alias", True, NOW)]
    )
    stitching.link(town.organisation, [])
    assert not IdentityLink.objects.exists()


def test_decisions_that_cannot_be_taken_change_nothing(town: Town) -> None:
    made = town.link("toys/customer_id/ann", "toys/anonymous_id/x")
    before = rows()
    for decide, words in (
        (lambda: stitching.accept(made.pk), "is active, not"),
        (lambda: stitching.refuse(made.pk), "is active, not proposed"),
        (lambda: stitching.undo(10**12), "There is no link"),
        (lambda: stitching.merge(made.first_id, made.first_id), "with itself"),
        (lambda: stitching.merge(made.first_id, 10**12), "There is no identity"),
    ):
        with pytest.raises(DecisionError, match=words):
            decide()
    assert rows() == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["anonymous_id", "email"])
def test_two_writers_at_once_make_one_person(kind: str) -> None:
    """Both tell of the same device or address at the same moment, each for an account of its own shop and of one."""
    town = Town("toys", "food")
    value = "x@firm.de" if kind == "email" else "x-1"
    name = f"toys/{kind}/{value}"
    accounts = [f"toys/customer_id/c{n}" for n in range(6)]
    told = [[town.evidence(account, name, verified=n % 2 == 0)] for n, account in enumerate(accounts[:2])] * 4
    told += [[town.evidence(account, f"toys/anonymous_id/d{n}")] for n, account in enumerate(accounts)]
    start = threading.Barrier(len(told))

    def write(links: list[Link]) -> None:
        start.wait(20)
        try:
            with transaction.atomic():
                stitching.link(town.organisation, links)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(told)) as pool:
        list(pool.map(write, told))
    check()
    assert IdentityLink.objects.count() == 8
    assert town.together("toys/customer_id/c0", name)
    assert not town.together("toys/customer_id/c0", "toys/customer_id/c1")


def test_answers_go_to_proved_names_only(town: Town) -> None:
    ann = town.one("toys/customer_id/ann")
    town.link("toys/customer_id/ann", "toys/anonymous_id/proved", verified=True)
    town.link("toys/customer_id/ann", "toys/anonymous_id/said", verified=False)
    person = Identity.objects.get(pk=ann).customer_id
    assert [stitching.verified_person(town.ids[f"toys/{name}"]) for name in (
        "customer_id/ann", "anonymous_id/proved", "anonymous_id/said"
    )] == [person, person, None]  # fmt: skip
    made = IdentityLink.objects.get(verified=True)
    stitching.undo(made.pk)
    assert stitching.verified_person(town.one("toys/anonymous_id/proved")) is None
