"""Staff pages of labels of products: what is known of each, who would want it, and what somebody would want."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from precision.engine.display import NOTHING, joined, link, pretty
from precision.engine.staff import IndexedSearch, ResultAdmin, link_column
from precision.shop.admin import panels, reports, searching
from precision.shop.admin.reports import Cell, Table, headers
from precision.shop.models import Customer, Platform, Product
from segments import product_labels, wants
from segments.admin import cells
from segments.methods import affinity
from segments.models import ProductLabelRow

SHOWN = 50
TITLE = "Goods and people"


class WantsForm(forms.Form):
    """Either a product or labels, for the people who would want it; or a customer, for what they would want."""

    platform = forms.ModelChoiceField(
        Platform.objects.all(), label="Shop", widget=UnfoldAdminSelectWidget, empty_label=None
    )
    product = forms.CharField(
        required=False, max_length=200, label="Product id", widget=UnfoldAdminTextInputWidget
    )
    category = forms.CharField(required=False, max_length=500, widget=UnfoldAdminTextInputWidget)
    brand = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget)
    price_tier = forms.ChoiceField(
        required=False,
        choices=[("", "any"), ("low", "low"), ("middle", "middle"), ("high", "high")],
        widget=UnfoldAdminSelectWidget,
    )
    customer = forms.CharField(
        required=False, max_length=200, label="Customer id", widget=UnfoldAdminTextInputWidget
    )

    def clean(self) -> dict[str, Any]:
        """Find the product or the customer; refuse a search for nothing."""
        data = super().clean() or {}
        platform = data.get("platform")
        if platform is None:
            return data
        if data.get("product"):
            data["found_product"] = Product.objects.filter(
                platform=platform, external_id=data["product"]
            ).first()
            if data["found_product"] is None:
                self.add_error("product", f"The shop {platform.key} has no product {data['product']!r}.")
        if data.get("customer"):
            named = platform.identities.filter(kind="customer_id", value=data["customer"]).first()
            if named is None:
                self.add_error("customer", f"The shop {platform.key} knows no customer {data['customer']!r}.")
            data["found_customer"] = named
        if not any(data.get(name) for name in ("product", "category", "brand", "price_tier", "customer")):
            raise forms.ValidationError("Name a product, labels of goods, or a customer.")
        return data


def _column(name: str) -> Any:
    """Return a column that shows one label."""

    @admin.display(description=product_labels.BY_KEY[name].title.lower())
    def column(page: Any, row: ProductLabelRow) -> str:
        return cells.value(name, row.values.get(name))

    return column


@admin.register(ProductLabelRow)
class ProductLabelRowAdmin(IndexedSearch, ResultAdmin):
    list_display = [
        "product_link",
        "shop",
        "shown_category",
        "shown_tier",
        "shown_season",
        "shown_class",
        "shown_novelty",
    ]
    list_select_related = ["run", "product"]
    search_fields = ["product__title"]
    search_help_text = "Product id of the shop in full, or words of the title"
    ordering = ["run_id", "product_id"]
    list_display_links = ["shown_category"]
    fields = [("product_link", "shop", "run_link"), "shown_labels"]
    product_link = link_column("product")
    shown_category = _column("category")
    shown_tier = _column("price_tier")
    shown_season = _column("season")
    shown_class = _column("buyers_class")
    shown_novelty = _column("novelty")
    actions_list = ["search"]

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rows about the products of this id or with these words in the title."""
        return rows.filter(product_id__in=searching.products(term))

    @admin.display(description="labels")
    def shown_labels(self, row: ProductLabelRow) -> SafeString | str:
        return pretty(
            {
                label.title: row.values[label.key]
                for label in product_labels.DEFINITIONS
                if row.values.get(label.key) not in (None, [], {})
            }
        )

    @action(description=TITLE, url_path="wants", icon="travel_explore", permissions=["view"])  # type: ignore[untyped-decorator]
    def search(self, request: HttpRequest) -> HttpResponse:
        """From a product or labels to the people who would want it, and from a customer to goods."""
        if not request.user.has_perm("precision_shop.view_customer"):
            raise PermissionDenied
        form = WantsForm(request.GET or None)
        tables: list[Table] = []
        if form.is_valid():
            given = form.cleaned_data
            if given.get("found_customer"):
                tables.append(_goods_table(given["platform"], given["found_customer"].customer_id, given))
            else:
                tables.append(_people_table(given["platform"], given))
        return TemplateResponse(
            request,
            "precision_segments/portrait.html",
            {
                **self.admin_site.each_context(request),
                "title": TITLE,
                "form": form,
                "intro": "Name a product or labels to see who would want such goods; name a customer to see which "
                "goods suit them. Scored by how much more often than everyone they buy goods of each label.",
                "tables": tables,
            },
        )


def _people_table(platform: Platform, given: dict[str, Any]) -> Table:
    """Return who would want a product, or goods with labels."""
    product = given.get("found_product")
    run = product_labels.published(platform)
    labels = (product_labels.of_product(product, run) or {}) if product else given
    known = {name: labels[name] for name in affinity.WEIGHTS if labels.get(name)}
    without = wants.buyers(product) if product and not labels.get("repeatable") else frozenset()
    found = wants.audience(platform, known, most=SHOWN, without=without)
    people = Customer.objects.in_bulk([each["customer"] for each in found])
    shown = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in known.items())
    return Table(
        title=f"Who would want {product or 'such goods'}",
        note=f"{shown or 'No label is known.'}{' Without those who have it.' if without else ''}",
        headers=headers("customer", numbers=["score"], after=["why"]),
        rows=[
            [Cell(text=link(people.get(each["customer"]))), reports.number(each["score"], 2), _why(each)]
            for each in found
        ],
        empty="Nobody bought anything alike.",
    )


def _goods_table(platform: Platform, customer: int, given: dict[str, Any]) -> Table:
    """Return what suits a customer, among the goods with the labels given."""
    narrowed = {name: given[name] for name in ("category", "brand", "price_tier") if given.get(name)}
    found = wants.wanted(platform, customer, most=SHOWN, labels=narrowed)
    goods = Product.objects.in_bulk([each["product"] for each in found])
    return Table(
        title=f"What suits customer {given['customer']}",
        headers=headers("product", numbers=["score"], after=["why"]),
        rows=[
            [Cell(text=link(goods.get(each["product"]))), reports.number(each["score"], 2), _why(each)]
            for each in found
        ],
        empty="Nothing is known of what they buy.",
    )


def _why(match: dict[str, Any]) -> Cell:
    """Return the reasons that speak for a match, the strongest first."""
    return Cell(text="; ".join(each["text"] for each in match["reasons"] if each["evidence"] > 0) or NOTHING)


@panels.panel(panels.PRODUCT, "labels")
def labels_of_product(product: Product) -> SafeString | str:
    """Return the labels of a product from the run in force."""
    row = ProductLabelRow.objects.filter(product=product, run__publications__isnull=False).first()
    if row is None:
        return NOTHING
    return joined(
        f"{label.title}: {cells.value(label.key, row.values[label.key])}"
        for label in product_labels.DEFINITIONS
        if row.values.get(label.key) not in (None, [], {}) and label.key != product_labels.GIVEN
    )
