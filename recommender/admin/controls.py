"""Staff pages of what staff decide about answers, and of why a list is as it is."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone

from precision.engine.display import NOTHING
from precision.engine.staff import StaffAdmin
from recommender.admin.trace_page import TraceForm, traced
from recommender.models import Control, ServingRule

TEMPLATE = "precision_segments/class_rule.html"


@admin.register(Control)
class ControlAdmin(StaffAdmin):
    list_display = [
        "kind",
        "about",
        "platform",
        "shown_place",
        "letter",
        "effect",
        "starts_at",
        "ends_at",
        "is_on",
    ]
    list_display_links = ["kind", "about"]
    list_filter = ["platform", "kind", "active", "letter"]
    list_select_related = ["platform", "product", "category"]
    search_fields = ["brand", "place", "note"]
    search_help_text = "Product id of the shop in full, a brand, a place, or words of the note"
    ordering = ["platform", "kind", "-id"]
    autocomplete_fields = ["platform", "product", "category"]
    fieldsets = [
        (None, {"fields": ["platform", "kind", "active"]}),
        ("What it is about: one of these", {"fields": ["product", "category", "brand"]}),
        ("Where, for whom, when", {"fields": ["place", "letter", "starts_at", "ends_at"]}),
        ("How", {"fields": ["rank", "weight", "note"]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the trace before the others."""
        view = self.admin_site.admin_view(self.trace)
        return [path("trace/", view, name="precision_recommender_control_trace"), *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows whose words or product are named."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(brand__icontains=term) | Q(place__icontains=term) | Q(note__icontains=term)
        return queryset.filter(wanted | Q(product__external_id=term)), False

    @admin.display(description="what")
    def about(self, row: Control) -> str:
        return f"brand {row.brand}" if row.brand else str(row.product or row.category or NOTHING)

    @admin.display(description="place", ordering="place")
    def shown_place(self, row: Control) -> str:
        return row.place or "everywhere"

    @admin.display(description="effect")
    def effect(self, row: Control) -> str:
        if row.kind == Control.Kind.PIN:
            return f"rank {row.rank}"
        return f"× {row.weight:g}" if row.kind == Control.Kind.BOOST else "never shown"

    @admin.display(description="holds now", boolean=True)
    def is_on(self, row: Control) -> bool:
        now = timezone.now()
        begun = row.starts_at is None or row.starts_at <= now
        return row.active and begun and (row.ends_at is None or now < row.ends_at)

    def trace(self, request: HttpRequest) -> HttpResponse:
        """Show why a customer gets a list: what was proposed, by whom, and what became of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TraceForm(request.GET or None)
        context: dict[str, Any] = {"tables": [], "notices": []}
        if form.is_valid():
            given = form.cleaned_data
            context = traced(
                given["platform"],
                given["kind"],
                given["customer"],
                about=given["products"],
                named=given["explain"],
            )
        return TemplateResponse(
            request,
            TEMPLATE,
            {
                **self.admin_site.each_context(request),
                "title": "Why this list",
                "choice": form,
                "intro": "The list as the customer would get it now, every candidate that led to it, and the "
                "constraint that removed each of the others. Nothing is logged, and nothing tried out.",
                **context,
            },
        )


@admin.register(ServingRule)
class ServingRuleAdmin(StaffAdmin):
    list_display = ["platform", "most_per_category", "shown_exploration"]
    list_select_related = ["platform"]
    search_fields = ["platform__key", "platform__name"]
    ordering = ["platform"]
    fieldsets = [(None, {"fields": ["platform", "most_per_category", "exploration"]})]

    @admin.display(description="share of trials", ordering="exploration")
    def shown_exploration(self, row: ServingRule) -> str:
        return f"{row.exploration:.1%}"
