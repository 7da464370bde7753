"""The jobs of the life cycle and of value on small shops: rows, files, labels with their evidence, and reruns."""

import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from precision.engine import jobs
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop import platforms, scopes
from precision.shop.models import Category, Customer, Identity, Order, OrderLine, Platform, Product, Profile
from segments import kept
from segments.labels import from_lifecycle, from_value
from segments.lifecycle import JOB, VALUE_JOB, versions, worth
from segments.lifecycle.stages import Stage
from segments.methods import value
from segments.models import CustomerValue, StageChange, StageFlow, StageNow
from tests.shop.lake import buy, happen

pytestmark = pytest.mark.django_db(transaction=True)
AS_OF = date(2026, 7, 10)
NIGHT = datetime(2026, 7, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _lake(tmp_path: Path, settings: Any) -> None:
    """Numbers of rows begin anew with each test, so each has a lake of its own."""
    settings.HISTORY = tmp_path / "history"
    settings.PRECISION_RESULTS = str(tmp_path / "results")


def compute(job: str, scope: str = "corner", as_of: date = AS_OF) -> Run:
    run = jobs.run(jobs.nightly([job])[0], scope, as_of)
    assert run is not None
    return run


def person(platform: Platform, name: str, customer: Customer | None = None) -> Identity:
    owner = customer or Customer.objects.create(organisation=platform.organisation)
    return Identity.objects.create(platform=platform, kind="customer_id", value=name, customer=owner)


def tea(platform: Platform) -> Product:
    kind = Category.objects.create(platform=platform, path=["Food", "Tea"])
    return Product.objects.create(platform=platform, external_id="tea", title="Tea", category=kind, price=5)


def told(run: Run) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    names = dict(Identity.objects.values_list("customer_id", "value"))
    for each in StageChange.objects.filter(run=run).order_by("customer_id", "day"):
        found.setdefault(names[each.customer_id], []).append(
            (f"{each.day:%m-%d}", each.from_stage, each.stage)
        )
    return found


def test_every_stage_with_its_dates(platform: Platform) -> None:
    product = tea(platform)
    seen, asked, told_us, fresh, lost = (
        person(platform, name) for name in ("seen", "asked", "told", "fresh", "lost")
    )
    happen(platform, "1", at=NIGHT - timedelta(days=9), identity=seen)
    happen(platform, "2", at=NIGHT - timedelta(days=9), identity=asked)
    happen(platform, "3", at=NIGHT - timedelta(days=5), identity=asked, name="Product Added", product=product)
    happen(platform, "4", at=NIGHT + timedelta(hours=1), identity=seen, name="Product Added")  # not before
    Profile.objects.create(identity=told_us, registered_at=NIGHT - timedelta(days=4))
    happen(platform, "5", at=NIGHT - timedelta(days=20), identity=fresh, name="Inquiry Sent")
    buy(platform, "o1", product, at=NIGHT - timedelta(days=2), who=fresh)
    buy(platform, "o2", product, at=NIGHT - timedelta(days=600), who=lost)
    buy(platform, "o3", product, at=NIGHT - timedelta(days=500), who=lost, status="cancelled")
    run = compute(JOB)
    limits = StageNow.objects.get(run=run, customer=lost.customer)
    # Nobody came back: the built-in 90 days, σ² = 1 and τ² = ¼.
    spread = math.sqrt(1.25)
    assert limits.limit_days == int(90 * math.exp(spread * norm.ppf(0.8)))
    assert limits.win_back_days == int(90 * math.exp(spread * norm.ppf(0.95)))
    first = (NIGHT - timedelta(days=600)).date()
    changes = told(run)
    assert changes.pop("lost") == [
        (f"{first:%m-%d}", "", "development"),
        (f"{first + timedelta(days=limits.limit_days + 1):%m-%d}", "development", "retention"),
        (f"{first + timedelta(days=limits.win_back_days + 1):%m-%d}", "retention", "win_back"),
    ]
    # Midnight in UTC is two in the morning of the platform's day.
    assert changes == {
        "seen": [("07-01", "", "contact")],
        "asked": [("07-01", "", "contact"), ("07-05", "contact", "acquisition")],
        "told": [("07-06", "", "acquisition")],
        "fresh": [("06-20", "", "acquisition"), ("07-08", "acquisition", "development")],
    }
    assert run.measures["stages"] == {
        "acquisition": 2, "contact": 1, "development": 1, "win_back": 1,
    }  # fmt: skip
    fresh_row = StageNow.objects.get(run=run, customer=fresh.customer)
    assert fresh_row.next_stage_at == date(2026, 7, 8) + timedelta(days=limits.limit_days + 1)
    assert fresh_row.expected_from is not None
    assert fresh_row.expected_from >= AS_OF
    assert (limits.expected_at, limits.next_categories) == (None, [])
    entered = sum(StageFlow.objects.filter(run=run, from_stage="").values_list("people", flat=True))
    assert entered == 5


def test_who_was_not_seen_for_two_years_is_in_the_file_only(platform: Platform) -> None:
    old = person(platform, "old")
    buy(platform, "o1", tea(platform), at=NIGHT - timedelta(days=800), who=old)
    run = compute(JOB)
    assert not StageNow.objects.filter(run=run).exists()
    found = kept.scan(run.pk, JOB)
    assert found is not None
    assert found.select(c.CUSTOMER, "stage").collect().rows() == [(old.customer_id, Stage.WIN_BACK)]


def test_an_empty_shop_has_no_stage_and_no_value(platform: Platform) -> None:
    assert compute(JOB).measures["customers"] == 0
    run = compute(VALUE_JOB)
    assert (run.measures["customers"], run.measures["reason"]) == (0, "nobody_came_back")
    assert run.measures["held_out"] is None


def regulars(platform: Platform, *, people: int = 160) -> list[Identity]:
    """Fill a shop with people who come back every so often, some of whom stay away."""
    rng = np.random.default_rng(9)
    product = tea(platform)
    names = [person(platform, f"c{number}") for number in range(people)]
    orders = []
    for number, name in enumerate(names):
        rhythm = float(1 / rng.gamma(1.5, 1 / 25))
        left = int(min(rng.geometric(max(rng.beta(0.7, 2.5), 1e-3)), 60))
        days = np.cumsum(np.r_[rng.integers(0, 60), rng.exponential(rhythm, left).round() + 1])
        orders += [
            Order(
                platform=platform, external_id=f"o{number}-{turn}", identity=name, status="completed", currency="EUR",
                placed_at=NIGHT - timedelta(days=300) + timedelta(days=int(day), hours=9), fingerprint=0,
            )
            for turn, day in enumerate(days)
            if day < 298
        ]  # fmt: skip
    made = Order.objects.bulk_create(orders)
    prices = rng.gamma(3, 6, len(made)).round(2)
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=product, quantity=1, unit_price=price)
        for order, price in zip(made, prices.tolist(), strict=True)
    )
    return names


