"""What people agreed to: the latest word counts, the history stays, repetitions add nothing."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from precision.shop import consent, platforms
from precision.shop.consent import Recorded, Word
from precision.shop.models import Consent, Customer, Identity, Platform

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def person(platform: Platform, *names: str) -> list[int]:
    """Return the identities of one new person."""
    owner = Customer.objects.create(organisation=platform.organisation)
    return [
        Identity.objects.create(platform=platform, kind="customer_id", value=name, customer=owner).pk
        for name in names
    ]


def word(identity: int, granted: bool, days_ago: int | None, **given: str) -> Word:
    at = None if days_ago is None else NOW - days_ago * DAY
    return Word(
        **{
            "identity": identity,
            "channel": "email",
            "purpose": "marketing",
            "granted": granted,
            "at": at,
            **given,
        }
    )  # type: ignore[arg-type]


def answer(identity: int, channel: str = "email", purpose: str = "marketing") -> bool | None:
    return consent.allowed([identity], channel=channel, purpose=purpose)[identity]


def test_the_latest_word_counts_in_whatever_order_they_come(platform: Platform) -> None:
    words = [(True, 5), (False, 3), (True, 1)]
    for number, order in enumerate(itertools.permutations(words)):
        (one,) = person(platform, f"p{number}")
        for granted, days_ago in order:
            consent.record(platform, [word(one, granted, days_ago)], source=None, now=NOW)
        assert answer(one) is True
        consent.record(platform, [word(one, False, 0)], source=None, now=NOW)
        assert answer(one) is False
        assert Consent.objects.filter(identity=one).count() == 4


def test_a_repetition_adds_nothing(platform: Platform) -> None:
    (one,) = person(platform, "ann")
    told = [word(one, True, 2), word(one, True, 2, channel=" Email "), word(one, False, None, channel="sms")]
    assert consent.record(platform, told, source=None, now=NOW) == Recorded(accepted=2, duplicate=1)
    before = list(Consent.objects.order_by("id").values())
    assert consent.record(platform, told, source=None, now=NOW + DAY) == Recorded(duplicate=3)
    assert list(Consent.objects.order_by("id").values()) == before


def test_a_word_without_a_time_is_new_where_it_differs(platform: Platform) -> None:
    (one,) = person(platform, "ann")
    consent.record(platform, [word(one, True, 2)], source=None, now=NOW)
    assert consent.record(platform, [word(one, False, None)], source=None, now=NOW) == Recorded(accepted=1)
    assert Consent.objects.get(identity=one, granted=False).at == NOW


@pytest.mark.parametrize("first", [True, False])
def test_of_two_words_of_one_moment_the_refusal_stands(platform: Platform, first: bool) -> None:
    (one,) = person(platform, "ann")
    consent.record(platform, [word(one, first, 1)], source=None, now=NOW)
    consent.record(platform, [word(one, not first, 1, basis="consent")], source=None, now=NOW)
    assert answer(one) is False
    assert Consent.objects.get(identity=one).basis == "consent"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], None),
        ([("*", True, 3)], True),
        ([("*", False, 3)], False),
        ([("*", False, 3), ("email", True, 5)], False),  # a later refusal of everything
        ([("*", False, 5), ("email", True, 3)], True),
        ([("*", True, 3), ("email", False, 5)], False),  # a consent to everything lifts no refusal of one
        ([("sms", True, 1)], None),
    ],
)
def test_every_channel_stands_for_one(
    platform: Platform, words: list[tuple[str, bool, int]], expected: bool | None
) -> None:
    (one,) = person(platform, "ann")
    consent.record(
        platform,
        [word(one, granted, ago, channel=name) for name, granted, ago in words],
        source=None,
        now=NOW,
    )
    assert answer(one) is expected
    assert answer(one, purpose="analytics") is None


def test_the_strictest_identity_of_a_joined_person_counts_per_platform(platform: Platform) -> None:
    platforms.create_platform("other", name="Other", organisation=platform.organisation.key)
    other = Platform.objects.get(key="other")
    one, two = person(platform, "ann", "anna")
    owner = Identity.objects.get(pk=one).customer
    there = Identity.objects.create(platform=other, kind="customer_id", value="ann", customer=owner).pk
    consent.record(platform, [word(one, True, 1), word(two, False, 9)], source=None, now=NOW)
    consent.record(other, [word(there, True, 1)], source=None, now=NOW)
    found = consent.allowed([one, two, there], channel="email", purpose="marketing")
    assert found == {one: False, two: False, there: True}


def test_a_consent_of_another_platforms_identity_is_refused(platform: Platform) -> None:
    platforms.create_platform("other", name="Other")
    (theirs,) = person(Platform.objects.get(key="other"), "ann")
    (ours,) = person(platform, "ann")
    with pytest.raises(ValueError, match=f"{theirs}.*'corner'"):
        consent.record(platform, [word(ours, True, 1), word(theirs, True, 1)], source=None, now=NOW)
    assert not Consent.objects.exists()
