"""Models and chances, written by hand."""

from segments.models import TargetModel, TargetScore
from tests.api.conftest import Shop


def chances(shop: Shop, word: str) -> None:
    """Publish a model of churn whose reason bears a word, and the chance of ann."""
    TargetModel.objects.create(
        run=shop.run("models"), target="churn", kind="boosting", reason=f"{word} beats one feature", rows=900,
        positives=300, dates=[20_000, 20_028, 20_056],
        measures={"base_rate": 0.3, "network_adds": False, "ways": {"boosting": {"auc": 0.8}}},
        importance={"orders": 0.2, "recency_days": 0.7, "views_7": 0.0}, report={"c": 0.79},
        patterns=[{"feature": "orders", "text": "orders so far: 1 on average, against 4 of the others"}],
        state={"kind": "baseline", "model": None, "calibration": [1.0, 0.0]},
    )  # fmt: skip
    TargetScore.objects.create(
        run=shop.run("scores"), customer=shop.people["ann"].customer, target="churn", chance=0.62, decile=8,
        features=["recency_days", "orders", "views_7"], moves=[0.9, -0.2, 0.0], values=[80.0, 2.0, None],
    )  # fmt: skip
