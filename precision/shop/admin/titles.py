"""Titles for the bare product ids that results keep in arrays: one query for all rows of a page."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, link
from precision.engine.staff import ResultAdmin
from precision.shop.models import Product

IN_LISTS = 5
"""Products of an array that a list shows."""
ON_PAGES = 100
"""Products of an array that the page of one row shows."""


def product_links(ids: Iterable[int | None]) -> Mapping[int, SafeString | str]:
    """Return a link with the title for each product. One query; products that are gone say so."""
    wanted = {number for number in ids if number is not None}
    found = Product.objects.only("id", "title", "external_id").in_bulk(wanted) if wanted else {}
    return {
        number: link(found[number], found[number].title or found[number].external_id)
        if number in found
        else f"product {number} (gone)"
        for number in wanted
    }


class TitledAdmin(ResultAdmin):
    """Results with product ids in arrays; columns write their titles with `titles`."""

    product_arrays: Sequence[str] = ("items",)

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach the links of the products that the rows show."""
        most = ON_PAGES if len(rows) == 1 else IN_LISTS
        shown = [
            number for row in rows for name in self.product_arrays for number in getattr(row, name)[:most]
        ]
        links = product_links(shown)
        for row in rows:
            row.product_links = links

    def titles(self, row: Any, name: str, separator: str = " · ") -> SafeString | str:
        """Return the first products of an array of the row, as links, and how many more there are."""
        ids = getattr(row, name)
        text = format_html_join(separator, "{}", ((row.product_links[number],) for number in ids[:IN_LISTS]))
        rest = f" +{len(ids) - IN_LISTS:,}" if len(ids) > IN_LISTS else ""
        return (
            format_html_join("", '<span class="precision-wrap">{}{}</span>', [(text, rest)])
            if ids
            else NOTHING
        )
