"""Results of screening and clusters, written by hand."""

from datetime import date

from precision.shop.models import Category
from segments.models import CategoryDemand, ClusterMember, CustomerWorth, ScreeningReport
from tests.api.conftest import Shop

PART = {"customers": 1, "orders": 2, "share": 0.5, "share_of_customers": 0.5}
TITLE = "orders so far"


def screened(shop: Shop, word: str) -> None:
    """Publish clusters and variables that a word gives away, demand, and ann as a big customer."""
    category = Category.objects.filter(platform=shop.platform).earliest("pk")
    ann = shop.people["ann"].customer
    rfm, screening, clusters = (shop.run(job) for job in ("rfm", "screening", "clusters"))
    screening.parameters = {"value_days": 365, "demand_days": 730, "big_share": 0.5}
    screening.save()
    clusters.measures = {"customers": 2, "reason": "", "agreement": 0.9}
    clusters.save()
    cell = {"recency_score": 5, "frequency_score": 3, "customers": 1, "orders": 2, "money": 8.5}
    size = {**PART, "big": True, "money": 8.5, "least": 8.5, "most": 8.5}
    figure = {
        "name": "orders", "title": f"{word} {TITLE}", "mean": 2.0, "everyone": 1.0, "deviations": 1.2, "chosen": True
    }  # fmt: skip
    for run, name, body in (
        (rfm, "rfm_grid", [cell]),
        (rfm, "rfm_groups", [{"rfm_group": "promising", "customers": 1, "orders": 2, "money": 8.5}]),
        (screening, "value", {
            "customers": 2, "money": 17.0, "gini": 0.1, "reason": "", "sizes": [size],
            "deciles": [{**size, "value_decile": 8, "cumulative": 0.5}],
        }),
        (screening, "range", [{**PART, "categories": 1, "money": 8.5}]),
        (clusters, "choice", [{"k": 2, "within": 1.5, "silhouette": 0.4, "gap": 0.2, "gap_error": 0.01}]),
        (clusters, "clusters", [{
            "key": f"{word}-c1", "new": True, "name": f"{word} high", "description": word, "customers": 2,
            "share": 1.0, "membership": 1.0, "figures": [figure],
        }]),
        (clusters, "model", {
            "keys": [f"{word}-c1"], "numbered": 1, "names": ["orders"], "centres": [[0.5]], "weights": [1.0],
            "means": [[0.5]], "variances": [[1.0]],
            "variables": [{"name": "orders", "fill": 1.0, "log": True, "mean": 1.0, "deviation": 1.0}],
        }),
        (clusters, "variables", {"used": [{"name": "orders", "title": word, "log": True}], "left_out": []}),
    ):  # fmt: skip
        ScreeningReport.objects.create(run=run, name=name, body=body)
    CustomerWorth.objects.create(
        run=screening, customer=ann, spend="8.50", orders=2, categories=1, products=2, decile=8, big=True
    )
    for period, start in (("week", date(2026, 10, 19)), ("month", date(2026, 10, 1))):
        CategoryDemand.objects.create(
            run=screening, period=period, start=start, category=category, orders=2, customers=1, quantity=3,
            amount="8.50",
        )  # fmt: skip
    ClusterMember.objects.create(
        run=clusters, customer=ann, cluster=f"{word}-c1", share=1.0, shares=[1.0]
    )  # fmt: skip
