"""Staff pages of clusters of customers, and of what was learnt about the variables behind them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from precision.engine.display import list_link, share, table
from precision.engine.staff import ResultAdmin, share_column
from precision.shop.admin import panels
from precision.shop.admin.reports import Cell, Table, headers, number
from precision.shop.models import Customer
from segments import screening_reports
from segments.admin import life_pages
from segments.admin.life_pages import ScopeForm
from segments.admin.results import CustomerResultAdmin
from segments.charts import clusters as drawn
from segments.jobs.clusters import JOB
from segments.models import ClusterMember, ScreeningReport

VIEW = "precision_segments.view_clustermember"
INTRO = (
    "Who ordered in the {days} days before {as_of}, grouped by k-means over one variable of each cluster of variables. "
    "A mixture of Gaussians tells how far somebody belongs to each: in {agreement} of the cases most to the own one. "
    "Clusters keep their keys from night to night."
)


class ClusterFilter(admin.SimpleListFilter):
    """The clusters as the reports in force name them; asking the table for its values would read all of it."""

    title = "cluster"
    parameter_name = "cluster"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the keys of all shops."""
        reports = ScreeningReport.objects.filter(name="clusters", run__publications__isnull=False)
        keys = {each["key"] for body in reports.values_list("body", flat=True) for each in body}
        return [(key, key) for key in sorted(keys, key=lambda key: (len(key), key))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the members of the chosen cluster, or all."""
        return queryset.filter(cluster=self.value()) if self.value() else queryset


@admin.register(ClusterMember)
class ClusterMemberAdmin(CustomerResultAdmin):
    list_display = ["customer_link", "cluster", "shop", "shown_share", "run_link"]
    list_display_links = ["cluster"]
    list_filter = [*ResultAdmin.list_filter, ClusterFilter]
    ordering = ["run_id", "cluster", "-share"]
    fieldsets = [
        (
            None,
            {"fields": [("customer_link", "shop", "run_link"), ("cluster", "shown_share"), "shown_shares"]},
        )
    ]
    shown_share = share_column("share", "membership")

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with those of the reports before the others."""
        wrap, name = self.admin_site.admin_view, "precision_segments_clustermember"
        return [
            path("report/", wrap(self.report), name=f"{name}_report"),
            path("variables/", wrap(self.variables), name=f"{name}_variables"),
            *super().get_urls(),
        ]

    @admin.display(description="membership in each cluster")
    def shown_shares(self, row: ClusterMember) -> SafeString | str:
        keys = [each["key"] for each in screening_reports.of(row.run).get("clusters", [])]
        return table(
            ["cluster", "membership"],
            [(key, share(each)) for key, each in zip(keys, row.shares, strict=False)],
        )

    def report(self, request: HttpRequest) -> HttpResponse:
        """Show the clusters in words and figures, and how their number was chosen."""
        life_pages.may_view(request, VIEW)
        form, run = life_pages.chosen(request, ScopeForm, JOB)
        reports = screening_reports.of(run)
        reason = _reason(run)
        intro = INTRO.format(
            days=run.parameters["window_days"], as_of=run.as_of, agreement=share(run.measures["agreement"])
        ) if run and not reason else ""  # fmt: skip
        found = reports.get("clusters", [])
        return life_pages.respond(
            self.admin_site,
            request,
            form,
            title="Clusters of customers",
            intro=intro,
            notices=[f"There are no clusters: {reason}."] if reason else [],
            charts=[
                *drawn.clusters(found, empty=reason), *drawn.choice(reports.get("choice", []), empty=reason)
            ] if found else [],
            tables=[_described(found, run.scope)] if run and found else [],
        )  # fmt: skip

    def variables(self, request: HttpRequest) -> HttpResponse:
        """Show clusters of variables, principal components and factors."""
        life_pages.may_view(request, VIEW)
        form, run = life_pages.chosen(request, ScopeForm, JOB)
        reports = screening_reports.of(run)
        reason = _reason(run)
        known = reports.get("variables", {"used": [], "left_out": []})
        titles = {each["name"]: each["title"] for each in (*known["used"], *known["left_out"])}
        groups = reports.get("variable_clusters", [])
        return life_pages.respond(
            self.admin_site,
            request,
            form,
            title="Variables: clusters, components, factors",
            intro="Variables in one cluster say nearly the same; models need one of each.",
            notices=[f"Nothing was reduced: {reason}."] if reason else [],
            charts=[
                drawn.correlations(reports["correlations"], groups, titles=titles, empty=reason),
                *drawn.components(reports["components"], titles=titles, empty=reason),
                *drawn.factors(reports["factors"], titles=titles, empty=reason),
            ] if groups else [],
            tables=_variable_tables(groups, known, reports.get("factors", {}), titles) if run else [],
        )  # fmt: skip


def _reason(run: Any) -> str:
    """Return why there are no clusters; empty where there are."""
    return "they were not computed yet" if run is None else str(run.measures.get("reason", ""))


def _described(found: list[dict[str, Any]], scope: str) -> Table:
    return Table(
        title="The clusters in words",
        headers=headers("cluster", "name", "what sets it apart", numbers=["customers", "share"]),
        rows=[
            [
                Cell(text=list_link(ClusterMember, each["key"], shop=scope, cluster=each["key"])),
                Cell(text=each["name"], css="precision-short"), Cell(text=each["description"]),
                number(each["customers"]), Cell(text=share(each["share"]), css="precision-number"),
            ]
            for each in found
        ],
    )  # fmt: skip


def _variable_tables(
    groups: list[dict[str, Any]], known: dict[str, Any], factors: dict[str, Any], titles: dict[str, str]
) -> list[Table]:
    """Return the clusters of variables with their representatives, and the variables that are of no use."""
    repeats = [(titles.get(name, name), f"says the same as {titles.get(same, same)} (factors only)")
               for name, same in factors.get("repeats", {}).items()]  # fmt: skip
    left_out = [(each["title"], each["reason"]) for each in known["left_out"]]
    return [
        Table(
            title="Clusters of variables",
            headers=headers("representative", "the others", numbers=["mean |r|"]),
            rows=[
                [
                    Cell(text=titles.get(each["representative"], each["representative"]), css="precision-short"),
                    Cell(text=", ".join(
                        titles.get(name, name) for name in each["names"] if name != each["representative"]
                    ) or "–"),
                    number(each["correlation"], 3),
                ]
                for each in groups
            ],
            empty="None.",
        ),
        Table(
            title="Variables left out",
            headers=headers("variable", "why"),
            rows=[[Cell(text=title), Cell(text=why)] for title, why in (*left_out, *repeats)],
            empty="None.",
        ),
    ]  # fmt: skip


@panels.panel(panels.CUSTOMER, "cluster")
def customer_cluster(customer: Customer) -> SafeString | str:
    """Return the cluster of the customer at each shop, from the runs in force."""
    found = ClusterMember.objects.filter(customer=customer, run__publications__isnull=False)
    return table(
        ["shop", "cluster", "membership"],
        [(one.run.scope, one.cluster, share(one.share)) for one in found.select_related("run")],
    )
