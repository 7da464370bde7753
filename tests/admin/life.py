"""Stages, flows, rules and values, for the staff pages."""

from datetime import date
from typing import Any

from precision.engine.models import Run
from precision.shop.models import Customer, Identity, Platform
from segments.lifecycle import versions
from segments.methods.purchases import Purchases
from segments.methods.spend import Spend
from segments.methods.value import ValueModel
from segments.models import CustomerValue, StageChange, StageFlow, StageNow

HELD_OUT = {
    "days": 90, "predicted": 41.5, "plain_predicted": 70.0, "actual": 40.0, "mean_absolute_error": 0.5,
    "plain_mean_absolute_error": 0.9, "auc": 0.81, "plain_auc": 0.7, "predicted_value": 900.0, "actual_value": 880.0,
    "deciles": [{"customers": 2, "predicted": 0.5, "actual": 0.25}],
}  # fmt: skip
MODEL = ValueModel(
    purchases=Purchases(r=0.8, alpha=20, a=0.7, b=2.5, log_likelihood=-9.5, customers=900),
    spend=Spend(p=3, q=4, v=60, log_likelihood=-8.5, customers=800),
    covariance=None, rounds=0, daily_repeats=0.01, order_value=60.0,
)  # fmt: skip


def life_results(platform: Platform, lifecycle: Run, value: Run, count: int) -> None:
    """Write a stage, changes, flows and a value of everybody; `count` tells the runs apart."""
    limits = {"gaps": 90, "days": 180, "within_retention": 0.81, "within_win_back": 0.94}
    _told(lifecycle, {"rule": {"version": 0, "retention_share": 0.8}}, {"limits": limits})
    measures = {"customers": count, "expected_orders": 9.0, "expected_value": 300.0, "held_out": HELD_OUT}
    _told(value, {"horizon_days": 365, "model": MODEL.to_json()}, measures)
    names = Identity.objects.filter(platform=platform, kind="customer_id").values_list("customer", flat=True)
    for customer in Customer.objects.filter(pk__in=names):
        StageNow.objects.create(
            run=lifecycle, customer=customer, stage="development", since=date(2026, 11, 2),
            known_since=date(2026, 11, 1), orders=count, last_order=date(2026, 11, 2), gap_days=12.5, limit_days=25,
            win_back_days=60, next_stage_at=date(2026, 11, 28), expected_at=date(2026, 11, 15),
            expected_from=date(2026, 11, 4), expected_until=date(2026, 12, 15),
        )  # fmt: skip
        for day, before, after in (
            (date(2026, 11, 1), "", "contact"), (date(2026, 11, 2), "contact", "development"),
        ):  # fmt: skip
            StageChange.objects.create(
                run=lifecycle, customer=customer, day=day, from_stage=before, stage=after
            )
        CustomerValue.objects.create(
            run=value, customer=customer, repeats=3, recency_days=150, age_days=181, mean_value="42.50", valued=3,
            alive=0.8, alive_low=0.7, alive_high=0.9, expected_orders=4.5, orders_low=4, orders_high=5,
            order_value="44", value=count, value_low="180", value_high="220",
        )  # fmt: skip
    for before, after, people in (("", "contact", count), ("contact", "development", 3)):
        StageFlow.objects.create(
            run=lifecycle, week=date(2026, 11, 2), from_stage=before, stage=after, people=people
        )


def life_rule(scope: str) -> None:
    """Set a version of the rule."""
    versions.add(scope, {"retention_share": 0.75}, reason="we lose them sooner")


def _told(run: Run, parameters: dict[str, Any], measures: dict[str, Any]) -> None:
    run.parameters, run.measures = parameters, measures
    run.save()
