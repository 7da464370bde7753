"""Staff pages of physical stores: what they are, their months, their four tables, and goods that sell together."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from precision.engine.display import NOTHING, figure, share
from precision.engine.staff import (
    IndexedSearch,
    LargeAdmin,
    ResultAdmin,
    StaffAdmin,
    link_column,
    money_column,
    pretty_column,
    share_column,
)
from precision.shop import columns as c
from precision.shop import spreadsheets, stores
from precision.shop.admin import reports, searching
from precision.shop.admin.reports import Cell, Page, Table
from precision.shop.methods import store_tables as t
from precision.shop.models import Store, StoreMonth, StorePair

TITLE = "Tables of stores"
TITLES = {
    "star_orientation": "Star and orientation", "type": "Type", "region": "Region", "star": "Star",
}  # fmt: skip
NOT_GIVEN = "not given"
FIGURES = (
    (t.STORES, "stores", 0), (t.SHARE, "share", None), (t.MEAN_DISPLAYS, "displays a month", 2),
    (t.MEAN_UNITS, "sales a month", 2), (t.MEAN_VALUE_E4, "sales value a month", 2),
    (t.STORES_PER_DISPLAY, "stores per display", 2), (t.STORES_PER_SALE, "stores per sale", 2),
)  # fmt: skip
"""Column of the figures, its title, and its decimals (None: a percentage)."""
MOST_UNLIKE = 20


@admin.register(Store)
class StoreAdmin(StaffAdmin):
    list_display = [
        "__str__",
        "external_id",
        "platform",
        "type",
        "region",
        "province",
        "shown_stars",
        "opened_at",
    ]
    list_filter = ["platform", "type", "stars"]
    list_select_related = ["platform"]
    search_fields = ["=external_id", "name", "region", "province"]
    search_help_text = "Store id, name, region or province"
    ordering = ["platform_id", "external_id"]
    autocomplete_fields = ["platform"]
    fieldsets = [
        (None, {"fields": [("platform", "external_id"), "name"]}),
        ("Where and what", {"fields": [("region", "province"), ("type", "stars", "opened_at")]}),
    ]
    actions_list = ["tables"]

    @admin.display(description="stars", ordering="stars")
    def shown_stars(self, store: Store) -> str:
        return "★" * store.stars if store.stars else NOTHING

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False: orders point to it, and there are too many to look through."""
        return False

    @action(description=TITLE, url_path="tables", icon="table_chart", permissions=["view"])  # type: ignore[untyped-decorator]
    def tables(self, request: HttpRequest) -> HttpResponse:
        """The four tables of a chain, as a page or one of them in a file."""
        form = reports.form_for(request, reports.SpanForm)
        page = Page(title=TITLE, form=form)
        if form.is_valid():
            given = form.cleaned_data
            chain = stores.chain(given["platform"], start=given["start"], end=given["end"])
            wanted = request.GET.get("file")
            if wanted in t.TABLES:
                return _file(f"stores-{given['platform'].key}-{wanted}", chain, wanted)
            page.intro = (
                f"Means of a month from {chain.start} until before {chain.end}, of the stores that tell them "
                f"({chain.months} of these months are told). Sales are units; their value is in "
                f"{given['platform'].currency}. A store is retail, or industry, when more than 60 % of its sales are; "
                "else it is mixed; without sales, or where they are not told apart, its orientation is not given."
            )
            page.tables = [*_four(chain), _stars(chain), _unlike(chain)]
        return reports.respond(self, request, page)


@admin.register(StoreMonth)
class StoreMonthAdmin(IndexedSearch, LargeAdmin):
    list_display = [
        "month",
        "platform",
        "store_link",
        "product_link",
        "displays",
        "sales_units",
        "shown_value",
        "shown_retail",
        "shown_industry",
    ]
    list_filter = ["platform"]
    list_select_related = ["platform", "store", "product"]
    search_fields = ["store__external_id"]
    search_help_text = "Store id in full"
    ordering = ["-id"]
    shop_ordering = ["-month", "-id"]
    fieldsets = [
        (None, {"fields": [("platform", "month"), ("store_link", "product_link")]}),
        (
            "Figures",
            {"fields": [("displays", "sales_units"), ("shown_value", "shown_retail", "shown_industry")]},
        ),
        ("Others", {"fields": ["shown_traits"]}),
    ]
    store_link = link_column("store")
    product_link = link_column("product")
    shown_value = money_column("sales_value")
    shown_retail = money_column("retail_value", "retail")
    shown_industry = money_column("industry_value", "industry")
    shown_traits = pretty_column("traits")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the months of the stores with this id."""
        found = Store.objects.filter(platform_id__in=searching.platform_ids(), external_id=term)
        return rows.filter(store_id__in=list(found.values_list("pk", flat=True)[: searching.MOST]))


@admin.register(StorePair)
class StorePairAdmin(IndexedSearch, ResultAdmin):
    list_display = ["first_link", "second_link", "shop", "count", "shown_support", "shown_lift", "run_link"]
    list_display_links = ["count"]
    list_select_related = ["run", "first", "second"]
    search_fields = ["first__title"]
    search_help_text = "Product id of the shop in full, or words of the title"
    ordering = ["-lift", "-count", "id"]
    fieldsets = [
        (None, {"fields": [("first_link", "second_link"), ("shop", "run_link")]}),
        (
            "Figures",
            {
                "fields": [
                    ("count", "shown_support", "shown_lift"),
                    ("shown_confidence", "shown_confidence_back"),
                ]
            },
        ),
    ]
    first_link = link_column("first", "product")
    second_link = link_column("second", "sells together with")
    shown_support = share_column("support", "of the store-months")
    shown_confidence = share_column("confidence", "of the months of the first, with the second")
    shown_confidence_back = share_column("confidence_back", "of the months of the second, with the first")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the pairs of which either product has this id or these words in its title."""
        found = searching.products(term)
        return rows.filter(first__in=found) | rows.filter(second__in=found)

    @admin.display(description="lift", ordering="lift")
    def shown_lift(self, pair: StorePair) -> str:
        return figure(pair.lift, 2)


