"""Staff pages of segments and their members."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.forms import ModelForm, ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, joined, link, list_link
from precision.engine.models import Publication
from precision.engine.staff import (
    StaffAdmin,
    link_column,
)
from precision.shop.admin import panels
from precision.shop.models import Customer
from segments import builtin, conditions
from segments.admin.results import CustomerResultAdmin
from segments.models import Segment, SegmentMember

EXAMPLE = {"label": "recency_days", "op": "<", "value": 30}
CONDITION_HELP = (
    'Terms like {{"label": "recency_days", "op": "<", "value": 30}}, put together by {{"all": […]}}, '
    '{{"any": […]}} and {{"not": …}}. Comparisons: {}. Labels: {}.'
)


class SegmentForm(ModelForm):  # type: ignore[type-arg]
    """A segment whose condition the nightly job will understand."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "condition" in self.fields:
            self.fields["condition"].initial = EXAMPLE
            self.fields["condition"].help_text = format_html(
                CONDITION_HELP, ", ".join(conditions.OPS), ", ".join(sorted(builtin.LABELS))
            )

    def clean_condition(self) -> dict[str, Any]:
        """Return the condition in its normal form; an error names the place in its tree."""
        try:
            condition = conditions.parse(self.cleaned_data["condition"], labels=builtin.LABELS, events=())
        except conditions.ConditionError as error:
            raise ValidationError(f"At {error.path or 'the top'}: {error.message}") from error
        return conditions.as_data(condition)


@admin.register(Segment)
class SegmentAdmin(StaffAdmin):
    form = SegmentForm
    list_display = ["name", "key", "platform", "size", "shown_condition", "builtin", "updated_at"]
    list_filter = ["platform", "builtin"]
    list_select_related = ["platform"]
    search_fields = ["key", "name"]
    ordering = ["platform", "key"]
    fieldsets = [
        (None, {"fields": ["platform", ("name", "key"), "description", "condition"]}),
        ("Members", {"fields": [("size", "members"), "builtin", ("created_at", "updated_at")]}),
    ]
    add_fieldsets = fieldsets[:1]
    prepopulated_fields = {"key": ["name"]}

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        """Return what cannot be changed: also shop and key of a segment, by which others ask for it."""
        return [
            "size",
            "members",
            "builtin",
            "created_at",
            "updated_at",
            *(["platform", "key"] if obj else []),
        ]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Segment | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def has_delete_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        """Whether it may go: a built-in one would come back the next night."""
        return super().has_delete_permission(request, obj) and not (obj and obj.builtin)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name the segments only: their members go too, and listing those would load them all."""
        kept = [str(each) for each in objs if each.builtin]
        return [f"{each} and its members" for each in objs], {"segments": len(objs)}, set(), kept

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach the size that the run in force found, one query; null where it did not see the condition."""
        scopes = {row.platform.key for row in rows}
        pointers = Publication.objects.filter(job="segments", scope__in=scopes).select_related("run")
        runs = {pointer.scope: pointer.run for pointer in pointers}
        for row in rows:
            run = runs.get(row.platform.key)
            seen = run is not None and run.started_at >= row.updated_at
            row.run = run
            row.found = run.measures.get("sizes", {}).get(row.key) if run and seen else None

    @admin.display(description="customers")
    def size(self, segment: Any) -> str:
        return "not computed yet" if segment.found is None else f"{segment.found:,}"

    @admin.display(description="condition")
    def shown_condition(self, segment: Segment) -> SafeString:
        text = json.dumps(segment.condition, ensure_ascii=False)
        return format_html('<code title="{}">{}</code>', text, text if len(text) <= 80 else f"{text[:79]}…")

    @admin.display(description="see also")
    def members(self, segment: Segment) -> SafeString | str:
        return list_link(SegmentMember, "members", segment__id__exact=segment.pk)


@admin.register(SegmentMember)
class SegmentMemberAdmin(CustomerResultAdmin):
    list_display = ["customer_link", "segment_link", "shop", "run_link"]
    list_display_links = None  # a row says it all
    list_select_related = ("run", "customer", "segment")
    ordering = ["run_id", "segment_id", "customer_id"]
    fields = ["customer_link", "segment_link", "shop", "run_link"]
    segment_link = link_column("segment")


@panels.panel(panels.CUSTOMER, "segments")
def customer_segments(customer: Customer) -> SafeString | str:
    """Return the segments that the customer is in, from the runs in force."""
    found = SegmentMember.objects.filter(customer=customer, run__publications__isnull=False)
    return (
        joined(link(one.segment) for one in found.select_related("segment").order_by("segment_id")) or NOTHING
    )