def rows(run: Run, model: Any) -> list[dict[str, Any]]:
    return [
        {key: each for key, each in row.items() if key not in {"id", "run_id"}}
        for row in model.objects.filter(run=run).order_by("customer_id").values()
    ]


def test_values_labels_and_reruns(platform: Platform) -> None:
    names = regulars(platform)
    life, worths = compute(JOB), compute(VALUE_JOB)
    scope = scopes.of(platform)
    assert worths.measures["reason"] == ""
    assert worths.measures["held_out"]["days"] > 90
    assert len(worths.measures["held_out"]["deciles"]) == 10
    assert worths.measures["expected_orders"] > 0
    row = CustomerValue.objects.filter(run=worths, repeats__gt=2).earliest("customer_id")
    assert row.value_low is not None
    assert row.value_high is not None
    assert row.value is not None
    assert row.value_low < row.value < row.value_high
    found = worth.worth(scope, row.customer_id)
    # The row keeps the mean with four decimals, and so do the amounts.
    assert found.figures["value"] == pytest.approx(float(row.value), abs=0.02)
    assert found.figures["orders_high"] == pytest.approx(row.orders_high)
    check_stage_labels(scope, {name.customer_id for name in names})
    check_value_labels(scope)
    again = compute(JOB), compute(VALUE_JOB)
    assert rows(again[0], StageNow) == rows(life, StageNow)
    assert rows(again[1], CustomerValue) == rows(worths, CustomerValue)
    assert again[0].parameters == life.parameters


