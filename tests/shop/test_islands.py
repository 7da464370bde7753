"""The island report: a table small enough to count by hand."""

from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from precision.shop import islands, partitions
from precision.shop.islands import Island
from precision.shop.methods.overlaps import overlaps
from precision.shop.models import Event, IslandReport, Order, Organisation
from tests.shop.town import Town


def test_pairs_are_counted_once_each() -> None:
    people = np.array([7, 7, 7, 8, 8, 9, 10, 7])
    platforms = np.array([0, 1, 1, 1, 2, 0, 2, 0])
    found = overlaps(people, platforms, count=4)
    assert found.together.tolist() == [[2, 1, 0, 0], [1, 2, 1, 0], [0, 1, 2, 0], [0, 0, 0, 0]]
    assert found.only.tolist() == [1, 0, 1, 0]
    assert found.people == 4
    empty = overlaps(np.array([], dtype=np.int64), np.array([], dtype=np.int64), count=2)
    assert (empty.together.tolist(), empty.only.tolist(), empty.people) == ([[0, 0], [0, 0]], [0, 0], 0)


@pytest.fixture
def town(db: None) -> Town:
    """Ann shops at toys and food, Bob at toys, Cat at food; a stranger looks at home; Ann and Cat are active."""
    town = Town("toys", "food", "home")
    town.link("toys/customer_id/ann", "toys/email/ann@firm.de")
    town.link("food/customer_id/1", "food/email/ann@firm.de")
    town.one("toys/customer_id/bob")
    town.one("food/customer_id/cat")
    town.one("home/anonymous_id/x-1")
    now = timezone.now()
    partitions.ensure_month(now.date())

    def order(name: str, days: int) -> None:
        Order.objects.create(
            platform=town.shops[name.partition("/")[0]], external_id=name, identity_id=town.one(name),
            placed_at=now - timedelta(days=days), currency="EUR", fingerprint=0,
        )  # fmt: skip

    order("toys/customer_id/ann", 10)
    order("food/customer_id/1", 100)
    order("toys/customer_id/bob", 91)
    Event.objects.create(
        platform=town.shops["food"], identity_id=town.one("food/customer_id/cat"), name="Page", at=now,
        received_at=now, message=b"1" * 16,
    )  # fmt: skip
    return town


EXPECTED = [
    Island(key="food", people=2, active=1, only_here=1, visitors=0),
    Island(key="home", people=0, active=0, only_here=0, visitors=1),
    Island(key="toys", people=2, active=1, only_here=1, visitors=0),
]


def test_the_report_by_hand(town: Town) -> None:
    made = islands.report(Organisation.objects.get(), now=timezone.now())
    found = islands.islands(made)
    assert found == EXPECTED
    assert [each.activity_rate for each in found] == [0.5, None, 0.5]
    assert islands.matrix(made) == (["food", "home", "toys"], [[2, 0, 1], [0, 0, 0], [1, 0, 2]])
    assert made.people == 3


def test_the_command_stitches_and_reports(town: Town) -> None:
    out = StringIO()
    call_command("stitch", "--organisation", "town", stdout=out)
    call_command("stitch", stdout=out)
    assert "town: 7 identities, 3 links; 0 identities moved" in out.getvalue()
    assert islands.islands(IslandReport.objects.get()) == EXPECTED
    with pytest.raises(CommandError, match="no organisation 'nowhere'; there are: town"):
        call_command("stitch", "--organisation", "nowhere")
