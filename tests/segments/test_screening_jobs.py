"""The jobs of RFM, screening and clusters: rows, reports, both scopes, keys that stay, and evidence that adds up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from precision.engine import jobs
from precision.engine.models import Run
from precision.engine.windows import epoch_day
from precision.shop import columns as c
from precision.shop import platforms, scopes
from precision.shop.models import Category, Customer, Identity, Order, OrderLine, Platform, Product
from segments import kept, screening_reports
from segments.labels import from_clusters, from_rfm, from_screening, own
from segments.methods import screening
from segments.models import CategoryDemand, ClusterMember, CustomerWorth, RfmScore
from segments.own_lines import own_lines

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 10)
NOON = datetime(2026, 7, 9, 12, tzinfo=UTC)
PEOPLE = 48
JOBS = ("rfm", "screening", "clusters")


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    """Numbers of rows begin anew with each test, so each has a lake of its own."""
    settings.HISTORY = tmp_path / "history"


def people_of(platform: Platform, count: int = PEOPLE) -> list[Customer]:
    return [Customer.objects.create(organisation=platform.organisation) for _ in range(count)]


def stock(platform: Platform, people: list[Customer]) -> list[Identity]:
    """Fill a shop: a third orders weekly and much, the others now and then and little; all a little differently."""
    rng = np.random.default_rng(3)
    kinds = [
        Category.objects.create(platform=platform, path=["Food", name]) for name in ("Tea", "Cups", "Jam")
    ]
    goods = [
        Product.objects.create(
            platform=platform,
            external_id=f"P{number}",
            title=f"Thing {number}",
            category=(*kinds, None)[number],
            price=1,
        )
        for number in range(4)
    ]
    names = [
        Identity.objects.create(platform=platform, kind="customer_id", value=f"c{number}", customer=customer)
        for number, customer in enumerate(people)
    ]
    orders = Order.objects.bulk_create(
        Order(
            platform=platform, external_id=f"o{number}-{turn}", identity=name, status="completed", currency="EUR",
            placed_at=NOON - timedelta(days=turn * 7 + number % 5 if number % 3 == 0 else 30 + turn * 60 + number),
            fingerprint=number,
        )
        for number, name in enumerate(names)
        for turn in range(12 if number % 3 == 0 else 3)
    )  # fmt: skip
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            product=goods[int(place)],
            quantity=int(rng.integers(1, 4)),
            unit_price=Decimal(str(round(float(rng.gamma(5, 4 if order.fingerprint % 3 == 0 else 1)), 2))),
        )
        for order in orders
        for place in rng.integers(0, 4, 3 if order.fingerprint % 3 == 0 else 1)
    )
    return names


def compute(scope: str, as_of: date = AS_OF) -> dict[str, Run]:
    made = {}
    for job in jobs.nightly(JOBS):
        run = jobs.run(job, scope, as_of)
        assert run is not None
        made[job.name] = run
    return made


@pytest.fixture
def filled(platform: Platform) -> list[Identity]:
    return stock(platform, people_of(platform))


def test_reports_add_up(platform: Platform, filled: list[Identity]) -> None:
    made = compute("corner")
    spent = sum(
        (each.spend for each in CustomerWorth.objects.filter(run=made["screening"])), start=Decimal(0)
    )
    lines = OrderLine.objects.values_list("quantity", "unit_price")
    assert spent == sum((quantity * price for quantity, price in lines), start=Decimal(0))
    value = screening_reports.of(made["screening"])["value"]
    assert value["customers"] == PEOPLE
    assert value["money"] == pytest.approx(float(spent))
    for parts in (value["deciles"], value["sizes"], screening_reports.of(made["screening"])["range"]):
        assert sum(each["customers"] for each in parts) == PEOPLE
        assert sum(each["money"] for each in parts) == pytest.approx(float(spent))
    assert value["deciles"][-1]["cumulative"] == pytest.approx(1)
    assert value["sizes"][0]["big"]
    assert value["sizes"][0]["share"] >= 0.5
    for period in CategoryDemand.Period:
        demand = CategoryDemand.objects.filter(run=made["screening"], period=period)
        assert sum((each.amount for each in demand), start=Decimal(0)) == spent
        assert demand.filter(category=None).exists()
    assert {each.start.weekday() for each in CategoryDemand.objects.filter(period="week")} == {0}
    assert {each.start.day for each in CategoryDemand.objects.filter(period="month")} == {1}
    reports = screening_reports.of(made["rfm"])
    for part in ("rfm_grid", "rfm_groups"):
        assert sum(each["customers"] for each in reports[part]) == PEOPLE
        assert sum(each["money"] for each in reports[part]) == pytest.approx(float(spent))
    assert RfmScore.objects.filter(run=made["rfm"]).count() == PEOPLE


def test_clusters_find_who_orders_weekly_and_keep_their_keys(
    platform: Platform, filled: list[Identity]
) -> None:
    first = compute("corner")["clusters"]
    members = dict(ClusterMember.objects.filter(run=first).values_list("customer_id", "cluster"))
    assert len(members) == PEOPLE
    weekly = {members[each.customer_id] for each in filled[::3]}
    others = {members[each.customer_id] for number, each in enumerate(filled) if number % 3}
    assert not weekly & others
    shares = ClusterMember.objects.filter(run=first).values_list("shares", flat=True)
    assert all(sum(each) == pytest.approx(1, abs=1e-4) for each in shares)
    reports = screening_reports.of(first)
    assert sum(each["customers"] for each in reports["clusters"]) == PEOPLE
    assert {each["key"] for each in reports["clusters"]} == weekly | others
    assert all(each["new"] and each["description"] for each in reports["clusters"])
    names = {each["name"] for each in reports["variables"]["used"]}
    grouped = [name for each in reports["variable_clusters"] for name in each["names"]]
    assert sorted(grouped) == sorted(names)
    second = compute("corner", AS_OF + timedelta(days=1))["clusters"]
    again = screening_reports.of(second)["clusters"]
    assert not any(each["new"] for each in again)
    kept_keys = dict(ClusterMember.objects.filter(run=second).values_list("customer_id", "cluster"))
    assert np.mean([kept_keys[customer] == key for customer, key in members.items()]) > 0.9


def test_who_ordered_long_ago_has_a_file_and_no_rows(platform: Platform, filled: list[Identity]) -> None:
    Order.objects.filter(identity=filled[1]).update(placed_at=NOON - timedelta(days=900))
    made = compute("corner")
    assert not RfmScore.objects.filter(run=made["rfm"], customer=filled[1].customer).exists()
    everybody = kept.published("rfm", "corner", "rfm")
    assert everybody is not None
    assert everybody[1].collect().height == PEOPLE
    assert from_rfm.frame(scopes.read("corner"), AS_OF).height == PEOPLE
    assert CustomerWorth.objects.filter(run=made["screening"]).count() == PEOPLE - 1
    assert ClusterMember.objects.filter(run=made["clusters"]).count() == PEOPLE - 1


def test_nothing_of_the_date_or_later_is_seen(platform: Platform, filled: list[Identity]) -> None:
    compute("corner", date(2026, 7, 1))
    early = screening_reports.published("screening", "corner")
    Order.objects.filter(placed_at__gte=datetime(2026, 7, 1, tzinfo=UTC)).delete()
    compute("corner", date(2026, 7, 1))
    later = screening_reports.published("screening", "corner")
    assert early is not None
    assert later is not None
    assert early[0] != later[0]
    assert early[1] == later[1]


def test_overall_joins_the_platforms(platform: Platform) -> None:
    platforms.create_platform("pier", name="Pier", organisation="corner", currency="EUR")
    people = people_of(platform)
    stock(platform, people)
    stock(Platform.objects.get(key="pier"), people)
    overall, single = compute("org:corner"), compute("corner")
    both = CustomerWorth.objects.get(run=overall["screening"], customer=people[0])
    alone = CustomerWorth.objects.get(run=single["screening"], customer=people[0])
    assert (both.orders, both.spend) == (2 * alone.orders, 2 * alone.spend)
    assert RfmScore.objects.get(run=overall["rfm"], customer=people[0]).frequency == 24
    assert ClusterMember.objects.filter(run=overall["clusters"]).count() == PEOPLE


def test_an_empty_shop_and_one_customer(platform: Platform) -> None:
    empty = compute("corner")
    assert empty["screening"].measures == {"customers": 0, "big": 0, "gini": None, "reason": "nobody ordered"}
    assert "0 customers ordered" in empty["clusters"].measures["reason"]
    assert screening_reports.of(empty["rfm"]) == {"rfm_grid": [], "rfm_groups": []}
    stock(platform, people_of(platform, 1))
    one = compute("corner")
    assert one["screening"].measures["gini"] == 0
    assert CustomerWorth.objects.get(run=one["screening"]).big
    assert "1 customers ordered" in one["clusters"].measures["reason"]
    assert "variables" in screening_reports.of(one["clusters"])


def test_customers_who_are_all_alike_make_no_clusters(platform: Platform) -> None:
    kind = Category.objects.create(platform=platform, path=["Tea"])
    tea = Product.objects.create(platform=platform, external_id="T", title="Tea", category=kind, price=1)
    for number, customer in enumerate(people_of(platform, 35)):
        name = Identity.objects.create(
            platform=platform, kind="customer_id", value=f"c{number}", customer=customer
        )
        order = Order.objects.create(
            platform=platform, external_id=f"o{number}", identity=name, status="completed", currency="EUR",
            placed_at=NOON, fingerprint=0,
        )  # fmt: skip
        OrderLine.objects.create(order=order, product=tea, quantity=1, unit_price=1)
    made = compute("corner")
    assert made["clusters"].measures["reason"] == "customers differ in fewer than two variables"
    assert made["screening"].measures["gini"] == 0
    assert made["screening"].measures["big"] == 35


def part(told: dict[str, Any], parts: int) -> int:
    return 1 + int(parts * (told["worse"] + told["equal"] / 2) / told["everybody"])


def standardised(told: dict[str, Any]) -> np.ndarray:
    """Work out again from the evidence where the customer stands."""
    found = []
    for name, value in told["values"].items():
        variable = told["variables"][name]
        filled = variable["fill"] if value is None else value
        scaled = np.sign(filled) * np.log1p(abs(filled)) if variable["log"] else filled
        found.append((scaled - variable["mean"]) / variable["deviation"])
    return np.array(found)


def test_every_label_follows_from_its_evidence(platform: Platform, filled: list[Identity]) -> None:
    compute("corner")
    scope = scopes.read("corner")
    for source in (from_screening, from_clusters):
        table = source.frame(scope, AS_OF)
        assert table.height == PEOPLE
        assert table.columns == [c.CUSTOMER, *(each.key for each in source.DEFINITIONS)]
    worth = from_screening.frame(scope, AS_OF).sort(c.CUSTOMER)
    assert 0 < worth["big_customer"].sum() < PEOPLE
    clusters = from_clusters.frame(scope, AS_OF).sort(c.CUSTOMER)
    for row in worth.head(6).iter_rows(named=True):
        told = from_screening.evidence(scope, AS_OF, row["customer"], "value_decile")
        assert told is not None
        assert row["value_decile"] == part(told, 10)
        told = from_screening.evidence(scope, AS_OF, row["customer"], "big_customer")
        assert told is not None
        assert row["big_customer"] == (told["spend"] >= told["least_of_the_big"])
    for row in clusters.head(6).iter_rows(named=True):
        told = from_clusters.evidence(scope, AS_OF, row["customer"], "cluster")
        assert told is not None
        place = standardised(told)
        away = {key: ((place - np.array(centre)) ** 2).sum() for key, centre in told["centres"].items()}
        assert row["cluster"] == min(away, key=away.__getitem__)
        told = from_clusters.evidence(scope, AS_OF, row["customer"], "cluster_share")
        assert told is not None
        dense = {
            key: each["weight"] * norm.pdf(place, each["means"], np.sqrt(each["variances"])).prod()
            for key, each in told["components"].items()
        }
        assert row["cluster_share"] == pytest.approx(dense[told["cluster"]] / sum(dense.values()), abs=1e-6)


def test_who_has_no_value_has_no_evidence(platform: Platform) -> None:
    scope = scopes.read("corner")
    for source, key in ((from_rfm, "money"), (from_screening, "value_decile"), (from_clusters, "cluster")):
        assert source.frame(scope, AS_OF).height == 0
        assert source.evidence(scope, AS_OF, 1, key) is None


def test_demand_of_a_customer_is_that_of_the_lake(platform: Platform, filled: list[Identity]) -> None:
    Order.objects.filter(external_id="o0-1").update(status="cancelled")
    Order.objects.filter(external_id="o0-2").update(status="returned")
    scope = scopes.read("corner")
    customer = filled[0].customer_id
    found = [
        screening.demand(lines, as_of=epoch_day(AS_OF), window_days=60, period="month")
        .collect("polars")
        .to_native()
        for lines in (
            own_lines(scope, customer, AS_OF, days=60),
            own.facts_of(scope, "order_lines", AS_OF, customer, days=60),
        )
    ]
    first, second = (each.sort(screening.PERIOD, c.CATEGORY) for each in found)
    assert first.height > 2
    assert first.equals(second)
