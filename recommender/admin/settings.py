"""Staff pages of what staff set."""

from django.contrib import admin

from precision.engine.staff import StaffAdmin
from recommender.models import RuleSettings


@admin.register(RuleSettings)
class RuleSettingsAdmin(StaffAdmin):
    list_display = [
        "platform",
        "min_count",
        "min_support",
        "min_confidence",
        "min_lift",
        "max_length",
        "window_days",
    ]
    list_select_related = ["platform"]
    search_fields = ["platform__key", "platform__name"]
    fieldsets = [
        (None, {"fields": ["platform"]}),
        ("Thresholds", {"fields": ["min_count", "min_support", "min_confidence", "min_lift"]}),
        ("What is counted", {"fields": ["window_days", "max_basket_items", "max_length"]}),
    ]
