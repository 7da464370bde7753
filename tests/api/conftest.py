"""A small shop whose results are written by hand, and clients that hold its keys."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from precision.engine import runs
from precision.engine.models import Run
from precision.shop import platforms
from precision.shop.api import freshness
from precision.shop.models import Category, Customer, Identity, Order, OrderLine, Platform, Product
from precision.shop.platforms import Credentials
from recommender.models import AssociationRule, CustomerList, PairCount, PopularList, ProductList
from segments.models import CustomerClass, ProductPrice, RfmScore, Segment, SegmentMember, SegmentSpell

AS_OF = date(2026, 11, 1)
NOON = datetime(2026, 10, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Each test starts and leaves without what earlier answers kept."""
    freshness.clear_all()
    yield
    freshness.clear_all()


@dataclass
class Shop:
    """A platform with the shorthands that tests need."""

    credentials: Credentials
    platform: Platform
    products: dict[str, Product] = field(default_factory=dict)
    people: dict[str, Identity] = field(default_factory=dict)
    _orders: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def client(self, key: str | None = None) -> APIClient:
        """Return a client that sends the server key, or another one."""
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key or self.credentials.server_key}")
        return client

    def get(self, address: str, *, key: str | None = None, status: int = 200, **query: Any) -> Any:
        """Return the JSON answer of an address below /api/v1/."""
        response = self.client(key).get(
            f"/api/v1/{address}", {name.replace("__", "."): v for name, v in query.items()}
        )
        content = response.getvalue()  # streamed or not
        assert response.status_code == status, content
        return json.loads(content)

    def product(self, name: str, price: str | None = "10.00", **given: Any) -> Product:
        """Add a product with the id and title `name`."""
        made = Product.objects.create(
            platform=self.platform, external_id=name, title=f"The {name}", price=price,
            currency="EUR", **given,
        )  # fmt: skip
        self.products[name] = made
        return made

    def category(self, *path: str) -> Category:
        """Add a category."""
        return Category.objects.create(platform=self.platform, path=list(path))

    def person(
        self, name: str, *, kind: str = Identity.Kind.CUSTOMER_ID, customer: Customer | None = None
    ) -> Identity:
        """Add an identity, of a new person unless one is given."""
        owner = customer or Customer.objects.create(organisation=self.platform.organisation)
        made = Identity.objects.create(platform=self.platform, kind=kind, value=name, customer=owner)
        self.people[name] = made
        return made

    def order(self, person: str | None, *names: str, days_ago: int = 0, status: str = "completed") -> Order:
        """Add an order of one piece of each product."""
        order = Order.objects.create(
            platform=self.platform, external_id=f"o-{next(self._orders)}", status=status, currency="EUR",
            identity=self.people[person] if person else None, placed_at=NOON - timedelta(days=days_ago),
            fingerprint=0,
        )  # fmt: skip
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                product=self.products[name],
                quantity=1,
                unit_price=self.products[name].price or 1,
            )
            for name in names
        )
        return order

    def run(self, job: str, **measures: Any) -> Run:
        """Return a new published run of a job."""
        run = runs.claim(job, self.platform.key, AS_OF)
        assert run is not None
        runs.publish(run, runs.Outcome(measures=measures))
        return run

    def ids(self, names: list[str] | tuple[str, ...]) -> list[int]:
        """Return our ids of products."""
        return [self.products[name].pk for name in names]

    def popular(self, lists: dict[tuple[str, int, str], list[str]]) -> Run:
        """Publish best-sellers by (kind, days, group)."""
        run = self.run("popularity")
        for (kind, days, group), names in lists.items():
            PopularList.objects.create(
                run=run, kind=kind, days=days, group=group, items=self.ids(names),
                scores=[float(len(names) - place) for place in range(len(names))],
            )  # fmt: skip
        return run

    def neighbours(self, kind: str, lists: dict[str, list[str]], run: Run | None = None) -> Run:
        """Publish neighbours by product."""
        run = run or self.run("similar" if kind == "similar" else "rules")
        for name, names in lists.items():
            ProductList.objects.create(
                run=run,
                kind=kind,
                product=self.products[name],
                items=self.ids(names),
                scores=[1.0] * len(names),
            )
        return run

    def for_you(self, lists: dict[tuple[str, str], list[tuple[str, str, str | None]]]) -> Run:
        """Publish lists by (customer, kind) of (product, method, anchor)."""
        run = self.run("recommendations")
        for (person, kind), entries in lists.items():
            CustomerList.objects.create(
                run=run, kind=kind, customer=self.people[person].customer,
                items=self.ids([e[0] for e in entries]), scores=[1.0] * len(entries),
                sources=[e[1] for e in entries],
                anchors=[self.products[e[2]].pk if e[2] else None for e in entries],
            )  # fmt: skip
        return run

    def classes(self, letters: dict[str, str], figures: dict[str, tuple[float, float]] | None = None) -> Run:
        """Publish classes by customer, and (price position, discount share) by product."""
        run = self.run("price-classes")
        for person, letter in letters.items():
            CustomerClass.objects.create(
                run=run, customer=self.people[person].customer, letter=letter, reason="neither",
                price_position=0.5, discount_share=0.1, spend="12.50", saved=1, list_value="13.50", orders=3,
                lines=20, positioned_lines=20,
            )  # fmt: skip
        for name, (position, discount) in (figures or {}).items():
            product = self.products[name]
            ProductPrice.objects.create(
                run=run, product=product, usual_price=product.price, price_position=position,
                discount_share=discount, lines=10,
            )  # fmt: skip
        return run


