"""Staff pages of what staff decide about answers, and of why a list is as it is."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from precision.engine.display import NOTHING, figure
from precision.engine.staff import StaffAdmin
from precision.shop.admin.reports import Cell, Table, headers, number, words
from precision.shop.admin.titles import product_links
from precision.shop.models import Platform
from recommender.models import Control, ServingRule
from recommender.serving import tracing
from recommender.serving.customers import look
from recommender.serving.items import items
from recommender.serving.removals import TEXTS, Removal
from recommender.serving.tracing import Trace, Traced

TEMPLATE = "precision_segments/class_rule.html"
IN_LIST = 20
PROPOSALS = 3


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
        ("How", {"fields": [("rank", "weight"), "note"]}),
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
            context = traced(given["platform"], given["kind"], given["customer"])
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


class TraceForm(forms.Form):
    """Whose list, and which."""

    platform = forms.ModelChoiceField(
        Platform.objects.all(), label="Shop", widget=UnfoldAdminSelectWidget, empty_label=None
    )
    kind = forms.ChoiceField(
        label="List", choices=[(kind, kind) for kind in tracing.KINDS], widget=UnfoldAdminSelectWidget
    )
    customer = forms.CharField(label="Customer id", max_length=200, widget=UnfoldAdminTextInputWidget)


def traced(platform: Platform, kind: str, customer: str) -> dict[str, Any]:
    """Return the tables of a trace and what has to be said."""
    found = look(platform, customer=customer)
    if not found.customer_known:
        return {"tables": [], "notices": [f"{platform} has no customer “{customer}”."]}
    trace = tracing.trace(platform, found.person, found.state, kind=kind, count=IN_LIST)
    numbers = {one.product for one in trace.candidates}
    numbers |= {
        anchor for one in trace.candidates for p in one.proposals if (anchor := p.candidate.anchor) is not None
    }  # fmt: skip
    links = product_links(numbers)
    person = trace.person
    notices = [
        f"Class {person.letter}; {len(person.bought):,} products bought; "
        f"{len(person.seen):,} seen in the last days{', a visit is on' if person.live else ''}."
    ]
    if trace.choices:
        notices.append(f"Decisions of staff that hold here: {len(trace.choices):,}.")
    return {"tables": [shown(trace, links), removed(trace, links)], "notices": notices}


def shown(trace: Trace, links: Mapping[int, Any]) -> Table:
    """Return the list with the reason of each item and all that proposed it."""
    by_rank = {one.rank: one for one in trace.candidates}
    reasons = {item["rank"]: item["reason"]["text"] for item in items(trace.selection, trace.picks)}
    return Table(
        title="The list",
        headers=headers("rank", "product", "why, for the shopper", "proposed by", numbers=("boost",)),
        rows=[
            [
                number(rank), Cell(text=links.get(by_rank[rank].product, NOTHING)), words(reasons[rank]),
                Cell(text=_proposals(by_rank[rank], links)), number(by_rank[rank].weight, 2),
            ]
            for rank in sorted(reasons)
        ],
        empty="The shop sells nothing that may be shown.",
    )  # fmt: skip


def removed(trace: Trace, links: Mapping[int, Any]) -> Table:
    """Return the candidates that are not in the list, with what kept each out."""
    rows = [one for one in trace.candidates if one.rank is None]
    rows.sort(key=lambda one: (one.removal == Removal.RANK, one.proposals[0].place))
    return Table(
        title="Not in the list",
        headers=headers("product", "what kept it out", "proposed by", numbers=("boost",)),
        rows=[
            [
                Cell(text=links.get(one.product, NOTHING)),
                words(TEXTS[one.removal] if one.removal else NOTHING),
                Cell(text=_proposals(one, links)),
                number(one.weight, 2),
            ]
            for one in rows
        ],
        empty="Every candidate is in the list.",
    )


def _proposals(one: Traced, links: Mapping[int, Any]) -> SafeString | str:
    """Return who proposed a product, at which place, with which score and why."""
    lines = []
    for proposal in one.proposals[:PROPOSALS]:
        candidate = proposal.candidate
        score = "" if candidate.score is None else f", score {figure(candidate.score)}"
        text = f"{proposal.place}: {candidate.source.value} {candidate.method}{score}"
        anchor = candidate.anchor
        behind = links.get(anchor) if anchor is not None and anchor != one.product else None
        lines.append(format_html("{}, because of {}", text, behind) if behind else format_html("{}", text))
    return format_html_join(SafeString("<br>"), "{}", ((line,) for line in lines)) or NOTHING
