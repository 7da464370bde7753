"""Stores, sources, interests and referrals of a shop, whose names give the shop away by its key."""

from datetime import UTC, date, datetime

from precision.shop import tallies
from precision.shop.models import Event, Interest, Referral, Source, Store, StoreMonth, StorePair
from precision.shop.partitions import ensure_month
from precision.shop.tallies import Outcome
from tests.api.conftest import NOON, Shop

JUNE = date(2026, 6, 1)


def report_facts(shop: Shop) -> None:
    """Add a store with months and a pair of goods, a source with a count, and what ann wants and whom she brought."""
    word, platform = shop.platform.key, shop.platform
    store = Store.objects.create(
        platform=platform, external_id=f"{word}-s1", name=f"{word} store", type=word, region=word, stars=3
    )
    StoreMonth.objects.create(
        platform=platform, store=store, month=JUNE, displays=2, sales_units=4, sales_value=100, retail_value=70,
        industry_value=30,
    )  # fmt: skip
    first, second = shop.products["tea-0"], shop.products["cup-0"]
    StoreMonth.objects.create(platform=platform, store=store, month=JUNE, product=first, sales_units=3)
    StorePair.objects.create(
        run=shop.run("store-pairs", store_months=8), first=first, second=second, count=4, support=0.5, lift=2,
        confidence=1, confidence_back=0.5,
    )  # fmt: skip
    source = Source.objects.create(platform=platform, key=f"{word}-site", name=f"{word} site", kind="sdk")
    today = datetime.now(UTC).date()
    tallies.append(platform, source, {(Outcome.ACCEPTED, ""): 3}, kind="event", day=today)
    ensure_month(NOON.date())
    event = Event.objects.create(
        platform=platform, identity=shop.people["ann"], name=f"{word} comment", at=NOON, received_at=NOON,
        message=platform.pk.to_bytes(16, "big"), properties={"text": "tea"},
    )  # fmt: skip
    Interest.objects.create(
        run=shop.run("interests"), platform=platform, identity=shop.people["ann"], topic=f"{word} tea",
        category=first.category, score=1.5, mentions=1, last_at=NOON, events=[event.pk],
    )  # fmt: skip
    for brought, by in (("bob", "ann"), ("cleo", "bob"), ("ann", "una")):
        Referral.objects.create(
            platform=platform, referrer=shop.people[by], referred=shop.people[brought], at=NOON
        )
