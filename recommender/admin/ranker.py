"""Staff pages of learned rankers: what the gate said, what was tried, what the trees look at."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from precision.engine.display import figure, share, table
from precision.engine.staff import ResultAdmin
from recommender.models import LearnedRanker

COUNTED = {"new": "new to the customer", "all": "all purchases"}
NOT_MODELS = ("customers", "promoted", "reason")


@admin.register(LearnedRanker)
class LearnedRankerAdmin(ResultAdmin):
    list_display = ["computed_as_of", "shop", "used", "reason", "run_link"]
    list_display_links = ["computed_as_of"]
    list_select_related = ["run"]
    ordering = ["-run_id"]
    fieldsets = [
        (None, {"fields": [("shop", "run_link"), ("computed_as_of", "used", "shown_share"), "reason"]}),
        ("On days that none had seen", {"fields": ["recalls"]}),
        ("What was tried on the days before", {"fields": ["trials"]}),
        ("What the trees look at", {"fields": ["importance"]}),
    ]

    def get_queryset(self, request: Any) -> Any:
        """Return the rows without the trees, which are long."""
        return super().get_queryset(request).defer("state")

    @admin.display(description="lift of new items (log odds)")
    def shown_share(self, row: LearnedRanker) -> str:
        return figure(row.share, 2)

    @admin.display(description="recall@20")
    def recalls(self, row: LearnedRanker) -> SafeString | str:
        lines = [
            (COUNTED[which], name, figure(value, 4))
            for which in COUNTED
            for name, value in row.report.get(which, {}).items()
            if name not in NOT_MODELS and value is not None
        ]
        return table(["counted", "model", "recall"], lines)

    @admin.display(description="settings")
    def trials(self, row: LearnedRanker) -> SafeString | str:
        names = ["kind", "objective", "trees", "leaves", "learning_rate", "recall"]
        return table(
            [name.replace("_", " ") for name in names],
            [[each.get(name) for name in names] for each in row.report.get("trials", [])],
        )

    @admin.display(description="share of the gain")
    def importance(self, row: LearnedRanker) -> SafeString | str:
        return table(
            ["items", "feature", "share"],
            [
                (kind, name, share(value))
                for kind, features in row.report.get("importance", {}).items()
                for name, value in features.items()
            ],
        )
