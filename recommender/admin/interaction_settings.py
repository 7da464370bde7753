"""Staff page of what each kind of event says."""

from django.contrib import admin

from precision.engine.staff import StaffAdmin
from recommender.models import InteractionSettings


@admin.register(InteractionSettings)
class InteractionSettingsAdmin(StaffAdmin):
    list_display = ["platform", "purchase", "cart", "wishlist", "view", "removal", "shown_half_life"]
    list_select_related = ["platform"]
    search_fields = ["platform__key", "platform__name"]
    ordering = ["platform"]
    autocomplete_fields = ["platform"]
    fieldsets = [
        (None, {"fields": ["platform"]}),
        (
            "What a day with an event says",
            {
                "fields": ["purchase", "cart", "wishlist", "view", "removal"],
                "description": "What customers do shows what they may like: similar products, lists for each customer. "
                "Only the weights' size beside each other counts. Returned goods and cancelled orders never count, and "
                "lists of best-sellers count buyers only. A change takes effect with the next nightly run.",
            },
        ),
        ("How fast it fades", {"fields": ["half_life_days"]}),
    ]

    @admin.display(description="half-life", ordering="half_life_days")
    def shown_half_life(self, row: InteractionSettings) -> str:
        return "each method's own" if row.half_life_days is None else f"{row.half_life_days:g} days"
