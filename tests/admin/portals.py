"""Accuracy per portal, for the staff pages."""

from precision.engine.models import Run
from segments.models import PortalAccuracy


def portal_rows(run: Run, count: int) -> None:
    """Write the accuracy of two stores; `count` tells the runs apart."""
    PortalAccuracy.objects.bulk_create(
        PortalAccuracy(
            run=run, kind="store", portal=store, name=f"Store {store}", customers=count, questions=6 * count,
            positive_rate=0.4, base_accuracy=0.6, accuracy=0.8, lift=0.2, auc=0.87, threshold=0.5,
        )
        for store in ("s1", "s2")
    )  # fmt: skip
