"""A few rows of every model, two shops of two organisations, and people who may see more or less of them."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from precision.campaigns.models import Slot
from precision.engine.models import Publication, Run
from precision.shop import dead_letters, pii, platforms
from precision.shop.dead_letters import Letter
from precision.shop.models import (
    Category,
    Customer,
    Event,
    Identity,
    ImportBatch,
    Order,
    OrderLine,
    Platform,
    Product,
    ProductAlias,
    Profile,
    Store,
)
from precision.shop.partitions import ensure_month
from recommender.models import (
    AssociationRule,
    Control,
    CustomerList,
    InteractionSettings,
    LearnedRanker,
    PairCount,
    PopularList,
    ProductList,
    RecommendationQuality,
    RuleSettings,
    ServingRule,
)
from segments import class_rules
from segments.models import CustomerClass, Label, LabelRow, ProductPrice, RfmScore, Segment, SegmentMember
from tests.admin.contacts import contact_facts
from tests.admin.groups import segment_history
from tests.admin.joins import join_facts
from tests.admin.life import life_results, life_rule
from tests.admin.people import pins, product_label_rows
from tests.admin.portals import portal_rows
from tests.admin.privacy import privacy_facts
from tests.admin.reports import report_facts, report_results
from tests.admin.screened import screened_rows

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NAMES = ["Ada", "Ben", "Cleo", "Dora"]


@pytest.fixture
def staff(db: None, client: Client) -> Client:
    """A browser in which somebody with all rights is logged in."""
    client.force_login(User.objects.create_superuser("root", password=None))
    return client


@pytest.fixture
def browser_of(db: None) -> Callable[..., Client]:
    """Makes a browser in which somebody with these permissions and no others is logged in."""

    def make(*codenames: str) -> Client:
        user = User.objects.create_user(f"user {User.objects.count()}", password=None, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        browser = Client()
        browser.force_login(user)
        return browser

    return make


@pytest.fixture
def world(db: None) -> SimpleNamespace:
    """Two shops with a few rows of everything; `corner` and `other`, and `old` and `new`, its runs by job."""
    ensure_month(NOON.date())
    corner = _shop("corner")
    return SimpleNamespace(corner=corner, other=_shop("other"), **_results(corner))


def _shop(key: str) -> Platform:
    platforms.create_platform(key, name=f"{key.title()} Shop", currency="EUR", timezone="UTC")
    platform = Platform.objects.get(key=key)
    category = Category.objects.create(platform=platform, path=["Food", "Tea"])
    store = Store.objects.create(platform=platform, external_id="S1", name="Market street", stars=4)
    products = Product.objects.bulk_create(
        Product(
            platform=platform, external_id=f"P{number}", title=f"{key} tea {number}", category=category,
            price="12.5", list_price="1234.5678", currency="EUR",
        )
        for number in range(1, 5)
    )  # fmt: skip
    customers = Customer.objects.bulk_create(Customer(organisation=platform.organisation) for _ in NAMES)
    people = Identity.objects.bulk_create(
        Identity(platform=platform, kind="customer_id", value=name, customer=customer)
        for name, customer in zip(NAMES, customers, strict=True)
    )
    Profile.objects.bulk_create(
        Profile(
            identity=person, country="DE", income="35-49K", marital_status="married", birth_date=date(1980, 5, 6),
            personal=pii.encrypt({"email": f"{person.value}@example.org"}), traits={"household_size": 3},
        )
        for person in people
    )  # fmt: skip
    orders = Order.objects.bulk_create(
        Order(
            platform=platform, external_id=f"O{number}", identity=person, placed_at=NOON, currency="EUR",
            store=store, fingerprint=number, context={"weather": "rain"},
        )
        for number, person in enumerate(people, start=1)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=product, quantity="2", unit_price="2.95")
        for order in orders
        for product in products[:3]
    )
    Event.objects.bulk_create(
        Event(
            platform=platform, identity=person, name="Product Viewed", at=NOON, received_at=NOON,
            message=number.to_bytes(16, "big"), product=products[0],
        )
        for number, person in enumerate(people)
    )  # fmt: skip
    contact_facts(platform, people, products, at=NOON)
    privacy_facts(platform, people, at=NOON)
    ProductAlias.objects.create(product=products[0], other=products[1], method="similar-name", score=0.8)
    ProductAlias.objects.create(product=products[2], other=products[3], method="left-over")
    ImportBatch.objects.create(
        platform=platform, mapping="shops/corner.toml", rows=12, accepted=11, rejected=1
    )
    dead_letters.keep(
        platform, [Letter(kind="event", code="missing", payload={"type": "track"})], source=None
    )
    RuleSettings.objects.create(platform=platform)
    InteractionSettings.objects.create(platform=platform, half_life_days=45)
    ServingRule.objects.create(platform=platform, most_per_category=4)
    Control.objects.create(platform=platform, kind="pin", product=products[0], rank=2)
    Slot.objects.bulk_create(
        Slot(platform=platform, key=f"home-{position}", strategy="personal", position=position)
        for position in (1, 2, 3)
    )
    condition = {"label": "recency_days", "op": "<", "value": 30}
    Segment.objects.bulk_create(
        Segment(platform=platform, key=name, name=f"Segment {name}", condition=condition)
        for name in ("one", "two")
    )
    segment_history(platform, at=NOON)
    report_facts(platform)
    pins(platform)
    life_rule(platform.key)
    return platform


def _results(platform: Platform) -> dict[str, Any]:
    """Two nights of each job; the rows of the second are in force and say so by their figures."""
    old = {
        job: _run(job, platform, 19) for job in ("rules", "price-classes", "segments", "lifecycle", "value")
    }
    new = {
        job: _run(job, platform, 20) for job in ("rules", "price-classes", "segments", "lifecycle", "value")
    }
    for runs, count in ((old, 111), (new, 222)):
        _product_results(platform, runs, count)
        _customer_results(platform, runs, count)
        product_label_rows(platform, runs["price-classes"], count)
        portal_rows(runs["price-classes"], count)
        report_results(platform, runs, count)
        screened_rows(platform, runs["price-classes"], count)
        life_results(platform, runs["lifecycle"], runs["value"], count)
    join_facts(platform, at=NOON)
    return {"old": old, "new": new}


def _product_results(platform: Platform, runs: dict[str, Run], count: int) -> None:
    ids = list(Product.objects.filter(platform=platform).order_by("id").values_list("id", flat=True))
    ones = [1.0] * len(ids)
    ProductPrice.objects.bulk_create(
        ProductPrice(run=runs["price-classes"], product_id=number, usual_price="2.95", lines=count)
        for number in ids
    )
    PairCount.objects.bulk_create(
        PairCount(run=runs["rules"], product_id=number, baskets=count, others=ids[:2], counts=[5, 9])
        for number in ids
    )
    ProductList.objects.bulk_create(
        ProductList(run=runs["rules"], kind="similar", product_id=number, items=ids, scores=ones)
        for number in ids
    )
    AssociationRule.objects.bulk_create(
        AssociationRule(
            run=runs["rules"], antecedent=[number], consequent=[ids[0]], count=count, support=0.1, confidence=0.5,
            lift=2.0, leverage=0.05,
        )
        for number in ids
    )  # fmt: skip
    RecommendationQuality.objects.create(
        run=runs["rules"], model="blend", fold=0, cut_day=date(2026, 6, 1), days=30, which="new", group="all", k=20,
        customers=50, undefined=1, recall=0.2, baseline="popular-7", gain=0.1, gain_low=0.05, gain_high=0.15,
    )  # fmt: skip
    LearnedRanker.objects.create(
        run=runs["rules"], computed_as_of=date(2026, 6, 1), used=True, reason="Promoted.", share=0.5,
        report={
            "new": {"ranker": 0.2, "blend": 0.1, "champion": None, "customers": 50, "promoted": True, "reason": ""},
            "trials": [{"kind": "new", "objective": "lambdarank", "trees": 150, "leaves": 31, "recall": 0.2}],
            "importance": {"new": {"rank item-item": 0.4}},
        },
    )  # fmt: skip
    category = Category.objects.get(platform=platform)
    PopularList.objects.bulk_create(
        PopularList(run=runs["rules"], kind="popular", days=7, group=group, items=ids, scores=ones)
        for group in ("all", f"category:{category.pk}", "class:A")
    )


def _customer_results(platform: Platform, runs: dict[str, Run], count: int) -> None:
    customers = list(Customer.objects.filter(identities__platform=platform).order_by("id"))
    ids = list(Product.objects.filter(platform=platform).order_by("id").values_list("id", flat=True))
    segment = Segment.objects.filter(platform=platform).earliest("id")
    CustomerClass.objects.bulk_create(
        CustomerClass(
            run=runs["price-classes"], customer=customer, letter="A", reason="quality", spend="10", saved="1",
            list_value="11", orders=count, lines=9, positioned_lines=9,
        )
        for customer in customers
    )  # fmt: skip
    class_rules.add(platform.key, {"share_a": 0.3}, reason="fewer of class A")
    LabelRow.objects.bulk_create(
        LabelRow(run=runs["price-classes"], customer=customer, values={"orders_365": count, "income": "high"})
        for customer in customers
    )
    rule = {"when": {"label": "orders_365", "op": ">=", "value": 3}}
    Label.objects.get_or_create(
        platform=platform, key="regular",
        defaults={"title": "Regular", "kind": "rule", "type": "yes or no", "definition": rule},
    )  # fmt: skip
    RfmScore.objects.bulk_create(
        RfmScore(
            run=runs["price-classes"], customer=customer, recency_days=count, frequency=2, money="10",
            recency_score=5, frequency_score=4, money_score=3, group="champions",
        )
        for customer in customers
    )  # fmt: skip
    SegmentMember.objects.bulk_create(
        SegmentMember(run=runs["segments"], segment=segment, customer=customer) for customer in customers
    )
    CustomerList.objects.bulk_create(
        CustomerList(
            run=runs["rules"], kind="for-you", customer=customer, items=ids, scores=[0.1] * len(ids),
            sources=["factors"] * len(ids), anchors=[None, ids[0], None, None],
        )
        for customer in customers
    )  # fmt: skip


def _run(job: str, platform: Platform, day: int) -> Run:
    run = Run.objects.create(
        job=job, scope=platform.key, as_of=date(2026, 11, day), status=Run.Status.PUBLISHED, finished_at=NOON,
        rows={"association_rule": 4}, measures={"sizes": {"one": 4}, "baskets": 1234567},
    )  # fmt: skip
    Publication.objects.update_or_create(job=job, scope=platform.key, defaults={"run": run})
    return run
