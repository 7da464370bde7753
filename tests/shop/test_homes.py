"""The same name at the same address: proposed, never joined by itself."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command

from precision.shop import homes, identity, platforms, profiles, recording, sources, stitching
from precision.shop.models import Identity, IdentityLink, Platform, Profile, Source

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA = {"name": "Ada Lovelace", "address": {"street": "12 St James's Sq.", "city": "London"}}


def test_a_home_is_written_one_way() -> None:
    said = identity.home("Lovelace, ADA", "London; 12 st james's sq")
    assert said == identity.home(ADA["name"], ADA["address"]) == "ada lovelace @ 12 james london s sq st"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (None, "12 High Street"),
        ("Ada", None),
        ("Ada", "London"),
        ("n/a", "12 High Street"),
        ("Ada", {}),
        ("Ada", 5),
    ],
)
def test_less_than_name_and_address_is_no_home(name: Any, address: Any) -> None:
    assert identity.home(name, address) is None


def _tell(platform: Platform, *rows: dict[str, Any]) -> None:
    answer = recording.record(
        platform,
        "customer",
        list(rows),
        replace=False,
        source=sources.default(platform, Source.Kind.REST),
        now=NOW,
    )
    assert not answer.rejected


def _states(platform: Platform) -> list[tuple[str, str, str]]:
    return sorted(
        IdentityLink.objects.filter(origin=homes.ORIGIN).values_list(
            "first__value", "second__value", "status"
        )
    )


@pytest.mark.django_db(transaction=True)
def test_one_home_on_two_platforms_waits_for_a_yes(platform: Platform) -> None:
    platforms.create_platform("pier", name="Pier", organisation=platform.organisation.key)
    pier = Platform.objects.get(key="pier")
    _tell(platform, {"customer_id": "1", **ADA}, {"customer_id": "2", "name": "Ada Lovelace"})
    _tell(pier, {"customer_id": "9", "name": "ada lovelace", "address": {"line": "London, St James's Sq 12"}})
    call_command("stitch", verbosity=0)
    call_command("stitch", verbosity=0)
    assert _states(platform) == [("1", "9", "proposed")]
    first, second = (Identity.objects.get(value=value) for value in ("1", "9"))
    assert first.customer_id != second.customer_id
    stitching.accept(IdentityLink.objects.get(origin=homes.ORIGIN).pk, by=None, reason="she said so")
    first.refresh_from_db()
    second.refresh_from_db()
    assert first.customer_id == second.customer_id
    call_command("stitch", verbosity=0)
    assert [status for *_, status in _states(platform)] == ["active"]


@pytest.mark.django_db(transaction=True)
def test_a_home_of_many_proposes_nobody(platform: Platform) -> None:
    _tell(platform, *({"customer_id": str(number), **ADA} for number in range(10, 11 + homes.MOST)))
    assert homes.propose(platform.organisation_id, now=NOW) == 0
    _tell(platform, {"customer_id": "14", "address": {"street": "1 Elsewhere Road"}})
    assert homes.propose(platform.organisation_id, now=NOW) == 6


@pytest.mark.django_db(transaction=True)
def test_the_digest_follows_the_profile_by_whatever_way_it_is_told(platform: Platform) -> None:
    _tell(platform, {"customer_id": "1", **ADA})
    profile = Profile.objects.get()
    before = profile.home_match
    assert len(before) == 64
    told = profiles.Told(identity=profile.identity_id, personal={"name": "Ada King"}, trusted=True)
    profiles.tell([told], organisation_id=platform.organisation_id, now=NOW)
    profile.refresh_from_db()
    assert len(profile.home_match) == 64
    assert profile.home_match != before
    _tell(platform, {"customer_id": "1", "name": "Lovelace Ada"})
    profile.refresh_from_db()
    assert profile.home_match == before
