"""A page that draws a target of the life cycle: its models side by side, what moves it, what people had in common."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminSelectWidget

from precision.engine.display import figure, share
from precision.shop.admin.reports import Cell, Table, headers
from segments.admin import life_pages
from segments.charts import models as drawn
from segments.lifecycle import features
from segments.lifecycle.targets import TARGETS
from segments.models import TargetModel

TITLE = "Models of the life cycle"
JOB = "models"
WAYS = {
    "baseline": "one feature alone",
    "logistic": "logistic regression",
    "boosting": "boosted trees",
    "network": "neural network",
    "nothing": "nothing yet",
}


class TargetForm(life_pages.ScopeForm):
    """Which shop, and which target."""

    target = forms.ChoiceField(
        choices=[(key, target.title) for key, target in TARGETS.items()], widget=UnfoldAdminSelectWidget
    )


def page(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the charts of a target in a shop."""
    life_pages.may_view(request, "precision_segments.view_targetmodel")
    form, run = life_pages.chosen(request, TargetForm, JOB, target="churn")
    row = None
    if run is not None:
        row = TargetModel.objects.filter(run=run, target=form.cleaned_data["target"]).defer("state").first()
    if row is None:
        return life_pages.respond(site, request, form, title=TITLE, notices=[life_pages.NOT_COMPUTED])
    target = TARGETS[row.target]
    return life_pages.respond(
        site, request, form, title=TITLE,
        intro=f"{target.title}: {target.population}; within {target.horizon_days} days. Used: "
        f"{WAYS.get(row.kind, row.kind)}. {row.reason}",
        notices=_notices(row),
        charts=[
            drawn.above_baseline(row.measures, WAYS), drawn.importance(row.importance, features.WORDS),
            drawn.common(row.patterns), drawn.odds_ratios(row.report, row.report_reason),
        ],
        tables=[_ways(row), *([_campaigns(row)] if "campaigns" in row.measures else [])],
    )  # fmt: skip


def _notices(row: TargetModel) -> list[str]:
    adds = row.measures.get("network_adds")
    return ["The neural network adds nothing to the best of the others."] if adds is False else []


def _ways(row: TargetModel) -> Table:
    """Return what each way reached, and why it is refused."""
    refused = row.measures.get("refused", {})
    rows = [
        [
            Cell(text=WAYS.get(name, name)),
            Cell(text=figure(each["auc"])),
            Cell(text=figure(each["log_loss"])),
            Cell(text=figure(each["brier"])),
            Cell(text=share(each["accuracy"])),
            Cell(text="used" if name == row.kind else refused.get(name, "")),
        ]
        for name, each in sorted(row.measures.get("ways", {}).items())
    ]
    return Table(
        title="On time that none had seen",
        headers=headers("way", "AUC", "log loss", "Brier", "right at one half", "verdict"),
        rows=rows,
        empty=drawn.NOT_TRAINED,
    )


def _campaigns(row: TargetModel) -> Table:
    """Return the campaigns after the judged date beside what the chances expected of those whom they reached."""
    found: list[dict[str, Any]] = row.measures["campaigns"]
    return Table(
        title="Campaigns after the judged date",
        headers=headers(
            "campaign", "reached", "answered", "expected", "mean chance of who answered", "of the others"
        ),
        rows=[
            [
                Cell(text=each["campaign"]), Cell(text=f"{each['reached']:,}"), Cell(text=f"{each['answered']:,}"),
                Cell(text=figure(each["expected"], 1)), Cell(text=share(each["chance_of_answerers"])),
                Cell(text=share(each["chance_of_others"])),
            ]
            for each in found
        ],
        empty="No campaign reached anybody after the judged date.",
    )  # fmt: skip
