"""The job of interests: which texts it reads, whose words it uses, what it writes, and which method it asks."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models import F

from precision.engine import jobs
from precision.shop import interests, platforms
from precision.shop.jobs import ErasedMeanwhileError
from precision.shop.methods.interests import Mention, Sense, Term
from precision.shop.models import (
    Category,
    Customer,
    Event,
    Identity,
    Interest,
    InterestWord,
    Organisation,
    Platform,
    Product,
)
from precision.shop.partitions import ensure_month

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 11, 1)
OCTOBER = datetime(2026, 10, 20, 12, tzinfo=UTC)


class Shouting:
    """A method of somebody else's: capitals are wishes."""

    def __init__(self, vocabulary: Sequence[Term]) -> None:
        self.vocabulary = vocabulary

    def mentions(self, text: str) -> list[Mention]:
        return [Mention(word, None, Sense.WISHED) for word in text.split() if word.isupper()]


@pytest.fixture
def ann(platform: Platform) -> Identity:
    ensure_month(OCTOBER.date())
    owner = Customer.objects.create(organisation=platform.organisation)
    return Identity.objects.create(platform=platform, kind="customer_id", value="ann", customer=owner)


@pytest.fixture
def coats(platform: Platform) -> Category:
    return Category.objects.create(platform=platform, path=["Wear", "Jackets"])


def say(who: Identity | None, platform: Platform, at: datetime = OCTOBER, **given: Any) -> Event:
    number = Event.objects.count()
    properties = {name: given.pop(name) for name in list(given) if name in interests.TEXTS}
    return Event.objects.create(
        platform=platform, identity=who, name="Comment Posted", at=at, received_at=OCTOBER,
        message=number.to_bytes(16, "big"), properties=properties, **given,
    )  # fmt: skip


def compute(platform: Platform) -> dict[str, tuple[Any, ...]]:
    run = jobs.run(jobs.nightly(["interests"])[0], platform.key, AS_OF)
    assert run is not None
    rows = Interest.objects.filter(run=run).order_by("identity_id", "topic")
    return {row.topic: (row.identity.value, row.category_id, row.mentions, row.events) for row in rows}


def test_comments_search_words_and_reviews_tell(platform: Platform, ann: Identity, coats: Category) -> None:
    first = say(ann, platform, text="I want a jacket!")
    second = say(ann, platform, at=OCTOBER + timedelta(hours=1), query="jackets")
    third = say(ann, platform, at=OCTOBER + timedelta(hours=2), review="nice", comment="This jacket")
    say(None, platform, text="I want a jacket")  # nobody knows who
    say(ann, platform, at=datetime(2026, 11, 1, tzinfo=UTC), text="jacket")  # local midnight has passed
    say(ann, platform, at=OCTOBER - timedelta(days=400), text="jacket")  # long ago
    assert compute(platform) == {"Jackets": ("ann", coats.pk, 3, [third.pk, second.pk, first.pk])}


def test_refused_things_are_no_interest(platform: Platform, ann: Identity, coats: Category) -> None:
    say(ann, platform, text="I do not want a jacket")
    assert compute(platform) == {}


def test_staffs_words_go_before_all_and_may_silence_one(
    platform: Platform, ann: Identity, coats: Category
) -> None:
    Category.objects.create(platform=platform, path=["Sets"])
    InterestWord.objects.create(platform=platform, word="anorak", topic="Jackets", category=coats)
    InterestWord.objects.create(platform=platform, word="set", topic="")
    platforms.create_platform("other", name="Other", organisation=platform.organisation.key)
    other = Platform.objects.get(key="other")
    InterestWord.objects.create(platform=other, word="cup", topic="Cups")
    event = say(ann, platform, text="anoraks, a set and a cup")
    assert compute(platform) == {"Jackets": ("ann", coats.pk, 1, [event.pk])}


def test_things_named_in_titles_are_words_too(platform: Platform, ann: Identity) -> None:
    candles = Category.objects.create(platform=platform, path=["Home"])
    Product.objects.bulk_create(
        Product(platform=platform, external_id=str(n), title=f"scented number{n} candle", category=candles)
        for n in range(20)
    )
    event = say(ann, platform, query="candles")
    assert compute(platform) == {"candle": ("ann", candles.pk, 1, [event.pk])}


def test_another_platforms_texts_stay_there(platform: Platform, ann: Identity, coats: Category) -> None:
    platforms.create_platform("other", name="Other", organisation=platform.organisation.key)
    say(ann, Platform.objects.get(key="other"), text="I want a jacket")
    assert compute(platform) == {}


def test_the_method_can_be_replaced(platform: Platform, ann: Identity, settings: Any) -> None:
    settings.PRECISION_INTEREST_METHOD = f"{__name__}.Shouting"
    event = say(ann, platform, text="give me TEA")
    assert compute(platform) == {"TEA": ("ann", None, 1, [event.pk])}


def test_a_method_that_is_not_there_is_named(platform: Platform, ann: Identity, settings: Any) -> None:
    settings.PRECISION_INTEREST_METHOD = "nowhere.Nothing"
    say(ann, platform, text="tea")
    with pytest.raises(ImproperlyConfigured, match=r"nowhere\.Nothing"):
        compute(platform)
    assert not Interest.objects.exists()


@pytest.mark.parametrize(("times", "kept"), [(1, 0), (99, None)])
def test_words_of_somebody_erased_meanwhile_leave_nothing(
    times: int,
    kept: int | None,
    platform: Platform,
    ann: Identity,
    coats: Category,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event = say(ann, platform, text="I want a jacket")
    turns = iter(range(times))
    read = interests.mentions

    def erasing(found: Any, terms: Any) -> Any:
        """As an erasure does between the reading of the words and the writing of the interests."""
        if next(turns, None) is not None:
            Event.objects.filter(pk=event.pk).update(properties={})
            Organisation.objects.update(erasures=F("erasures") + 1)
        return read(found, terms)

    monkeypatch.setattr(interests, "mentions", erasing)
    if kept is None:
        with pytest.raises(ErasedMeanwhileError, match="erased during each of 3 readings"):
            compute(platform)
    else:
        assert compute(platform) == {}
    assert not Interest.objects.exists()
