"""Staff pages of the models of the life cycle: what wins and why, the regression, patterns, and scores of customers."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.decorators import action

from precision.engine import runs
from precision.engine.display import NOTHING, figure, share, table
from precision.engine.staff import ResultAdmin
from precision.shop.admin import panels
from precision.shop.models import Customer, Identity
from segments.admin import model_page
from segments.admin.model_page import WAYS
from segments.admin.results import CustomerResultAdmin
from segments.api.predictions import reasons
from segments.lifecycle import features
from segments.lifecycle.targets import TARGETS
from segments.models import TargetModel, TargetScore

NOT_TRAINED = "Nothing was trained."


@admin.register(TargetModel)
class TargetModelAdmin(ResultAdmin):
    list_display = ["shown_target", "shop", "shown_kind", "shown_auc", "shown_base", "reason", "run_link"]
    list_display_links = ["shown_target"]
    list_filter = ["target"]
    list_select_related = ["run"]
    ordering = ["run_id", "target"]
    actions_list = ["charts"]
    fieldsets = [
        (None, {"fields": [("shown_target", "shop", "run_link"), "asked", "shown_kind", "reason"]}),
        ("On time that none had seen", {"fields": ["shown_ways", "shown_network"]}),
        ("What moves the chance", {"fields": ["shown_importance"]}),
        ("What they had in common", {"fields": ["shown_patterns"]}),
        ("Logistic regression", {"fields": ["shown_coefficients", "shown_tests", "report_reason"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the charts before the others."""
        view = self.admin_site.admin_view(self.draw)
        return [path("chart/", view, name="precision_segments_targetmodel_chart"), *super().get_urls()]

    @action(description=model_page.TITLE, url_path="charts", icon="monitoring", permissions=["view"])  # type: ignore[untyped-decorator]
    def charts(self, request: HttpRequest) -> HttpResponse:
        """Show the charts of a target."""
        return self.draw(request)

    def draw(self, request: HttpRequest) -> HttpResponse:
        """Show the charts of a target."""
        return model_page.page(self.admin_site, request)

    @admin.display(description="target", ordering="target")
    def shown_target(self, row: TargetModel) -> str:
        return TARGETS[row.target].title if row.target in TARGETS else row.target

    @admin.display(description="who is asked about")
    def asked(self, row: TargetModel) -> str:
        target = TARGETS.get(row.target)
        if target is None:
            return NOTHING
        return (
            f"{target.population}; within {target.horizon_days} days. {row.rows:,} customers on {len(row.dates)} "
            f"dates, {row.positives:,} did."
        )

    @admin.display(description="used")
    def shown_kind(self, row: TargetModel) -> str:
        return WAYS.get(row.kind, row.kind)

    @admin.display(description="AUC")
    def shown_auc(self, row: TargetModel) -> str:
        return figure(row.measures.get("ways", {}).get(row.kind, {}).get("auc"))

    @admin.display(description="base rate")
    def shown_base(self, row: TargetModel) -> str:
        return share(row.measures.get("base_rate"))

    @admin.display(description="comparison")
    def shown_ways(self, row: TargetModel) -> SafeString | str:
        against = row.measures.get("against_baseline", {})
        rows = [
            (
                WAYS.get(name, name),
                figure(each["auc"]),
                _interval(against.get(name)),
                figure(each["log_loss"]),
                figure(each["brier"]),
                share(each["accuracy"]),
                "used" if name == row.kind else row.measures.get("refused", {}).get(name, ""),
            )
            for name, each in sorted(row.measures.get("ways", {}).items())
        ]
        headers = (
            "",
            "AUC",
            "AUC above one feature alone, 95 %",
            "log loss",
            "Brier",
            "right at one half",
            "verdict",
        )
        return table(headers, rows) if rows else NOT_TRAINED

    @admin.display(description="neural network")
    def shown_network(self, row: TargetModel) -> str:
        adds = row.measures.get("network_adds")
        if adds is None:
            return NOT_TRAINED
        return "It adds to the best of the others." if adds else "It adds nothing to the best of the others."

    @admin.display(description="mean contribution to the log odds")
    def shown_importance(self, row: TargetModel) -> SafeString | str:
        ranked = sorted(row.importance.items(), key=lambda item: -item[1])[:20]
        return table(
            ("feature", "weight"),
            [(features.WORDS.get(name, name), figure(weight)) for name, weight in ranked if weight > 0],
        )

    @admin.display(description="patterns")
    def shown_patterns(self, row: TargetModel) -> SafeString | str:
        rows = [
            (each["text"], f"{figure(each['d'], 2)} ({figure(each['low'], 2)} to {figure(each['high'], 2)})")
            for each in row.patterns
        ]
        return table(("of those who did", "difference in standard deviations, with interval"), rows)

    @admin.display(description="coefficients")
    def shown_coefficients(self, row: TargetModel) -> SafeString | str:
        headers = ("", "estimate", "standard error", "Wald", "p", "odds ratio, 95 %")
        rows = [
            (
                each["words"], figure(each["estimate"]), figure(each["error"]), figure(each["wald"], 2),
                _probability(each["p"]),
                f"{figure(each['odds_ratio'])} ({figure(each['low'])} to {figure(each['high'])})",
            )
            for each in (row.report or {}).get("coefficients", ())
        ]  # fmt: skip
        return table(headers, rows)

    @admin.display(description="tests")
    def shown_tests(self, row: TargetModel) -> SafeString | str:
        report = row.report
        if report is None:
            return NOTHING
        names = ", ".join(features.WORDS.get(name, name) for name in report["subset"]["names"])
        tests = [
            ("likelihood ratio, all coefficients", report["likelihood_ratio"]),
            ("score, all coefficients", report["score"]),
            ("Wald, all coefficients", report["wald"]),
            (f"likelihood ratio of: {names}", report["subset"]["test"]),
        ]
        rows: list[tuple[str, ...]] = [
            (name, f"{figure(each['statistic'], 2)} on {each['degrees']} degrees", _probability(each["p"]))
            for name, each in tests
            if each is not None
        ]
        rows += [
            ("AIC", figure(report["aic"], 1), ""),
            ("SBC", figure(report["sbc"], 1), ""),
            (
                "C (concordant, discordant, tied pairs)",
                figure(report["c"]),
                f"{report['concordant']:,}, {report['discordant']:,}, {report['tied']:,}",
            ),
        ]
        return table(("test", "statistic", "p or pairs"), rows)


