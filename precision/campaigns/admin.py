"""Staff pages of the places where products are shown."""

from django.contrib import admin
from django.http import HttpRequest

from precision.campaigns.models import Slot
from precision.engine.staff import StaffAdmin


@admin.register(Slot)
class SlotAdmin(StaffAdmin):
    list_display = ["__str__", "platform", "title", "strategy", "size", "position", "active"]
    list_filter = ["platform", "page", "strategy", "active"]
    list_select_related = ["platform"]
    search_fields = ["page", "key", "title"]
    ordering = ["platform", "page", "position"]
    fieldsets = [
        (None, {"fields": ["platform", ("page", "key"), "title"]}),
        ("What fills it", {"fields": ["strategy", ("size", "position"), "active"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Slot | None = None) -> list[str]:
        """Return what cannot be changed: shops ask for an existing slot by its name."""
        return ["platform", "page", "key"] if obj else []
