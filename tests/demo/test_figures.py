"""The figures come from the facts and the published runs, and from nothing else."""

from datetime import UTC, date, datetime

import pytest

from demo import figures
from precision.engine import runs
from precision.engine.models import Run
from precision.shop.models import Customer, Identity, Order, Platform, Product
from recommender.models import AssociationRule
from segments.models import CustomerClass

pytestmark = pytest.mark.django_db


def published(job: str, platform: Platform, **fields: object) -> Run:
    started = datetime(2024, 3, 7, 1, 0, 0, tzinfo=UTC)
    run = Run.objects.create(
        job=job, scope=platform.key, as_of=date(2024, 3, 7), status=Run.Status.PUBLISHED,
        finished_at=started.replace(second=5), **fields,
    )  # fmt: skip
    Run.objects.filter(pk=run.pk).update(started_at=started)
    runs.point(run)
    return run


def product(platform: Platform, number: str, title: str, **fields: object) -> int:
    return Product.objects.create(platform=platform, external_id=number, title=title, **fields).pk


def person(platform: Platform, value: str) -> tuple[Customer, Identity]:
    customer = Customer.objects.create(organisation=platform.organisation)
    identity = Identity.objects.create(
        platform=platform, kind=Identity.Kind.CUSTOMER_ID, value=value, customer=customer
    )
    return customer, identity


def order(platform: Platform, number: str, identity: Identity | None, status: str = "completed") -> None:
    Order.objects.create(
        platform=platform,
        external_id=number,
        identity=identity,
        status=status,
        currency="EUR",
        fingerprint=0,
        placed_at=datetime(2024, 3, 1, tzinfo=UTC),
    )


def rule(run: Run, antecedent: list[int], consequent: list[int], **measures: float) -> None:
    AssociationRule.objects.create(
        run=run, antecedent=antecedent, consequent=consequent, support=0.1, leverage=0.1, **measures
    )


def test_facts_are_counted(platform: Platform) -> None:
    _, anna = person(platform, "anna")
    person(platform, "never bought")
    product(platform, "1", "Soap")
    product(platform, "2", "Gift card", active=False)
    product(platform, "3", "Product 3", listed=False)
    order(platform, "10", anna)
    order(platform, "11", None)
    order(platform, "12", anna, status="returned")
    found = figures.gather(platform)
    assert (found.customers, found.products, found.hidden, found.unlisted) == (2, 3, 1, 1)
    assert (found.orders, found.guests, found.returned) == (3, 1, 1)
    assert (found.rules, found.classes, found.quality, dict(found.seconds)) == (None, None, None, {})


def test_best_rules_come_once_a_set_and_in_their_surest_direction(platform: Platform) -> None:
    soap, towel = product(platform, "1", "Soap"), product(platform, "2", "Towel")
    milk, more_milk = product(platform, "3", "Milk"), product(platform, "4", "Milk")
    old = published("rules", platform)
    rule(old, [soap], [milk], count=99, confidence=1.0, lift=99.0)
    run = published("rules", platform)
    rule(run, [soap], [towel], count=10, confidence=0.4, lift=5.0)
    rule(run, [towel], [soap], count=10, confidence=0.8, lift=5.0)
    rule(run, [milk], [more_milk], count=30, confidence=0.5, lift=7.0)
    rule(run, [soap, towel], [milk], count=3, confidence=0.3, lift=2.0)
    found = figures.gather(platform)
    assert found.rules == 4
    assert [(best.antecedent, best.consequent, best.count) for best in found.best_rules] == [
        (("Milk [3]",), ("Milk [4]",), 30),
        (("Towel",), ("Soap",), 10),
        (("Soap", "Towel"), ("Milk [3]",), 3),
    ]
    assert dict(found.seconds) == {"rules": 5.0}


def test_at_most_five_rules_are_the_best(platform: Platform) -> None:
    ids = [product(platform, str(number), f"Product {number}") for number in range(8)]
    run = published("rules", platform)
    for number in range(7):
        rule(run, [ids[number]], [ids[number + 1]], count=5, confidence=0.5, lift=float(number))
    assert [best.lift for best in figures.gather(platform).best_rules] == [6.0, 5.0, 4.0, 3.0, 2.0]


def test_classes_and_examples(platform: Platform) -> None:
    run = published("price-classes", platform)
    for value, letter, orders in [("few", "A", 2), ("many", "A", 9), ("thrifty", "B", 4), ("new", "U", 1)]:
        customer, _ = person(platform, value)
        CustomerClass.objects.create(
            run=run,
            customer=customer,
            letter=letter,
            spend=1,
            saved=0,
            list_value=1,
            lines=orders,
            orders=orders,
            positioned_lines=orders,
            reason="",
        )
    assert figures.gather(platform).classes == {"A": 2, "B": 1, "C": 0, "U": 1}
    assert figures.example_customers(platform, ["A", "B", "C"]) == {"A": "many", "B": "thrifty"}


def test_quality_is_that_of_the_published_run(platform: Platform) -> None:
    published("recommendations", platform, measures={"quality": {"k": 20}})
    assert figures.gather(platform).quality == {"k": 20}


def test_nothing_of_another_platform_counts(platform: Platform) -> None:
    other = Platform.objects.create(
        organisation=platform.organisation, key="other", name="Other", user_hash_secret=b""
    )
    _, anna = person(platform, "anna")
    product(platform, "1", "Soap")
    order(platform, "10", anna)
    published("rules", platform)
    found = figures.gather(other)
    assert (found.customers, found.products, found.orders, found.rules) == (0, 0, 0, None)
    assert figures.example_customers(other, ["A"]) == {}
