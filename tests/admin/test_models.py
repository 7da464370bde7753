"""The page that draws a target, and what a model's own page says."""

from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse

from precision.engine.models import Publication, Run
from segments.models import TargetModel

CHARTS = "admin:precision_segments_targetmodel_chart"
WAY = {"auc": 0.81, "log_loss": 0.4, "brier": 0.12, "accuracy": 0.85}


@pytest.fixture
def model(world: SimpleNamespace) -> TargetModel:
    run = Run.objects.create(job="models", scope="corner", as_of="2026-11-20", status="published")
    Publication.objects.update_or_create(job="models", scope="corner", defaults={"run": run})
    return TargetModel.objects.create(
        run=run, target="churn", kind="boosting", reason="boosting beats baseline by +0.100 (+0.050 to +0.150)",
        rows=900, positives=300, dates=[20_000, 20_060],
        measures={
            "base_rate": 0.3, "network_adds": False,
            "ways": {"baseline": {**WAY, "auc": 0.71}, "boosting": WAY, "network": {**WAY, "auc": 0.72}},
            "against_baseline": {
                "boosting": {"value": 0.1, "low": 0.05, "high": 0.15, "wins": True},
                "network": {"value": 0.01, "low": -0.02, "high": 0.04, "wins": False},
            },
            "refused": {"network": "beats baseline by no interval above zero: +0.010 (-0.020 to +0.040)"},
        },
        importance={"orders": 0.2, "recency_days": 0.7}, report=None, report_reason="All 900 responses are yes.",
        patterns=[{"feature": "orders", "words": "orders so far", "did": 1.0, "others": 4.0, "d": -0.8, "low": -0.9,
                   "high": -0.7, "text": "orders so far: 1 on average, against 4 of the others"}],
        state={"kind": "baseline", "model": None, "calibration": [1.0, 0.0]},
    )  # fmt: skip


def test_the_page_draws_a_target_and_says_what_is_refused(staff: Client, model: TargetModel) -> None:
    text = staff.get(reverse(CHARTS), {"scope": "corner", "target": "churn"}).content.decode()
    assert "Used: boosted trees" in text
    assert "The neural network adds nothing to the best of the others." in text
    assert "beats baseline by no interval above zero" in text
    for chart in ("above-one-feature", "importance", "patterns"):
        assert f'id="chart-{chart}"' in text
    assert "All 900 responses are yes." in text, "in the place of the odds ratios"
    file = staff.get(reverse(CHARTS), {"scope": "corner", "target": "churn", "file": "above-one-feature"})
    head, *rows = file.content.decode("utf-8-sig").splitlines()
    assert head.startswith("way,")
    assert [row.split(",")[0] for row in rows] == ["boosted trees", "neural network"]


def test_before_the_first_night_the_page_says_so(staff: Client, model: TargetModel) -> None:
    text = staff.get(reverse(CHARTS), {"scope": "corner", "target": "propensity"}).content.decode()
    assert "Nothing was computed for this shop yet." in text


def test_a_models_own_page_says_what_is_used_and_what_is_refused(staff: Client, model: TargetModel) -> None:
    text = staff.get(reverse("admin:precision_segments_targetmodel_change", args=[model.pk])).content.decode()
    assert "It adds nothing to the best of the others." in text
    assert "orders so far: 1 on average, against 4 of the others" in text
    assert "-0.020 to +0.040" in text


def test_who_may_not_see_models_sees_no_charts(client: Client, model: TargetModel) -> None:
    assert client.get(reverse(CHARTS)).status_code == 302
