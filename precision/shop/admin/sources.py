"""Staff pages of sources: where facts come from, under which licence, and on which basis."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.decorators import display as labelled

from precision.engine.staff import StaffAdmin
from precision.shop import sources
from precision.shop.models import Source


@admin.register(Source)
class SourceAdmin(StaffAdmin):
    list_display = ["__str__", "key", "platform", "kind", "licence", "basis", "accounted", "created_at"]
    list_filter = ["platform", "kind"]
    list_select_related = ["platform"]
    search_fields = ["key", "name", "licence"]
    ordering = ["platform_id", "key"]
    autocomplete_fields = ["platform"]
    fieldsets = [
        (None, {"fields": [("platform", "key", "kind"), "name"]}),
        (
            "Use of the data",
            {
                "fields": ["licence", "basis"],
                "description": "A source that does not say both is flagged on the page of data quality.",
            },
        ),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return what is fixed once facts may point to it: intake finds a source by shop and key."""
        return ["platform", "key", "kind"] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """False: facts and counts point to it."""
        return False

    @labelled(  # type: ignore[untyped-decorator]
        description="accounted for", label={"yes": "success", "no": "danger"}
    )
    def accounted(self, source: Source) -> tuple[str, str]:
        missing = sources.unaccounted(source)
        return ("no", f"no {' and no '.join(missing)}") if missing else ("yes", "yes")
