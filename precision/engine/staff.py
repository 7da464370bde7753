"""What all staff pages share: bounded lists, read-only pages of facts and results, and the filter on runs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.contrib.admin import ShowFacets, SimpleListFilter, display
from django.contrib.admin.utils import quote
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from precision.engine.display import NOTHING, link, money, pretty, share
from precision.engine.models import Publication, Run
from precision.engine.paging import BoundedChangeList, BoundedPaginator


class StaffAdmin(ModelAdmin):  # type: ignore[misc]
    """A staff page whose list stays quick over a table of any size."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # it would count the table once per choice of each filter
    list_per_page = 50
    list_max_show_all = 200
    empty_value_display = NOTHING

    class Media:
        css = {"all": ["precision_engine/staff.css"]}

    def prepare(self, rows: Sequence[Model]) -> None:
        """Attach to the rows of a page what their columns need, in one query for all of them."""

    def page_of(self, row: Model) -> str:
        """Return the address of the page of one row."""
        options = row._meta
        name = f"{self.admin_site.name}:{options.app_label}_{options.model_name}_change"
        return reverse(name, args=[quote(row.pk)])

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:
        """Return the class that reads a page of the list."""
        return BoundedChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Model | None:
        """Return the row with what its page needs attached, or None."""
        found: Model | None = super().get_object(request, object_id, from_field)
        if found is not None:
            self.prepare([found])
        return found


class ReadOnlyAdmin(StaffAdmin):
    """Facts and results: staff look, intake and jobs write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """False: not by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """False: not by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """False: not by hand."""
        return False


class LargeAdmin(ReadOnlyAdmin):
    """Rows by the million: the order of the list is the one an index gives, and no other."""

    sortable_by = ()
    shop_ordering: Sequence[str] = ()
    """The order once a shop is chosen, where an index of its platform serves it."""

    def get_ordering(self, request: HttpRequest) -> Sequence[str]:
        """Return the order of the list."""
        if self.shop_ordering and "platform__id__exact" in request.GET:
            return self.shop_ordering
        return super().get_ordering(request)  # type: ignore[no-any-return]


class IndexedSearch:
    """A search by what an index serves, not a pattern over every column; goes before the admin class."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows that the typed words name, and that none comes twice."""
        term = search_term.strip()
        return (self.find(queryset, term) if term else queryset), False

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return those of the rows that the typed words name."""
        raise NotImplementedError


class PublishedFilter(SimpleListFilter):
    """The rows that readers see, unless all kept runs or one of them are asked for."""

    title = "run"
    parameter_name = "runs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the one value that can be chosen beside none."""
        return [("all", "all kept runs")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield the two choices, the published rows first."""
        published = changelist.get_query_string(remove=[self.parameter_name])
        chosen = self.value() == "all" or "run__id__exact" in changelist.params
        yield {"selected": not chosen, "query_string": published, "display": "published"}
        every = changelist.get_query_string({self.parameter_name: "all"})
        yield {"selected": self.value() == "all", "query_string": every, "display": "all kept runs"}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the published runs, or all."""
        if self.value() == "all" or "run__id__exact" in request.GET:
            return queryset
        # The numbers themselves and no subquery: the planner then knows how few runs there are.
        return queryset.filter(run_id__in=list(Publication.objects.values_list("run_id", flat=True)))


class ShopFilter(SimpleListFilter):
    """The rows computed for one shop."""

    title = "shop"
    parameter_name = "shop"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the shops that anything was published for."""
        scopes = Publication.objects.order_by("scope").values_list("scope", flat=True).distinct()
        return [(scope, scope) for scope in scopes]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen shop's runs, or all."""
        if not self.value():
            return queryset
        runs = list(Run.objects.filter(scope=self.value()).values_list("id", flat=True))
        return queryset.filter(run_id__in=runs)


class ResultAdmin(LargeAdmin):
    """Rows of a run: the published ones, unless others are asked for."""

    list_filter: Sequence[Any] = (PublishedFilter, ShopFilter)
    list_select_related: Sequence[str] = ("run",)

    @display(description="shop")
    def shop(self, row: Any) -> str:
        """The shop that the row was computed for."""
        return str(row.run.scope)

    @display(description="run")
    def run_link(self, row: Any) -> str:
        """The run that computed the row."""
        return link(row.run)


def go_to(request: HttpRequest, address: str) -> HttpResponse:
    """Return the answer that sends the browser on, after a plain form or a dialog."""
    if (
        "HX-Request" in request.headers
    ):  # htmx would follow a redirect itself and put the page into the dialog
        return HttpResponse(headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def link_column(name: str, description: str | None = None) -> Callable[[Any, Any], str]:
    """Return a column that links to the object behind a foreign key."""

    @display(description=description or name.replace("_", " "), ordering=name)
    def column(admin: Any, row: Any) -> str:
        return link(getattr(row, name))

    return column


def money_column(name: str, description: str | None = None) -> Callable[[Any, Any], str]:
    """Return a column that writes an amount with its decimals."""

    @display(description=description or name.replace("_", " "), ordering=name)
    def column(admin: Any, row: Any) -> str:
        return money(getattr(row, name))

    return column


def share_column(name: str, description: str | None = None) -> Callable[[Any, Any], str]:
    """Return a column that writes a share of one as a percentage."""

    @display(description=description or name.replace("_", " "), ordering=name)
    def column(admin: Any, row: Any) -> str:
        return share(getattr(row, name))

    return column


def pretty_column(name: str, description: str | None = None) -> Callable[[Any, Any], str]:
    """Return a column that writes a JSON value as small tables."""

    @display(description=description or name.replace("_", " "))
    def column(admin: Any, row: Any) -> str:
        return pretty(getattr(row, name))

    return column
