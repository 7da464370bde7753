"""A small shop planted so that every label of one customer can be computed by hand; as of 2026-04-01, a Wednesday."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from precision.engine.models import Publication, Run
from precision.shop.models import (
    Assignment,
    Category,
    Customer,
    Identity,
    Interest,
    OrderLine,
    Platform,
    Product,
    Profile,
    Response,
    Send,
    Store,
)
from segments.models import ProductPrice
from tests.shop.lake import buy, happen

AS_OF = date(2026, 4, 1)


def at(month: int, day: int, hour: int = 9, minute: int = 0, *, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def person(platform: Platform, name: str) -> Identity:
    owner = Customer.objects.create(organisation=platform.organisation)
    return Identity.objects.create(platform=platform, kind="customer_id", value=name, customer=owner)


def published(job: str, platform: Platform) -> Run:
    run = Run.objects.create(job=job, scope=platform.key, as_of=AS_OF, status="published")
    Publication.objects.create(job=job, scope=platform.key, run=run)
    return run


def plant(platform: Platform) -> dict[str, Identity]:
    """Fill the shop; return its people: ann, whose labels are all known, ben and cy."""
    Platform.objects.filter(pk=platform.pk).update(timezone="UTC", currency="EUR")
    people = {name: person(platform, name) for name in ("ann", "ben", "cy")}
    tea, cups = (
        Category.objects.create(platform=platform, path=path) for path in (["Food", "Tea"], ["Home", "Cups"])
    )
    goods = {
        name: Product.objects.create(
            platform=platform, external_id=name, title=name, category=category, brand=brand
        )
        for name, category, brand in (("green", tea, "Leaf"), ("black", tea, "Moss"), ("cup", cups, "Clay"))
    }
    _orders(platform, people, goods)
    _events(platform, people["ann"], people["cy"], goods)
    _contacts(platform, people["ann"], people["ben"])
    _told(platform, people["ann"], people["ben"])
    prices = published("price-classes", platform)
    for name, position in (("green", 0.22), ("black", 0.62), ("cup", 1.0)):
        ProductPrice.objects.create(run=prices, product=goods[name], price_position=position, lines=1)
    return people


def _orders(platform: Platform, people: dict[str, Identity], goods: dict[str, Product]) -> None:
    north, south = (
        Store.objects.create(platform=platform, external_id=name[0], name=name) for name in ("North", "South")
    )
    ann, ben = people["ann"], people["ben"]
    first = buy(
        platform, "o1", goods["green"], at=at(3, 28), who=ann, quantity="2", price="3.00", channel="app", store=north,
        coupon="SPRING", payment_method="card", context={"weather": "Rain"},
    )  # fmt: skip
    OrderLine.objects.create(order=first, product=goods["cup"], quantity=1, unit_price=Decimal(10))
    buy(platform, "o2", goods["green"], at=at(3, 2), who=ann, price="3.00", channel="web", store=north,
        payment_method="card", context={"weather": "rain"})  # fmt: skip
    buy(platform, "o3", goods["black"], at=at(1, 5, 18), who=ann, price="5.00", channel="app", store=south,
        payment_method="wallet", context={"weather": "sun"})  # fmt: skip
    # The day before the year begins, what came back, and what no label of the day may see.
    buy(platform, "o4", goods["black"], at=at(3, 31, 7, year=2025), who=ann, price="5.00", channel="shop")
    buy(platform, "r1", goods["green"], at=at(3, 30), who=ann, quantity="-1", price="3.00", status="returned")
    buy(platform, "o5", goods["cup"], at=at(4, 1, 0), who=ann, price="99.00", channel="phone")
    buy(platform, "b1", goods["cup"], at=at(12, 1, 10, year=2025), who=ben, price="10.00", channel="web", store=south,
        payment_method="card", context={"weather": "sun"})  # fmt: skip
    buy(platform, "guest", goods["cup"], at=at(3, 3), price="10.00", channel="web", store=south)


def _events(platform: Platform, ann: Identity, cy: Identity, goods: dict[str, Product]) -> None:
    def did(number: int, name: str, when: datetime, **fields: Any) -> None:
        happen(platform, f"m{number}", at=when, name=name, **{"identity": ann, **fields})

    night: dict[str, Any] = {"session": "s1", "channel": "app"}
    did(1, "Product Viewed", at(3, 30, 20), product=goods["green"], duration_s=60, **night)
    did(2, "Product Viewed", at(3, 30, 20, 1), product=goods["green"], duration_s=30, **night)
    did(3, "Product Viewed", at(3, 30, 20, 2), product=goods["cup"], **night)
    did(4, "Products Searched", at(3, 30, 20, 3), query="cup", **night)
    did(5, "Product Added", at(3, 30, 20, 10), product=goods["cup"], **night)
    did(6, "Product Added", at(3, 30, 20, 11), product=goods["black"], **night)
    did(7, "Product Removed", at(3, 30, 20, 12), product=goods["black"], **night)
    day: dict[str, Any] = {"session": "s2", "channel": "web"}
    did(8, "Inquiry Sent", at(3, 10), **day)
    did(9, "Product Added to Wishlist", at(3, 10), product=goods["cup"], **day)
    did(10, "Product Compared", at(3, 10), product=goods["cup"], **day)
    did(11, "Promotion Clicked", at(3, 10), **day)
    did(12, "Product Added", at(3, 10), product=goods["green"], **day)  # bought on the 28th
    did(13, "Page Viewed", at(12, 15, year=2025), session="s3", channel="app")
    did(14, "Page Viewed", at(3, 25, 12))
    did(15, "Page Viewed", at(3, 25, 13))
    did(16, "Shipment Delivered", at(3, 31))  # the shop tells it: no visit
    did(17, "Page Viewed", at(4, 1, 0), session="s4", channel="tv")  # after the date
    did(18, "Product Viewed", at(1, 15), identity=cy, product=goods["cup"], session="s5", channel="web")


def _contacts(platform: Platform, ann: Identity, ben: Identity) -> None:
    for who in (ann, ben):
        Send.objects.create(platform=platform, campaign="c1", identity=who, channel="email", at=at(2, 1))
    Assignment.objects.create(platform=platform, campaign="c2", identity=ann, arm="mail", at=at(2, 10))
    Assignment.objects.create(platform=platform, campaign="c3", identity=ann, arm="Control", at=at(2, 10))
    for number, (who, kind) in enumerate(((ann, "clicked"), (ben, "opened"))):
        Response.objects.create(
            platform=platform, message=bytes([number] * 16), kind=kind, identity=who, campaign="c1", at=at(2, 2)
        )  # fmt: skip


def _told(platform: Platform, ann: Identity, ben: Identity) -> None:
    Profile.objects.create(
        identity=ann, registered_at=at(1, 1, 12), birth_date=date(1981, 4, 2), gender="Female", country="FR",
        city="Lyon", occupation="Nurse", education="college", income="40-60k", marital_status="married",
    )  # fmt: skip
    Profile.objects.create(identity=ben, birth_date=date(1981, 4, 1))
    run = published("interests", platform)
    for topic, score in (("tea", 2.5), ("cups", 1.0)):
        Interest.objects.create(
            run=run, platform=platform, identity=ann, topic=topic, score=score, mentions=1, last_at=at(3, 1)
        )  # fmt: skip
