"""Rows of the models behind the reports, for the world of the staff pages' tests."""

from datetime import UTC, date, datetime

from precision.engine.models import Run
from precision.shop import tallies
from precision.shop.models import (
    Category,
    Event,
    ExchangeRate,
    Identity,
    Interest,
    InterestWord,
    Platform,
    Product,
    Referral,
    Removal,
    Source,
    Store,
    StoreMonth,
    StorePair,
)
from precision.shop.tallies import Outcome


def report_facts(platform: Platform) -> None:
    """Add months of the first store, a source with counts, a rate, a word, a referral and a removal."""
    store = Store.objects.filter(platform=platform).earliest("id")
    product = Product.objects.filter(platform=platform).earliest("id")
    for month in (9, 10):
        StoreMonth.objects.create(
            platform=platform, store=store, month=date(2026, month, 1), displays=2, sales_units=4, sales_value="100.5",
            retail_value=70, industry_value=30,
        )  # fmt: skip
    StoreMonth.objects.create(
        platform=platform, store=store, month=date(2026, 10, 1), product=product, sales_units=1
    )
    source = Source.objects.create(platform=platform, key="site", name="=cmd|' /C calc'!A0", kind="sdk")
    counts = {(Outcome.ACCEPTED, ""): 10, (Outcome.REJECTED, "too_long"): 2, (Outcome.LATE, ""): 1}
    tallies.append(platform, source, counts, kind="event", day=datetime.now(UTC).date())
    ExchangeRate.objects.create(
        organisation=platform.organisation, currency="USD", target="EUR", day=date(2026, 11, 1), rate="0.92"
    )
    InterestWord.objects.create(
        platform=platform, word="kettle", topic="Tea", category=Category.objects.get(platform=platform)
    )
    first, second = Identity.objects.filter(platform=platform).order_by("id")[:2]
    Referral.objects.create(
        platform=platform, referrer=first, referred=second, at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    Removal.objects.create(platform=platform, table="order", row=7, position=9)


def report_results(platform: Platform, runs: dict[str, Run], count: int) -> None:
    """Add an interest of the first identity and a pair of goods to the runs."""
    first, second = Product.objects.filter(platform=platform).order_by("id")[:2]
    StorePair.objects.create(
        run=runs["rules"], first=first, second=second, count=count, support=0.5, lift=2, confidence=1,
        confidence_back=0.5,
    )  # fmt: skip
    event = Event.objects.filter(platform=platform).earliest("id")
    Interest.objects.create(
        run=runs["rules"], platform=platform, identity=event.identity, topic="Tea", score=1.5, mentions=count,
        last_at=event.at, events=[event.pk],
    )  # fmt: skip
