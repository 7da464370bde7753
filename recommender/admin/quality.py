"""Staff pages of the quality of recommendations: the rows, and one page with all models side by side."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget

from precision.engine.display import NOTHING, figure, share
from precision.engine.models import Run
from precision.engine.staff import ResultAdmin, share_column
from precision.shop.admin.reports import Cell, Table, headers
from recommender.charts import quality as drawn
from recommender.models import RecommendationQuality
from segments.admin import life_pages

TITLE = "Models of recommendations"
JOB = "recommendation-quality"
EVERYONE = "all"
LEARNED = ("ranker", "champion")
"""Judged where they are learned, on the latest fold only."""
GROUPS = {
    EVERYONE: "everyone",
    **{f"class:{letter}": f"class {letter}" for letter in "ABCU"},
    **{f"history:{days}": f"{days} days with a purchase" for days in ("1", "2-4", "5-9", "10+")},
}


class CompareForm(life_pages.ScopeForm):
    """Which shop, which purchases, which customers, and which days."""

    which = forms.ChoiceField(
        label="Counted",
        choices=[
            (which.value, which.label)
            for which in (RecommendationQuality.Which.NEW, RecommendationQuality.Which.ALL)
        ],
        widget=UnfoldAdminSelectWidget,
    )
    group = forms.ChoiceField(
        label="Customers",
        choices=list(GROUPS.items()),
        widget=UnfoldAdminSelectWidget,
    )
    fold = forms.TypedChoiceField(
        label="Days", choices=[(0, "the latest held out"), (1, "those before")], coerce=int,
        widget=UnfoldAdminSelectWidget,
    )  # fmt: skip


@admin.register(RecommendationQuality)
class RecommendationQualityAdmin(ResultAdmin):
    list_display = [
        "model", "which", "group", "fold", "shop", "customers", "shown_recall", "shown_gain", "shown_ndcg",
        "shown_coverage", "run_link",
    ]  # fmt: skip
    list_display_links = ["model"]
    list_filter = [*ResultAdmin.list_filter, "which"]
    ordering = ["run_id", "which", "fold", "group", "model"]
    actions_list = ["compare"]
    fieldsets = [
        (None, {"fields": [("model", "which", "group"), ("shop", "run_link"), ("fold", "cut_day", "days")]}),
        (
            "On days that none had seen",
            {
                "fields": [
                    ("customers", "undefined", "k"),
                    ("shown_recall", "shown_ndcg", "shown_map", "shown_hits"),
                    ("shown_coverage", "shown_novelty", "shown_new"),
                    ("baseline", "shown_gain"),
                    "parts",
                ]
            },
        ),
    ]
    shown_hits = share_column("hit_rate", "hit rate")
    shown_coverage = share_column("coverage")
    shown_new = share_column("new_share", "share of new items")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the comparison before the others."""
        view = self.admin_site.admin_view(self.draw)
        name = "precision_recommender_recommendationquality_compare"
        return [path("compare/", view, name=name), *super().get_urls()]

    @action(description=TITLE, url_path="side-by-side", icon="monitoring", permissions=["view"])  # type: ignore[untyped-decorator]
    def compare(self, request: HttpRequest) -> HttpResponse:
        """Show the models side by side."""
        return self.draw(request)

    def draw(self, request: HttpRequest) -> HttpResponse:
        """Show the models side by side."""
        life_pages.may_view(request, "precision_recommender.view_recommendationquality")
        form, run = life_pages.chosen(request, CompareForm, JOB, which="new", group=EVERYONE, fold="0")
        rows = list(RecommendationQuality.objects.filter(run=run)) if run else []
        if run is None or not rows:
            return life_pages.respond(
                self.admin_site, request, form, title=TITLE, notices=[life_pages.NOT_COMPUTED]
            )
        return _page(self, request, form, run, rows)

    @admin.display(description="recall", ordering="recall")
    def shown_recall(self, row: RecommendationQuality) -> str:
        return figure(row.recall, 4)

    @admin.display(description="above the best baseline", ordering="gain")
    def shown_gain(self, row: RecommendationQuality) -> str:
        return _gain(row)

    @admin.display(description="NDCG", ordering="ndcg")
    def shown_ndcg(self, row: RecommendationQuality) -> str:
        return figure(row.ndcg, 4)

    @admin.display(description="MAP", ordering="map")
    def shown_map(self, row: RecommendationQuality) -> str:
        return figure(row.map, 4)

    @admin.display(description="novelty (bits)", ordering="novelty")
    def shown_novelty(self, row: RecommendationQuality) -> str:
        return figure(row.novelty, 1)


