"""What the pages of results share: rows about products, ranked items."""

from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from precision.engine.display import figure, table
from precision.engine.staff import IndexedSearch, link_column
from precision.shop.admin import searching
from precision.shop.admin.titles import ON_PAGES, TitledAdmin


class ProductResultAdmin(IndexedSearch, TitledAdmin):
    """Rows of a run about one product each."""

    list_select_related = ["run", "product"]
    search_fields = ["product__title"]
    search_help_text = "Product id of the shop in full, or words of the title"
    ordering = ["run_id", "product_id"]
    product_link = link_column("product")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rows about the products of this id or with these words in the title."""
        return rows.filter(product_id__in=searching.products(term))


def ranking(row: Any) -> SafeString | str:
    """Return the items of a list with their scores, best first."""
    lines = list(zip(row.items, row.scores, strict=True))[:ON_PAGES]
    return table(
        ["rank", "product", "score"],
        [(rank, row.product_links[item], figure(score)) for rank, (item, score) in enumerate(lines, start=1)],
    )