@pytest.fixture
def make_shop(db: None) -> Callable[..., Shop]:
    """Return a function that opens a shop; shops of one organisation share people, never facts."""

    def make(key: str = "corner", **given: Any) -> Shop:
        credentials = platforms.create_platform(key, name=key.title(), currency="EUR", **given)
        return Shop(credentials, Platform.objects.get(key=key))

    return make


@pytest.fixture
def shop(make_shop: Callable[..., Shop]) -> Shop:
    """An empty shop."""
    return make_shop()


def stock(shop: Shop, people: dict[str, Identity] | None = None) -> None:
    """Fill a shop with a little of everything, all jobs published; `people` are known from another shop."""
    tea, cup = shop.category("Food", "Tea"), shop.category("Home", "Cups")
    for place in range(12):
        shop.product(f"tea-{place}", f"{place + 1}.00", category=tea, brand="Leaf")
        shop.product(f"cup-{place}", f"{2 * place + 5}.50", category=cup)
    for name in ("ann", "bob", "cleo", "una"):
        shop.person(name, customer=people[name].customer if people else None)
    shop.order("ann", "tea-0", "cup-0", days_ago=3)
    shop.order("ann", "tea-1")
    shop.order("bob", "cup-2", "tea-2")
    names = list(shop.products)
    shop.classes(
        {"ann": "A", "bob": "B", "cleo": "C", "una": "U"},
        {name: (place / 24, ((place * 7) % 24) / 48) for place, name in enumerate(names)},
    )
    shop.popular(
        {
            ("popular", 30, "all"): names,
            ("popular", 7, "all"): names[::-1],
            **{("popular", 30, f"class:{letter}"): names[offset:] for offset, letter in enumerate("ABC")},
            ("popular", 30, f"category:{tea.pk}"): [name for name in names if name.startswith("tea")],
            ("trending", 30, "all"): names[10:16],
        }
    )
    shop.for_you(
        {
            ("ann", "for-you"): [
                ("cup-5", "als", None),
                ("tea-9", "item-item", "tea-1"),
                ("tea-0", "als", None),
            ],
            ("ann", "buy-again"): [("tea-1", "buy-again", None)],
        }
    )
    shop.neighbours("similar", {"tea-1": ["tea-3", "tea-4"], "cup-0": ["cup-1"]})
    rules = shop.run("rules", baskets=100, pair_floor=2)
    shop.neighbours("bought-together", {"tea-1": ["cup-1", "cup-3"], "tea-0": ["cup-1"]}, rules)
    one, two, three = shop.ids(["tea-0", "cup-0", "tea-1"])
    for left, right, confidence in ((one, two, 0.5), (two, one, 0.25), (one, three, 0.4)):
        AssociationRule.objects.create(
            run=rules, antecedent=[left], consequent=[right], count=10, support=0.1, confidence=confidence,
            lift=2.0, leverage=0.05,
        )  # fmt: skip
    PairCount.objects.create(run=rules, product_id=one, baskets=20, others=[two], counts=[10])
    PairCount.objects.create(run=rules, product_id=two, baskets=40, others=[one], counts=[10])
    segment = Segment.objects.create(
        platform=shop.platform, key="class-a", name="Class A",
        condition={"label": "price_class", "op": "=", "value": "A"},
    )  # fmt: skip
    SegmentMember.objects.create(
        run=shop.run("segments"), segment=segment, customer=shop.people["ann"].customer
    )
    SegmentSpell.objects.create(segment=segment, customer=shop.people["ann"].customer, entered_at=NOON)
    RfmScore.objects.create(
        run=shop.run("rfm"), customer=shop.people["ann"].customer, recency_days=12, frequency=2,
        money="8.50", recency_score=5, frequency_score=3, money_score=2, group="promising",
    )  # fmt: skip


@pytest.fixture
def stocked(shop: Shop) -> Shop:
    """A shop with products, people, orders and the results of every job."""
    stock(shop)
    return shop