def _four(chain: stores.Chain) -> Iterator[Table]:
    """Yield the four tables; each has a row for what is not given."""
    total = _figures(chain.total())
    for by, names in t.TABLES.items():
        yield Table(
            title=TITLES[by],
            headers=reports.headers(*names, numbers=[title for _, title, _ in FIGURES]),
            rows=[
                [*(_group(row[name], star=name == t.STAR) for name in names), *_figures(row)]
                for row in chain.table(by)
            ],
            total=[reports.words("all"), *([Cell(text="")] * (len(names) - 1)), *total],
            file=by,
            empty="There are no stores.",
        )


def _figures(row: dict[str, Any]) -> list[Cell]:
    cells = []
    for name, _, places in FIGURES:
        value = row[name]
        if name == t.MEAN_VALUE_E4 and value is not None:
            value /= c.MONEY
        cells.append(
            Cell(text=share(value), css="precision-number")
            if places is None
            else reports.number(value, places)
        )
    return cells


def _group(value: Any, *, star: bool) -> Cell:
    if value is None:
        return Cell(text=NOT_GIVEN, css="precision-faint")
    return Cell(text="★" * value if star else value)


def _stars(chain: stores.Chain) -> Table:
    """Return the given stars (rows) beside those that the sales imply (columns)."""
    matrix = chain.star_matrix()
    rows = []
    for given in (1, 2, 3, 4, 5, 0):
        if any(matrix[given]):
            cells = [reports.count(matrix[given][implied]) for implied in (1, 2, 3, 4, 5, 0)]
            rows.append([_group(given or None, star=True), *cells])
    return Table(
        title="Given star and star implied by sales",
        headers=reports.headers("given", numbers=[*("★" * star for star in range(1, 6)), "none"]),
        rows=rows,
        note="The stores in the order of their monthly sales, cut so that as many get each star as have it. None: the "
        "sales are not known, or no store has a star.",
        empty="There are no stores.",
    )


def _unlike(chain: stores.Chain) -> Table:
    """Return the stores whose star is furthest from what they sell."""
    both = chain.stores.drop_nulls([t.STAR, t.IMPLIED_STAR])
    gap = both[t.STAR] - both[t.IMPLIED_STAR]
    unlike = both.with_columns(gap=gap.abs()).filter(gap.abs() > 1)
    rows = unlike.sort(["gap", t.UNITS, t.STORE], descending=[True, True, False]).head(MOST_UNLIKE)
    return Table(
        title="Stores that sell like another star",
        headers=reports.headers("store", "name", "given", "implied", numbers=["displays a month", "sales a month"]),
        rows=[
            [
                reports.words(row["store_id"]), reports.words(row["name"]), _group(row[t.STAR], star=True),
                _group(row[t.IMPLIED_STAR], star=True), reports.number(row[t.DISPLAYS], 2),
                reports.number(row[t.UNITS], 2),
            ]
            for row in rows.iter_rows(named=True)
        ],
        note=f"Those more than one star apart, the furthest first; {MOST_UNLIKE} at most.",
        empty="No store is more than one star apart.",
    )  # fmt: skip


def _file(name: str, chain: stores.Chain, by: str) -> HttpResponse:
    names: Sequence[str] = t.TABLES[by]
    header = [*names, *(title for _, title, _ in FIGURES)]
    rows = []
    for row in chain.table(by):
        figures = [
            row[key] / c.MONEY if key == t.MEAN_VALUE_E4 and row[key] is not None else row[key]
            for key, _, _ in FIGURES
        ]
        rows.append([*(NOT_GIVEN if row[key] is None else row[key] for key in names), *figures])
    return spreadsheets.download(name, header, rows)