def _page(
    page: RecommendationQualityAdmin,
    request: HttpRequest,
    form: forms.Form,
    run: Run,
    rows: list[RecommendationQuality],
) -> HttpResponse:
    """Return the page of one run."""
    which = form.cleaned_data["which"]
    group, fold = form.cleaned_data["group"], form.cleaned_data["fold"]
    counted = [row for row in rows if row.which == which]
    days = {row.cut_day for row in counted if row.fold == fold and row.model not in LEARNED}
    same = [row for row in counted if row.model not in LEARNED or row.cut_day in days]
    of_fold = [row for row in same if row.fold == fold]
    chosen = [row for row in of_fold if row.group == group]
    apart = [row for row in counted if row not in same and (row.fold, row.group) == (fold, group)]
    return life_pages.respond(
        page.admin_site, request, form, title=TITLE, intro=_intro(run, chosen),
        notices=[*_verdicts(run, which), *_apart(apart)],
        charts=[
            drawn.above_baseline(chosen),
            drawn.by_fold([row for row in same if row.group == group]),
            drawn.by_group(of_fold, kind="history", title="Recall by days with a purchase before"),
            drawn.by_group(of_fold, kind="class", title="Recall by price class"),
            drawn.breadth(chosen),
        ],
        tables=[_side_by_side([*chosen, *apart]), _weighted([row for row in rows if row.which == "weighted"])],
    )  # fmt: skip


def _intro(run: Run, rows: list[RecommendationQuality]) -> str:
    first = next(iter(rows), None)
    if first is None:
        return f"As of {run.as_of}."
    return (
        f"Each model was made as of {first.cut_day} and asked for {first.k} products a customer; counted is what they "
        f"bought in the {first.days} days from then on, over the whole catalogue. Computed as of "
        f"{run.measures.get('computed_as_of', run.as_of)}, {first.customers:,} customers."
    )


def _verdicts(run: Run, which: str) -> list[str]:
    """Return what the gate said of each model that may be shown."""
    return [
        f"{each['model'].capitalize()}: {each['reason']}"
        for each in run.measures.get("gate", [])
        if each["which"] == which
    ]


def _apart(rows: list[RecommendationQuality]) -> list[str]:
    """Return which days a ranker was judged on that was learned on another day than the others were compared."""
    return [
        f"{row.model.capitalize()}: judged on {row.days} days from {row.cut_day}, not on those of the other models. It "
        "stands in the table, but not in the charts."
        for row in rows
    ]


def _side_by_side(rows: list[RecommendationQuality]) -> Table:
    """Return every measure of every model."""
    return Table(
        title="Side by side",
        headers=headers(
            "model", "recall", "above the best baseline", "NDCG", "MAP", "hit rate", "coverage", "novelty (bits)",
            "new items", "customers", "held-out days from",
        ),
        rows=[
            [
                Cell(text=row.model), Cell(text=figure(row.recall, 4)), Cell(text=_gain(row)),
                Cell(text=figure(row.ndcg, 4)), Cell(text=figure(row.map, 4)), Cell(text=share(row.hit_rate)),
                Cell(text=share(row.coverage)), Cell(text=figure(row.novelty, 1)), Cell(text=share(row.new_share)),
                Cell(text=f"{row.customers:,}"), Cell(text=row.cut_day),
            ]
            for row in drawn.ranked(rows)
        ],
        empty=drawn.NOT_COMPUTED,
    )  # fmt: skip


def _weighted(rows: list[RecommendationQuality]) -> Table:
    """Return the weighted recall of clicks, carts and orders."""
    return Table(
        title="Weighted recall: .10 clicks, .30 carts, .60 orders",
        headers=headers("model", "held-out days from", "weighted", "clicks", "carts", "orders", "customers"),
        rows=[
            [
                Cell(text=row.model), Cell(text=row.cut_day), Cell(text=figure(row.recall, 4)),
                *(Cell(text=figure(row.parts.get(kind), 4)) for kind in ("clicks", "carts", "orders")),
                Cell(text=f"{row.customers:,}"),
            ]
            for fold in sorted({row.fold for row in rows})
            for row in drawn.ranked([each for each in rows if each.fold == fold])
        ],
        empty="This shop has told no clicks or carts in the held-out days.",
    )  # fmt: skip


def _gain(row: Any) -> str:
    """Return the difference from the best baseline with its interval."""
    if row.gain is None:
        return "the best baseline" if row.baseline == row.model else NOTHING
    if row.gain_low is None:
        return f"{row.gain:+.4f}"
    return f"{row.gain:+.4f} ({row.gain_low:+.4f} to {row.gain_high:+.4f})"