@admin.register(TargetScore)
class TargetScoreAdmin(CustomerResultAdmin):
    list_display = ["customer_link", "shown_target", "shop", "shown_chance", "decile", "why", "run_link"]
    list_filter = ["target"]
    list_display_links = ["shown_chance"]
    ordering = ["run_id", "target", "-chance"]
    fieldsets = [
        (
            None,
            {"fields": [("customer_link", "shop", "run_link"), "shown_target", ("shown_chance", "decile")]},
        ),
        ("Why", {"fields": ["why"]}),
    ]

    @admin.display(description="target", ordering="target")
    def shown_target(self, row: TargetScore) -> str:
        return TARGETS[row.target].title if row.target in TARGETS else row.target

    @admin.display(description="chance")
    def shown_chance(self, row: TargetScore) -> str:
        return share(row.chance)

    @admin.display(description="moved most by")
    def why(self, row: TargetScore) -> str:
        return why(row)


def why(row: TargetScore) -> str:
    """Return what moves a chance most, in words, with the direction."""
    parts = [
        f"{each['text']}: {figure(each['value'], 1)} ({'raises' if each['moves'] > 0 else 'lowers'} it)"
        for each in reasons(row)
    ]
    return "; ".join(parts) or NOTHING


@panels.panel(panels.CUSTOMER, "chances")
def customer_scores(customer: Customer) -> SafeString | str:
    """Return the chances of a customer at each shop, with their reasons."""
    keys = Identity.objects.filter(customer=customer).values_list("platform__key", flat=True).distinct()
    found: list[tuple[Any, ...]] = []
    for key in sorted(set(keys)):
        run = runs.published("scores", key)
        if run is None:
            continue
        rows = {row.target: row for row in TargetScore.objects.filter(run=run, customer=customer)}
        found += [
            (key, TARGETS[name].title, share(rows[name].chance), rows[name].decile, why(rows[name]))
            for name in TARGETS
            if name in rows
        ]
    return table(("shop", "target", "chance", "decile", "moved most by"), found)


def _interval(difference: dict[str, Any] | None) -> str:
    if difference is None:
        return NOTHING
    return f"{difference['value']:+.3f} ({difference['low']:+.3f} to {difference['high']:+.3f})"


def _probability(p: float) -> str:
    return "below .0001" if p < 0.0001 else figure(p, 4)
