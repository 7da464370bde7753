"""Stages, flows and values, written by hand."""

from datetime import date, timedelta
from typing import Any

from precision.shop.models import Category
from segments.methods.purchases import Purchases
from segments.methods.spend import Spend
from segments.methods.value import ValueModel
from segments.models import CustomerValue, StageChange, StageFlow, StageNow
from tests.api.conftest import AS_OF, Shop

MODEL = ValueModel(
    purchases=Purchases(r=0.8, alpha=20, a=0.7, b=2.5, log_likelihood=-9.5, customers=900),
    spend=Spend(p=3, q=4, v=60, log_likelihood=-8.5, customers=800),
    covariance=tuple(tuple(0.01 * (row == column) for column in range(7)) for row in range(7)),
    rounds=100, daily_repeats=0.01, order_value=60.0,
)  # fmt: skip
MONDAY = date(2026, 10, 19)


def stage(shop: Shop, person: str, **given: Any) -> StageNow:
    """Publish the stage of a person: in retention since five days, with a category due."""
    known = {
        "stage": "retention", "since": AS_OF - timedelta(days=5), "known_since": date(2026, 3, 1), "orders": 3,
        "last_order": date(2026, 10, 1), "gap_days": 12.5, "limit_days": 25, "win_back_days": 60,
        "next_stage_at": date(2026, 12, 1), "expected_at": date(2026, 11, 9), "expected_from": date(2026, 11, 2),
        "expected_until": date(2026, 12, 20),
    }  # fmt: skip
    category = Category.objects.filter(platform=shop.platform).earliest("pk")
    due = {
        "next_categories": [category.pk], "next_expected": [date(2026, 11, 20)],
        "next_from": [date(2026, 11, 5)], "next_until": [date(2027, 1, 2)],
    }  # fmt: skip
    run = shop.run("lifecycle")
    run.parameters = {"rule": {"version": 0, "retention_share": 0.8}, "row_days": 730}
    run.save()
    who = shop.people[person].customer
    for day, before, after in (
        (date(2026, 3, 1), "", "contact"), (date(2026, 4, 1), "contact", "development"),
        (AS_OF - timedelta(days=5), "development", "retention"),
    ):  # fmt: skip
        StageChange.objects.create(run=run, customer=who, day=day, from_stage=before, stage=after)
    flows = (
        (MONDAY, "", "contact", 7),
        (MONDAY, "contact", "development", 3),
        (MONDAY, "", "development", 1),
    )
    for week, before, after, count in flows:
        StageFlow.objects.create(run=run, week=week, from_stage=before, stage=after, people=count)
    return StageNow.objects.create(run=run, customer=who, **{**known, **due, **given})


def worth(shop: Shop, person: str, **given: Any) -> CustomerValue:
    """Publish the value of a person who came back three times."""
    run = shop.run("value")
    run.parameters = {"horizon_days": 365, "rule": 0, "model": MODEL.to_json()}
    run.save()
    known = {
        "repeats": 3, "recency_days": 150, "age_days": 181, "valued": 3, "mean_value": "42.50",
        "alive": 0.8, "expected_orders": 4.5, "order_value": "44", "value": "198",
    }  # fmt: skip
    return CustomerValue.objects.create(run=run, customer=shop.people[person].customer, **{**known, **given})
