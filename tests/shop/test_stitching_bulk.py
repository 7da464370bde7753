"""Everybody at once, and the links of a whole file: the same people as one link after the other."""

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from precision.shop import stitching
from precision.shop.models import Customer, Identity, IdentityLink, Join, Organisation
from precision.shop.stitching import nightly
from tests.shop.town import NOW, Town, check

pytestmark = pytest.mark.django_db(transaction=True)

KINDS = ["customer_id", "customer_id", "anonymous_id", "anonymous_id", "email", "phone", "external_id"]


def value(kind: str, rng: random.Random) -> str:
    number = rng.randrange(7)
    return {"email": f"e{number}@firm.de", "phone": f"+4917012345{number:02}"}.get(
        kind, f"{kind[:2]}-{number}"
    )


def random_names(rng: random.Random) -> list[str]:
    names = set()
    while len(names) < 40:
        kind = rng.choice(KINDS)
        names.add(f"{rng.choice(['toys', 'food', 'home'])}/{kind}/{value(kind, rng)}")
    return sorted(names)


@pytest.fixture
def town() -> Iterator[Town]:
    yield Town("toys", "food", "home")
    # Foreign keys stand in the way of the order in which Django would flush.
    Join.objects.all().delete()


def random_links(town: Town, rng: random.Random, count: int) -> list[stitching.Link]:
    names = random_names(rng)
    for name in names:
        town.one(name)
    made = []
    while len(made) < count:
        first, second = rng.sample(names, 2)
        if first.partition("/")[0] == second.partition("/")[0] or rng.random() < 0.05:
            made.append(town.evidence(first, second, verified=rng.random() < 0.6, at=rng.randrange(5)))
    return made


def frame(links: list[stitching.Link]) -> pl.DataFrame:
    return pl.DataFrame(
        [(one.first, one.second, one.origin, one.verified, one.at) for one in links],
        schema=["first", "second", "origin", "verified", "at"],
        orient="row",
    )


def outcome() -> list[Any]:
    links = IdentityLink.objects.order_by("first", "second", "origin")
    return [
        list(Identity.objects.order_by("pk").values_list("pk", "customer", "home")),
        list(links.values_list("first", "second", "origin", "status", "held", "verified", "at")),
    ]


def forget(town: Town) -> None:
    """Take all links away."""
    IdentityLink.objects.all().delete()
    stitching.stitch(town.organisation)
    Join.objects.all().delete()


@pytest.mark.parametrize("seed", range(12))
def test_all_ways_lead_to_the_same_people(town: Town, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nightly, "MOVED_AT_ONCE", 3)  # many parts
    rng = random.Random(seed)
    links = random_links(town, rng, 60)
    for one in links:
        stitching.link(town.organisation, [one])
    check()
    before = outcome()
    done = stitching.stitch(town.organisation)
    assert (done.moved, done.marked, done.equals) == (0, 0, 0)
    assert outcome() == before
    forget(town)
    assert not Identity.objects.exclude(home=None).exists()
    stitching.link_many(town.organisation, frame(links))
    check()
    assert outcome() == before
    forget(town)
    IdentityLink.objects.bulk_create(
        IdentityLink(
            organisation_id=town.organisation, first_id=first, second_id=second, origin=origin, verified=verified, at=at
        )
        for first, second, origin, _, _, verified, at in before[1]
        if origin != "same-value"
    )  # fmt: skip
    done = stitching.stitch(town.organisation)
    assert done.moved == Identity.objects.exclude(home=None).count()
    check()
    assert [row[:4] for row in outcome()[0]] == before[0]
    assert sorted(row[:5] for row in outcome()[1]) == sorted(row[:5] for row in before[1])
    for entry in Join.objects.all():
        for one, _, after in entry.moves:
            assert Identity.objects.get(pk=one).customer_id == after


def test_the_night_writes_the_ledger(town: Town) -> None:
    ann, device = town.one("toys/customer_id/ann"), town.one("toys/anonymous_id/x-1")
    link = IdentityLink.objects.create(
        organisation_id=town.organisation,
        first_id=ann,
        second_id=device,
        origin="identify",
        verified=True,
        at=NOW,
    )
    home = town.customer("toys/anonymous_id/x-1")
    done = stitching.stitch(town.organisation)
    assert (done.identities, done.links, done.moved, done.marked) == (2, 1, 1, 0)
    entry = Join.objects.get()
    assert (entry.action, entry.link, entry.reason) == ("join", link, "nightly")
    assert entry.moves == [[device, home, town.customer("toys/customer_id/ann")]]


def test_a_link_that_comes_while_everybody_is_recomputed_is_kept(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"toys/customer_id/c{n}" for n in range(3)] + [f"toys/anonymous_id/dev-{n}" for n in range(3)]
    ids = [town.one(name) for name in names]
    IdentityLink.objects.bulk_create(
        IdentityLink(
            organisation_id=town.organisation, first_id=ids[n], second_id=ids[n + 3], origin="order", verified=True,
            at=NOW,
        )
        for n in range(3)
    )  # fmt: skip
    real = nightly.read

    def read(organisation_id: int) -> Any:
        found = real(organisation_id)
        town.link("toys/customer_id/c0", "toys/email/late@firm.de")
        stitching.undo(IdentityLink.objects.get(first=ids[1], second=ids[4]).pk)
        return found

    monkeypatch.setattr(nightly, "read", read)
    done = stitching.stitch(town.organisation)
    assert done.again == 2
    assert town.together("toys/customer_id/c0", "toys/anonymous_id/dev-0", "toys/email/late@firm.de")
    assert not town.together("toys/customer_id/c1", "toys/anonymous_id/dev-1")
    assert town.together("toys/customer_id/c2", "toys/anonymous_id/dev-2")
    check()


def test_an_erasure_meanwhile_starts_it_over(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [town.one("toys/customer_id/c"), town.one("toys/anonymous_id/dev-9")]
    IdentityLink.objects.create(
        organisation_id=town.organisation,
        first_id=ids[0],
        second_id=ids[1],
        origin="order",
        verified=True,
        at=NOW,
    )
    real, calls = nightly.read, []

    def read(organisation_id: int) -> Any:
        found = real(organisation_id)
        calls.append(1)
        if len(calls) == 1:
            IdentityLink.objects.all().delete()
            Identity.objects.filter(pk=ids[0]).delete()
            Customer.objects.filter(identities=None).delete()
            Organisation.objects.update(erasures=1)
        return found

    monkeypatch.setattr(nightly, "read", read)
    done = stitching.stitch(town.organisation)
    assert (len(calls), done.moved) == (2, 0)
    monkeypatch.setattr(nightly, "read", real)
    check()


def test_a_file_that_says_it_again_changes_nothing(town: Town) -> None:
    one = town.evidence("toys/customer_id/ann", "toys/email/ann@firm.de")
    told = frame([one, stitching.Link(one.second, one.first, one.origin, False, one.at + timedelta(days=1))])
    assert stitching.link_many(town.organisation, told) == 1
    entries = Join.objects.count()
    assert stitching.link_many(town.organisation, told) == 0
    assert Join.objects.count() == entries == 1
    stitching.undo(IdentityLink.objects.get().pk)
    assert stitching.link_many(town.organisation, told.with_columns(origin=pl.lit("order"))) == 1
    assert not town.together("toys/customer_id/ann", "toys/email/ann@firm.de")
    assert IdentityLink.objects.get(origin="order").status == "refused"
