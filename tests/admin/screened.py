"""Results of screening, clusters and models, for the staff pages."""

from datetime import date

from precision.engine.models import Run
from precision.shop.models import Category, Customer, Platform
from segments.models import (
    CategoryDemand,
    ClusterMember,
    CustomerWorth,
    ScreeningReport,
    TargetModel,
    TargetScore,
)


def screened_rows(platform: Platform, run: Run, count: int) -> None:
    """Write spend, demand, clusters and chances; `count` tells the runs apart."""
    customers = list(Customer.objects.filter(identities__platform=platform).order_by("id"))
    category = Category.objects.get(platform=platform)
    CustomerWorth.objects.bulk_create(
        CustomerWorth(
            run=run, customer=customer, spend="10", orders=count, categories=1, products=2, decile=8, big=True
        )
        for customer in customers
    )
    CategoryDemand.objects.create(
        run=run, period="week", start=date(2026, 11, 16), category=category, orders=count, customers=4, quantity=8,
        amount="23.60",
    )  # fmt: skip
    ClusterMember.objects.bulk_create(
        ClusterMember(run=run, customer=customer, cluster="c1", share=1.0, shares=[1.0])
        for customer in customers
    )
    ScreeningReport.objects.create(run=run, name="range", body=[{"categories": 1, "customers": count}])
    TargetModel.objects.create(
        run=run, target="win-back", kind="baseline", reason="Only 4 positives.", rows=count, positives=4,
        state={"kind": "baseline", "model": None, "calibration": [1.0, 0.0]},
    )  # fmt: skip
    TargetScore.objects.bulk_create(
        TargetScore(run=run, customer=customer, target="win-back", chance=0.4, decile=6)
        for customer in customers
    )
