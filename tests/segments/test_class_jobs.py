"""The job of the price classes: rows, versions of the rule, price tests, both scopes, and evidence that adds up."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop import platforms, scopes
from precision.shop.models import (
    Assignment,
    Category,
    Customer,
    Identity,
    Order,
    OrderLine,
    Platform,
    Product,
    Response,
    Send,
)
from segments import class_rules
from segments.labels import from_classes
from segments.methods.price_classes import PriceClassRule, PriceClassThresholds
from segments.methods.price_posterior import class_probabilities
from segments.models import CustomerClass, ProductPrice
from tests.shop.lake import happen

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 10)
MAY = datetime(2026, 5, 1, 12, tzinfo=UTC)
PEOPLE, ORDERS, LINES, GOODS = 45, 4, 4, 12
SMALL = {"least_lines": 10, "least_people": 20, "confidence": 0.5, "share_a": 0.33, "share_b": 0.33}


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    """Numbers of rows begin anew with each test, so each has a lake of its own."""
    settings.HISTORY = tmp_path / "history"


def stock(platform: Platform, people: list[Customer]) -> list[Identity]:
    """Fill a shop: a third buys the dear half, a third at 40 % off, a third anything."""
    rng = np.random.default_rng(3)
    kind = Category.objects.create(platform=platform, path=["Food", platform.key])
    goods = [
        Product.objects.create(
            platform=platform,
            external_id=f"P{number}",
            title=f"Thing {number}",
            category=kind,
            price=number + 1,
        )
        for number in range(GOODS)
    ]
    names = [
        Identity.objects.create(platform=platform, kind="customer_id", value=f"c{number}", customer=customer)
        for number, customer in enumerate(people)
    ]
    orders = Order.objects.bulk_create(
        Order(
            platform=platform, external_id=f"o{number}-{turn}", identity=name, status="completed", currency="EUR",
            placed_at=MAY + timedelta(days=turn), fingerprint=number,
        )
        for number, name in enumerate(names)
        for turn in range(ORDERS)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=goods[int(place)],
            quantity=1,
            unit_price=Decimal(int(place) + 1) * (Decimal("0.6") if order.fingerprint % 3 == 1 else 1),
            list_price=Decimal(int(place) + 1),
        )
        for order in orders
        for place in rng.integers(GOODS // 2 if order.fingerprint % 3 == 0 else 0, GOODS, LINES)
    )
    return names


def customers(platform: Platform, count: int = PEOPLE) -> list[Customer]:
    return [Customer.objects.create(organisation=platform.organisation) for _ in range(count)]


def compute(scope: str) -> Run:
    run = jobs.run(jobs.nightly(["price-classes"])[0], scope, AS_OF)
    assert run is not None
    return run


def letters(run: Run, names: list[Identity]) -> list[str]:
    found = dict(CustomerClass.objects.filter(run=run).values_list("customer_id", "letter"))
    return [found.get(name.customer_id, "-") for name in names]


def test_an_empty_shop_and_a_single_order(platform: Platform) -> None:
    run = compute("corner")
    assert run.measures["sizes"] == {}
    assert run.parameters["thresholds"] is None
    stock(platform, customers(platform, 1))
    run = compute("corner")
    assert run.measures["sizes"] == {"U": 1}
    row = CustomerClass.objects.get(run=run)
    assert (row.letter, row.reason, row.confidence) == ("U", "few_customers", None)


def test_classes_follow_the_version_of_the_rule(platform: Platform) -> None:
    names = stock(platform, customers(platform))
    built_in = compute("corner")
    assert set(letters(built_in, names)) == {"U"}  # 16 lines each: thin by the built-in rule
    class_rules.add("corner", SMALL, reason="small baskets")
    run = compute("corner")
    assert run.parameters["rule"]["version"] == 1
    found = letters(run, names)
    right = ["A" if number % 3 == 0 else "B" if number % 3 == 1 else "C" for number in range(PEOPLE)]
    sure = [(one, two) for one, two in zip(found, right, strict=True) if one != "U"]
    assert len(sure) > PEOPLE / 2
    assert sum(one == two for one, two in sure) > 0.85 * len(sure)
    assert sum(run.measures["sizes"].values()) == sum(run.measures["reasons"].values()) == PEOPLE
    assert run.measures["agreement"]["people"] == len(sure)
    assert ProductPrice.objects.filter(run=run).count() == GOODS


def test_overall_joins_the_platforms_and_has_a_rule_of_its_own(platform: Platform) -> None:
    platforms.create_platform("pier", name="Pier", organisation="corner", currency="EUR")
    pier = Platform.objects.get(key="pier")
    people = customers(platform)
    names = stock(platform, people)
    stock(pier, people)
    class_rules.add("org:corner", {**SMALL, "least_lines": 20}, reason="both shops together")
    overall, single = compute("org:corner"), compute("corner")
    row = CustomerClass.objects.get(run=overall, customer=people[0])
    assert (row.orders, row.lines) == (2 * ORDERS, 2 * ORDERS * LINES)
    assert set(letters(overall, names)) > {"A"}
    assert set(letters(single, names)) == {"U"}  # its own rule is the built-in one


def test_price_tests_classify_people_without_orders(platform: Platform) -> None:
    names = [
        Identity.objects.create(platform=platform, kind="customer_id", value=f"n{number}", customer=customer)
        for number, customer in enumerate(customers(platform, 5))
    ]
    high, low, silent, late, early = names
    for number in range(6):
        campaign, at = f"test-{number}", MAY + timedelta(days=number)
        for name in (high, silent, late, early):
            Assignment.objects.create(
                platform=platform, campaign=campaign, identity=name, arm="price:high", at=at
            )
        Send.objects.create(
            platform=platform,
            campaign=campaign,
            identity=low,
            channel="email",
            at=at,
            properties={"discount": 25},
        )
        answers = [
            (high, "clicked", at), (low, "redeemed", at), (silent, "opened", at),
            (late, "clicked", datetime(2026, 7, 20, tzinfo=UTC)), (early, "clicked", at - timedelta(days=1)),
        ]  # fmt: skip
        for place, (name, kind, when) in enumerate(answers):
            Response.objects.create(
                platform=platform, message=f"{number}-{place}".encode(), kind=kind, identity=name,
                campaign=campaign, at=when + timedelta(hours=1),
            )  # fmt: skip
    Assignment.objects.create(platform=platform, campaign="other", identity=silent, arm="mail", at=MAY)
    run = compute("corner")
    rows = {row.customer_id: row for row in CustomerClass.objects.filter(run=run)}
    by_name = [rows[name.customer_id] for name in names]
    # Only who answered after the offer and before the day counts as having answered.
    assert [row.tests["high_price"] for row in by_name] == [[6, 6], [0, 0], [6, 0], [6, 0], [6, 0]]
    assert by_name[1].tests["discount"] == [6, 6]
    assert [(row.letter, row.reason) for row in by_name[:2]] == [("A", "tests"), ("B", "tests")]
    assert by_name[2].probability_a < 0.4  # type: ignore[operator]
    assert (by_name[0].orders, by_name[0].spend, by_name[0].price_position) == (0, Decimal(0), None)


def test_coupons_at_the_checkout_are_tests(platform: Platform) -> None:
    names = [
        Identity.objects.create(platform=platform, kind="customer_id", value=f"n{number}", customer=customer)
        for number, customer in enumerate(customers(platform, 8))
    ]
    for place, name in enumerate(names):
        for day in range(6):
            at = MAY + timedelta(days=day)
            happen(platform, f"{place}-{day}", at=at, name="Checkout Started", identity=name)
            if place < 2:
                happen(platform, f"{place}-{day}-c", at=at, name="Coupon Applied", identity=name)
    run = compute("corner")
    assert letters(run, names)[:2] == ["B", "B"]
    assert "B" not in letters(run, names)[2:]
    assert CustomerClass.objects.get(run=run, customer=names[0].customer).tests["coupon"] == [6, 6]


def _recomputed(key: str, told: dict[str, Any]) -> Any:
    """Work a label out again from its evidence alone."""
    k = told.get("k", 0)
    if key == "discount_share":
        saved = float(told["saved"]) + k * told["average_saved"]
        return saved / (float(told["list_value"]) + k * told["average_list_value"])
    if key == "price_position":
        return (told["sum_of_positions"] + k * told["average_position"]) / (told["lines"] + k)
    if key == "price_spread":
        n = told["lines"]
        return ((told["sum_of_squares"] - told["sum_of_positions"] ** 2 / n) / (n - 1)) ** 0.5
    rule, values = told["rule"], told["values"]
    t = PriceClassThresholds(**told["platform"])
    measures = (values["price_position"], values["buyer_position"], values["discount_share"])
    own, buyers, saved = ((value - m) / sd for value, m, sd in zip(measures, t.means, t.sds, strict=True))
    blend = (1 - rule["buyers_weight"]) * own + rule["buyers_weight"] * buyers
    quality = (blend - rule["discount_in_a"] * saved - t.border_a) / t.scale_a
    discount = (saved - rule["position_in_b"] * blend - t.border_b) / t.scale_b
    per_line = (values["positioned_lines"] + rule["shrink_lines"]) ** -0.5
    chances = class_probabilities(
        np.array([quality]), np.array([discount]), quality_sd=np.array([t.error_a * per_line]),
        discount_sd=np.array([t.error_b * per_line]), correlation=t.error_correlation,
    )[0]  # fmt: skip
    if key == "class_confidence":
        return chances.max()
    return "ABC"[chances.argmax()] if chances.max() >= rule["confidence"] else "U"


def test_every_label_follows_from_its_evidence(platform: Platform) -> None:
    stock(platform, customers(platform))
    class_rules.add("corner", SMALL, reason="small baskets")
    compute("corner")
    scope = scopes.read("corner")
    table = from_classes.frame(scope, AS_OF)
    assert table.height == PEOPLE
    keys = [definition.key for definition in from_classes.DEFINITIONS]
    assert table.columns == ["customer", *keys]
    for row in table.head(3).iter_rows(named=True):
        for key in keys:
            told = from_classes.evidence(scope, AS_OF, row["customer"], key)
            assert told is not None
            assert row[key] == pytest.approx(_recomputed(key, told)), key


def test_who_has_no_value_has_no_evidence(platform: Platform) -> None:
    scope = scopes.read("corner")
    assert from_classes.frame(scope, AS_OF).height == 0
    assert from_classes.evidence(scope, AS_OF, 1, "price_class") is None
    names = stock(platform, customers(platform, 1))
    compute("corner")
    known = names[0].customer_id
    assert from_classes.evidence(scope, AS_OF, known + 999, "price_position") is None
    assert from_classes.evidence(scope, AS_OF, known, "price_position") is not None


def test_a_version_keeps_what_the_one_before_it_had(platform: Platform) -> None:
    assert class_rules.current("corner") == PriceClassRule()
    class_rules.add("corner", {"share_a": 0.3}, reason="fewer A")
    second = class_rules.add("corner", {"share_b": 0.2}, reason="more B")
    assert class_rules.current("corner") == replace(PriceClassRule(), version=2, share_a=0.3, share_b=0.2)
    assert class_rules.current("other").version == 0
    for numbers, named in (({"share_a": 2.0}, "share_a"), ({"colour": 1}, "colour")):
        with pytest.raises(ValueError, match=named):
            class_rules.add("corner", numbers, reason="x")
    with pytest.raises(ValueError, match="reason"):
        class_rules.add("corner", {}, reason=" ")
    assert class_rules.current("corner").version == second.version
