"""Staff pages of customer value: rows, and how well the models foretell."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.decorators import action

from precision.charts import Axis, Chart, bars
from precision.engine.display import figure, link, money, share, table
from precision.engine.models import Run
from precision.engine.staff import money_column, share_column
from precision.shop.admin import panels
from precision.shop.admin.reports import Cell, Table, headers, number
from precision.shop.models import Customer
from segments.admin import life_pages
from segments.admin.results import CustomerResultAdmin
from segments.lifecycle import VALUE_JOB
from segments.methods.value import REASONS
from segments.models import CustomerValue

TITLE = "Value of customers"
MOST_ROWS = 20
INTERVAL = "95 % intervals by bootstrap of customers: how well the models are known, not one customer's luck."


@admin.register(CustomerValue)
class CustomerValueAdmin(CustomerResultAdmin):
    list_display = [
        "customer_link", "shown_value", "shop", "shown_orders", "shown_order_value", "shown_alive", "repeats",
        "run_link",
    ]  # fmt: skip
    list_display_links = ["shown_value"]
    fieldsets = [
        (None, {"fields": [("customer_link", "shop", "run_link"), ("shown_value", "shown_low", "shown_high"), "why"]}),
        (
            "Expected",
            {
                "fields": [
                    ("shown_orders", "orders_low", "orders_high"), ("shown_alive", "alive_low", "alive_high"),
                    "shown_order_value",
                ]
            },
        ),
        ("Evidence", {"fields": [("repeats", "recency_days", "age_days"), ("valued", "shown_mean")]}),
    ]  # fmt: skip
    actions_list = ["figures"]
    shown_value = money_column("value")
    shown_low = money_column("value_low")
    shown_high = money_column("value_high")
    shown_order_value = money_column("order_value")
    shown_mean = money_column("mean_value")
    shown_alive = share_column("alive", "alive")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the report before the others."""
        view = self.admin_site.admin_view(self.report)
        return [path("report/", view, name="precision_segments_customervalue_report"), *super().get_urls()]

    @admin.display(description="expected orders")
    def shown_orders(self, row: CustomerValue) -> str:
        return figure(row.expected_orders, 2)

    @admin.display(description="how")
    def why(self, row: CustomerValue) -> str:
        return REASONS.get(row.reason, row.reason) or INTERVAL

    @action(description=TITLE, url_path="figures", icon="monitoring", permissions=["view"])  # type: ignore[untyped-decorator]
    def figures(self, request: HttpRequest) -> HttpResponse:
        """Show the page that the sidebar names too."""
        return self.report(request)

    def report(self, request: HttpRequest) -> HttpResponse:
        """Show how the models fared on held-out time, their parameters, and the customers of most value."""
        life_pages.may_view(request, "precision_segments.view_customervalue")
        form, run = life_pages.chosen(request, life_pages.ScopeForm, VALUE_JOB)
        if run is None:
            return life_pages.respond(
                self.admin_site, request, form, title=TITLE, notices=[life_pages.NOT_COMPUTED]
            )
        reason = REASONS[run.parameters["model"]["reason"]]
        return life_pages.respond(
            self.admin_site, request, form, title=TITLE, intro=_intro(run), notices=[reason] if reason else [],
            charts=[calibration_chart(run)], tables=[_held_out(run), _parameters(run), _most(run)],
        )  # fmt: skip


def calibration_chart(run: Run) -> Chart:
    """Return predicted beside actual orders on held-out time, by tenths of the customers."""
    told = run.measures.get("held_out") or {}
    tenths: Sequence[dict[str, Any]] = told.get("deciles", [])
    return bars(
        "calibration", "Orders foretold and placed on held-out time", x=Axis(title="tenth by prediction"),
        y=Axis(title="orders a customer", places=2), at=list(range(1, len(tenths) + 1)),
        series={name: [tenth[name] for tenth in tenths] for name in ("predicted", "actual")},
        note=f"The models were fitted to all but the last {told['days']} days." if told else "",
        empty="The history is too short to hold any of it out.",
    )  # fmt: skip


def _held_out(run: Run) -> Table:
    """Return the models beside the rival that everybody goes on as before."""
    told = run.measures.get("held_out")
    if not told:
        return Table(title="Held-out time", headers=[], rows=[], empty="The history is too short.")
    rows = [
        ("orders", told["predicted"], told["plain_predicted"], told["actual"], 0),
        ("mean absolute error", told["mean_absolute_error"], told["plain_mean_absolute_error"], None, 3),
        ("AUC of ordering at all", told["auc"], told["plain_auc"], None, 3),
        ("value", told["predicted_value"], None, told["actual_value"], 0),
    ]
    return Table(
        title=f"The last {told['days']} days, held out",
        headers=headers("figure", numbers=("models", "own rate goes on", "what happened")),
        rows=[[Cell(text=row[0]), *(number(value, row[4]) for value in row[1:4])] for row in rows],
    )


def _parameters(run: Run) -> Table:
    """Return the parameters of the models."""
    model = run.parameters["model"]
    rows = [
        (name, key, part[key], places)
        for name, part, keys, places in (
            ("BG/NBD", model["purchases"], ("r", "alpha", "a", "b", "log_likelihood"), 4),
            ("gamma-gamma", model["spend"], ("p", "q", "v", "log_likelihood"), 4),
        )
        if part
        for key in keys
    ]
    rows += [("shop", "repeat orders a customer and day", model["daily_repeats"], 5)]
    return Table(
        title="Parameters",
        headers=headers("model", "parameter", numbers=("value",)),
        rows=[[Cell(text=name), Cell(text=key), number(value, places)] for name, key, value, places in rows],
        note="Times in days. Number and size of orders are taken for independent; their correlation here: "
        f"{figure(run.measures.get('number_with_size'))}.",
    )


def _most(run: Run) -> Table:
    """Return the customers of most value."""
    found = CustomerValue.objects.filter(run=run, value__isnull=False).select_related("customer")
    return Table(
        title="Customers of most value",
        headers=headers("customer", numbers=("value", "low", "high", "orders", "alive")),
        rows=[
            [
                Cell(text=link(one.customer)),
                *map(_amount, (one.value, one.value_low, one.value_high)), number(one.expected_orders, 2),
                Cell(text=share(one.alive), css="precision-number"),
            ]
            for one in found.order_by("-value")[:MOST_ROWS]
        ],
        note=INTERVAL,
    )  # fmt: skip


def _amount(value: Decimal | None) -> Cell:
    return Cell(text=money(value), css="precision-number")


def _intro(run: Run) -> str:
    """Return what is expected of all customers together."""
    told = run.measures
    start = f"Within {run.parameters['horizon_days']} days of {run.as_of}, of {told['customers']:,} customers"
    if told["expected_orders"] is None or told["expected_value"] is None:
        return f"{start}: nothing can be expected yet."
    return (
        f"{start}: {told['expected_orders']:,.0f} orders worth {told['expected_value']:,.0f}, before returns."
    )


@panels.panel(panels.CUSTOMER, "value")
def customer_value(customer: Customer) -> SafeString | str:
    """Return the value of the customer at each shop, from the runs in force."""
    rows = CustomerValue.objects.filter(customer=customer, run__publications__isnull=False).select_related(
        "run"
    )
    return table(
        ["shop", "within, days", "value", "95 % interval", "orders", "alive"],
        [
            (
                one.run.scope, one.run.parameters.get("horizon_days", ""), money(one.value),
                f"{money(one.value_low)} to {money(one.value_high)}", figure(one.expected_orders, 2), share(one.alive),
            )
            for one in rows
        ],
    )  # fmt: skip