def check_stage_labels(scope: Any, people: set[int]) -> None:
    """Compute every label of the life cycle from its evidence."""
    frame = from_lifecycle.frame(scope, AS_OF)
    assert set(frame[c.CUSTOMER]) == people
    ask = from_lifecycle.evidence
    some = frame.filter(pl.col(from_lifecycle.NEXT_IN).is_not_null()).head(4)
    some = pl.concat([some, frame.filter(pl.col("stage") == Stage.WIN_BACK).head(4)])
    assert some.height == 8
    for row in some.iter_rows(named=True):
        proof = {
            each.key: ask(scope, AS_OF, row[c.CUSTOMER], each.key) for each in from_lifecycle.DEFINITIONS
        }
        stage = proof["stage"]
        silence = (AS_OF - date.fromisoformat(stage["last_order"])).days - 1
        past = [silence > stage["limit_days"], silence > stage["win_back_days"]]
        assert row["stage"] == [Stage.DEVELOPMENT, Stage.RETENTION, Stage.WIN_BACK][sum(past)]
        assert row["stage_since_days"] == (AS_OF - date.fromisoformat(stage["since"])).days
        assert row["days_past_gap"] == silence - stage["limit_days"]
        gap = proof["expected_gap_days"]
        precision = len(gap["gaps"]) / gap["within"] + 1 / gap["between"]
        own = sum(map(math.log, gap["gaps"])) / gap["within"] + gap["usual_log"] / gap["between"]
        assert row["expected_gap_days"] == pytest.approx(math.exp(own / precision))
        due = proof["next_order_in_days"]
        if row["stage"] == Stage.WIN_BACK:
            assert due is None
            assert row["next_order_in_days"] is None
            continue
        centre, spread = math.log(due["gap_days"]), due["spread"]
        left = norm.sf(math.log(silence), centre, spread) if silence else 1.0
        rest = math.exp(norm.isf(left / 2, centre, spread))
        expected = date.fromisoformat(due["last_order"]) + timedelta(days=math.ceil(rest))
        assert row["next_order_in_days"] == (max(expected, AS_OF) - AS_OF).days
        categories = proof["next_category"]
        assert row["next_category"] == (
            min(categories["categories"], key=categories["categories"].get) if categories else None
        )


def check_value_labels(scope: Any) -> None:
    """Compute every label of value from its evidence."""
    frame = from_value.frame(scope, AS_OF)
    assert frame.null_count().row(0) == (0, 0, 0, 0)
    for row in frame.head(5).iter_rows(named=True):
        proof = from_value.evidence(scope, AS_OF, row[c.CUSTOMER], from_value.VALUE)
        assert proof is not None
        parameters = proof["parameters"]
        r, alpha, a, b = (parameters[name] for name in ("r", "alpha", "a", "b"))
        p, q, v = (parameters[name] for name in ("p", "q", "v"))
        x, recency, age = proof["repeats"], proof["recency_days"], proof["age_days"]
        odds = a / (b + x - 1) * ((alpha + age) / (alpha + recency)) ** (r + x) if x else 0
        assert row["probability_alive"] == pytest.approx(1 / (1 + odds))
        spent = p * (v + proof["valued"] * (proof["mean_value"] or 0)) / (p * proof["valued"] + q - 1)
        assert row["value_365"] == pytest.approx(row["expected_orders_365"] * spent, abs=0.006)


def test_too_few_came_back_and_the_rule_sets_the_horizon(platform: Platform) -> None:
    regulars(platform, people=30)
    versions.add("corner", {"horizon_days": 30, "retention_share": 0.5}, reason="fresh goods")
    run, life = compute(VALUE_JOB), compute(JOB)
    assert run.measures["reason"] == value.Reason.TOO_FEW
    assert run.parameters["horizon_days"] == 30
    row = CustomerValue.objects.filter(run=run).earliest("pk")
    assert (row.alive, row.value_low, row.reason) == (None, None, "too_few_came_back")
    assert row.value is not None
    year = from_value.frame(scopes.of(platform), AS_OF).filter(pl.col(c.CUSTOMER) == row.customer_id)
    assert year["value_365"].item() == pytest.approx(float(row.value) * 365 / 30, abs=0.1)
    assert life.parameters["rule"]["version"] == 1
    assert life.measures["limits"]["within_retention"] == pytest.approx(0.5, abs=0.15)


def test_overall_joins_a_person_of_two_shops(platform: Platform) -> None:
    platforms.create_platform("pier", name="Pier", organisation="corner", currency="EUR")
    pier = Platform.objects.get(key="pier")
    one = person(platform, "one")
    buy(platform, "o1", tea(platform), at=NIGHT - timedelta(days=30), who=one)
    buy(pier, "o2", tea(pier), at=NIGHT - timedelta(days=10), who=person(pier, "two", one.customer))
    overall, single = compute(JOB, "org:corner"), compute(JOB, "pier")
    assert StageNow.objects.get(run=overall).orders == 2
    assert StageNow.objects.get(run=single).orders == 1
    both = CustomerValue.objects.get(run=compute(VALUE_JOB, "org:corner"))
    assert (both.repeats, both.recency_days) == (1, 20)


def test_a_run_sees_nothing_from_its_date_on(platform: Platform) -> None:
    names = regulars(platform, people=40)
    early = compute(JOB, as_of=AS_OF - timedelta(days=100))
    before = rows(early, StageNow)
    assert max(row["last_order"] for row in before) < AS_OF - timedelta(days=100)
    Order.objects.filter(placed_at__gte=NIGHT - timedelta(days=100)).delete()
    assert len(names) == 40
    assert rows(compute(JOB, as_of=AS_OF - timedelta(days=100)), StageNow) == before
