"""Staff pages of the life cycle: stages of customers, their changes, weekly flows, and the rule behind them."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from precision.engine.display import NOTHING, figure, joined, table
from precision.engine.staff import ResultAdmin, StaffAdmin
from precision.shop import scopes, spreadsheets
from precision.shop.admin import panels
from precision.shop.models import Customer
from segments.admin import life_pages, stage_flow
from segments.admin.class_rules import scope_choices
from segments.admin.results import CustomerResultAdmin
from segments.lifecycle import JOB, told, versions
from segments.lifecycle.rule import StageRule
from segments.lifecycle.stages import Stage
from segments.lifecycle.words import WORDS, title
from segments.models import LifecycleRule, StageChange, StageFlow, StageName, StageNow

FLOW_TITLE = "Stock and flow of the stages"
MOST_CHANGES = 12


class StageFilter(admin.SimpleListFilter):
    """The stages in the order of a life."""

    title = "stage"
    parameter_name = "stage"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(StageName.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(stage=self.value()) if self.value() else queryset


@admin.register(StageNow)
class StageNowAdmin(CustomerResultAdmin):
    list_display = [
        "customer_link", "stage", "shop", "since", "orders", "last_order", "shown_gap", "next_stage_at",
        "expected_at", "run_link",
    ]  # fmt: skip
    list_display_links = ["stage"]
    list_filter = [*ResultAdmin.list_filter, StageFilter]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("customer_link", "shop", "run_link"),
                    ("stage", "since", "known_since"),
                    "what_to_do",
                ]
            },
        ),
        (
            "Gap between orders",
            {
                "fields": [
                    ("orders", "last_order", "shown_gap"),
                    ("limit_days", "win_back_days", "next_stage_at"),
                ]
            },
        ),
        ("Expected next", {"fields": [("expected_at", "expected_from", "expected_until"), "due", "history"]}),
    ]
    actions_list = ["stock_and_flow"]

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the flow before the others."""
        view = self.admin_site.admin_view(self.flow)
        return [path("flow/", view, name="precision_segments_stagenow_flow"), *super().get_urls()]

    @admin.display(description="expected gap, days")
    def shown_gap(self, row: StageNow) -> str:
        return figure(row.gap_days, 1)

    @admin.display(description="what to do")
    def what_to_do(self, row: StageNow) -> str:
        return f"{WORDS[Stage(row.stage)].action} Model: {WORDS[Stage(row.stage)].model}."

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row with its history and the categories due, which its page writes more than once."""
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None:
            row.life = told.of_row(scopes.read(row.run.scope), row.run, row)
        return row

    @admin.display(description="by category")
    def due(self, row: Any) -> SafeString | str:
        spans = [
            (one.category, one.expected_at, one.expected_from, one.expected_until) for one in row.life.due
        ]
        return table(["category", "expected", "from", "until"], spans) if spans else row.life.due_reason

    @admin.display(description="how they got there")
    def history(self, row: Any) -> SafeString | str:
        passed = [(one.day, title(one.from_stage), title(one.stage)) for one in row.life.history]
        return table(["day", "from", "to"], passed)

    @action(description=FLOW_TITLE, url_path="stock-and-flow", icon="waterfall_chart", permissions=["view"])  # type: ignore[untyped-decorator]
    def stock_and_flow(self, request: HttpRequest) -> HttpResponse:
        """Show the page that the sidebar names too."""
        return self.flow(request)

    def flow(self, request: HttpRequest) -> HttpResponse:
        """Show opening, entries, exits and closing of each stage and week."""
        life_pages.may_view(request, "precision_segments.view_stagenow")
        form, run = life_pages.chosen(request, FlowForm, JOB, weeks="26", stage=Stage.DEVELOPMENT.value)
        if run is None:
            return life_pages.respond(
                self.admin_site, request, form, title=FLOW_TITLE, notices=[life_pages.NOT_COMPUTED]
            )
        found = told.flows(run, weeks=form.cleaned_data["weeks"])
        if request.GET.get("file") == stage_flow.FILE:
            return spreadsheets.download(
                f"{stage_flow.FILE}-{run.scope}", stage_flow.HEAD, map(stage_flow.row, found)
            )
        return life_pages.respond(
            self.admin_site, request, form, title=FLOW_TITLE, intro=stage_flow.intro(run),
            charts=[stage_flow.stock_chart(found), stage_flow.flow_chart(found, Stage(form.cleaned_data["stage"]))],
            tables=[stage_flow.stage_table(), stage_flow.table(found)],
        )  # fmt: skip


class FlowForm(life_pages.ScopeForm):
    """Which shop, how many weeks, and whose flow is drawn."""

    weeks = forms.IntegerField(min_value=1, max_value=520, widget=UnfoldAdminTextInputWidget())
    stage = forms.ChoiceField(label="Stage drawn", choices=StageName.choices, widget=UnfoldAdminSelectWidget)


@admin.register(StageChange)
class StageChangeAdmin(CustomerResultAdmin):
    list_display = ["customer_link", "day", "shown_from", "stage", "shop", "run_link"]
    list_display_links = ["day"]
    list_filter = [*ResultAdmin.list_filter, StageFilter]
    fieldsets = [(None, {"fields": [("customer_link", "shop", "run_link"), ("day", "shown_from", "stage")]})]

    @admin.display(description="from")
    def shown_from(self, row: StageChange) -> str:
        return title(row.from_stage)


@admin.register(StageFlow)
class StageFlowAdmin(ResultAdmin):
    list_display = ["week", "shown_from", "stage", "people", "shop", "run_link"]
    list_filter = [*ResultAdmin.list_filter, StageFilter]
    ordering = ["run_id", "week", "from_stage", "stage"]
    fieldsets = [(None, {"fields": [("shop", "run_link"), ("week", "shown_from", "stage", "people")]})]

    @admin.display(description="from")
    def shown_from(self, row: StageFlow) -> str:
        return title(row.from_stage)


class LifecycleRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """The numbers of a new version, and why they change."""

    class Meta:
        model = LifecycleRule
        fields = ("scope", *versions.NUMBERS, "reason")

    def clean(self) -> dict[str, Any]:
        """Refuse numbers that make no sense together."""
        data = super().clean() or {}
        if not self.errors:
            try:
                StageRule(**{name: data[name] for name in versions.NUMBERS})
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return data


@admin.register(LifecycleRule)
class LifecycleRuleAdmin(StaffAdmin):
    form = LifecycleRuleForm
    list_display = [
        "scope",
        "version",
        "retention_share",
        "win_back_share",
        "horizon_days",
        "reason",
        "by",
        "created_at",
    ]
    list_display_links = ["version"]
    list_filter = ["scope"]
    list_select_related = ["by"]
    ordering = ["scope", "-version"]
    fields = [
        "scope", ("retention_share", "win_back_share"), ("least_days", "most_days", "fallback_days"), "horizon_days",
        "reason",
    ]  # fmt: skip

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False: a run names the version that it used, so a version stays what it was."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False, for the same reason."""
        return False

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the numbers that count now for the shop in the address, or the first one."""
        given = super().get_changeform_initial_data(request)
        scope = given.get("scope") or next((key for key, _ in scope_choices()), "")
        return {"scope": scope, **asdict(versions.current(scope)), **given}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "scope":
            return forms.ChoiceField(label="Shop", choices=scope_choices(), widget=UnfoldAdminSelectWidget)
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: LifecycleRule, form: Any, change: bool) -> None:
        """Add a version; it counts from the next run on."""
        numbers = {name: getattr(obj, name) for name in versions.NUMBERS}
        made = versions.add(obj.scope, numbers, reason=obj.reason, by=request.user)  # type: ignore[arg-type]
        obj.__dict__.update(made.__dict__)


@panels.panel(panels.CUSTOMER, "life cycle")
def customer_stages(customer: Customer) -> SafeString | str:
    """Return the stage of the customer at each shop and the latest changes, from the runs in force."""
    rows = StageNow.objects.filter(customer=customer, run__publications__isnull=False).select_related("run")
    head = ["shop", "stage", "since", "what to do", "last order", "expected gap, days", "next order expected"]
    stages = table(
        head,
        [
            (
                one.run.scope, title(one.stage), one.since, WORDS[Stage(one.stage)].action, one.last_order or NOTHING,
                figure(one.gap_days, 1), one.expected_at or NOTHING,
            )
            for one in rows
        ],
    )  # fmt: skip
    changes = StageChange.objects.filter(customer=customer, run__in=[one.run_id for one in rows])
    latest = changes.select_related("run").order_by("-day")[:MOST_CHANGES]
    if not latest:
        return stages
    passed = [(one.run.scope, one.day, title(one.from_stage), title(one.stage)) for one in latest]
    return joined([stages, table(["shop", "day", "from", "to"], passed)], separator="")
