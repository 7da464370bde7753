"""Staff pages of results about customers share this."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from precision.engine.staff import (
    IndexedSearch,
    ResultAdmin,
    link_column,
)
from precision.shop.admin import searching


class CustomerResultAdmin(IndexedSearch, ResultAdmin):
    """Rows of a run about customers."""

    list_select_related: Sequence[str] = ("run", "customer")
    search_fields = ["customer__identities__value"]
    search_help_text = "Customer id of the shop, or our number, in full"
    ordering = ["run_id", "customer_id"]
    customer_link = link_column("customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the rows about the customers with this identity or number."""
        return rows.filter(customer_id__in=searching.customer_ids(term))
