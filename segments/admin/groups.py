"""Staff pages of segments: their list, the form with its live count, and what is told of one."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, joined, link
from precision.engine.models import Publication
from precision.engine.staff import StaffAdmin, go_to
from precision.shop import scopes
from precision.shop.admin import panels
from precision.shop.models import Customer
from segments import conditions, definitions, following, lists, masking, visibility
from segments.admin import segment_overlap, segment_preview
from segments.admin.segment_forms import SegmentForm
from segments.admin.segment_page import Story
from segments.masking import Sight
from segments.models import Segment, SegmentMember

NOBODY_SEES = Sight(sensitive=False, personal=False)
"""What panels show: they do not know who looks."""
TOLD = ("size", "since", "pace", "uses", "used_by", "pages", "entries", "exits")


def told(part: str, description: str) -> Callable[[Any, Any], SafeString | str]:
    """Return a field of the page that tells one part of the story of a segment."""

    @admin.display(description=description)
    def shown(page: Any, segment: Any) -> SafeString | str:
        return getattr(segment.story, part)  # type: ignore[no-any-return]

    return shown


@admin.register(Segment)
class SegmentAdmin(StaffAdmin):
    form = SegmentForm
    list_display = ["name", "key", "shop", "found_size", "shown_condition", "builtin", "updated_at"]
    list_filter = ["platform", "organisation", "static", "builtin"]
    list_select_related = ["platform", "organisation"]
    search_fields = ["key", "name"]
    ordering = ["platform", "key"]
    prepopulated_fields = {"key": ["name"]}
    size = told("size", "customers")
    since = told("since", "since")
    pages = told("pages", "see also")
    pace = told("pace", "takes effect")
    uses = told("uses", "names the segments")
    used_by = told("used_by", "named by the segments")
    entries = told("entries", "entered last")
    exits = told("exits", "left last")

    class Media:
        css = {"all": ["precision_segments/live_count.css"]}
        js = ["precision_segments/live_count.js"]

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with those of the live count and the overlap before the others."""
        view, name = self.admin_site.admin_view, "precision_segments_segment"
        return [
            path("count/", view(segment_preview.count), name=f"{name}_preview"),
            path("overlap/", view(self.overlap), name=f"{name}_overlap"),
            *super().get_urls(),
        ]

    def overlap(self, request: HttpRequest) -> HttpResponse:
        """Show how segments overlap."""
        return segment_overlap.page(self.admin_site, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        """Return the segments with whose they are: a page of one needs that as a list does."""
        rows: QuerySet[Segment] = super().get_queryset(request)
        return rows.select_related(*self.list_select_related)

    def get_form(self, request: HttpRequest, obj: Segment | None = None, **kwargs: Any) -> Any:
        """Return the form, which knows what this person may see."""
        form = super().get_form(request, obj, **kwargs)
        form.sight = masking.of_user(request.user)
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the page; what is told of a segment learns who looks at it."""
        named: list[Any] = [("name", "key"), "description"]
        if obj is None:
            return [
                (None, {"fields": ["scope", *named, "static", "condition"]}),
                ("Members of a list", {"fields": ["listed_at", "listed"]}),
            ]
        if not hasattr(obj, "story"):
            obj.story = Story(obj, obj.run, masking.of_user(request.user))
        changeable = self.has_change_permission(request, obj)
        said = ["shop", *named] if obj.static else ["shop", *named, "condition"]
        parts: list[Any] = [(None, {"fields": said})]
        if obj.static and changeable:
            parts.append(("Members of the list", {"fields": ["listed_at", "listed", "unlisted"]}))
        return [
            *parts,
            ("Now", {"fields": [("size", "since"), "pages", "pace", ("uses", "used_by")]}),
            ("History", {"fields": [("entries", "exits"), ("builtin", "created_at", "updated_at")]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        """Return what cannot be changed: also shop and key of a segment, by which others ask for it."""
        if obj is None:
            return []
        return ["shop", "key", *TOLD, "builtin", "created_at", "updated_at"]

    def get_prepopulated_fields(self, request: HttpRequest, obj: Segment | None = None) -> dict[str, Any]:
        return {} if obj else self.prepopulated_fields

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        """Save the segment, and what its list names; ids that the shop does not know are said."""
        super().save_model(request, obj, form, change)
        scope = scopes.read(obj.scope)
        for field, act in (("listed", lists.add), ("unlisted", lists.remove)):
            ids = form.cleaned_data.get(field)
            if not ids:
                continue
            shop = form.cleaned_data["listed_at"]
            done = act(obj, shop, ids)
            following.list_changed(scope, obj.key, done.changed)
            word = "came onto" if field == "listed" else "left"
            messages.info(
                request, f"{len(done.changed):,} customers {word} the list; {done.same:,} changed nothing."
            )
            if done.unknown:
                messages.warning(
                    request, f"{shop.key} knows no customer {shortened(done.unknown)}: left out."
                )

    def has_delete_permission(self, request: HttpRequest, obj: Segment | None = None) -> bool:
        """Whether it may go: a built-in one would come back the next night."""
        return super().has_delete_permission(request, obj) and not (obj and obj.builtin)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Ask, and delete; a segment that others name stays, and the page says who they are."""
        found: Any = self.get_object(request, object_id)
        try:
            if found is not None and self.has_delete_permission(request, found):
                named = definitions.users_of(found, scopes.read(found.scope))
                if named:
                    raise definitions.UsedError(found.key, named)
            with transaction.atomic():
                return super().delete_view(request, object_id, extra_context)  # type: ignore[no-any-return]
        except definitions.UsedError as error:
            messages.error(request, str(error))
            return go_to(request, self.page_of(found))

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:
        """Delete it with its history; UsedError where another was saved meanwhile that names it."""
        definitions.delete(obj, scopes.read(obj.scope))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> None:
        """Delete the chosen ones, those that name others first."""
        with transaction.atomic():
            waiting = list(queryset)
            while waiting:
                left = []
                for segment in waiting:
                    try:
                        definitions.delete(segment, scopes.read(segment.scope))
                    except definitions.UsedError as error:
                        left.append((segment, error))
                if len(left) == len(waiting):  # saved since the page asked
                    raise PermissionDenied(str(left[0][1]))
                waiting = [segment for segment, _ in left]

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name the segments only: their members go too, and listing those would load them all."""
        kept = [str(each) for each in objs if each.builtin]
        chosen = {(each.scope, each.key) for each in objs}
        for key in sorted({each.scope for each in objs}):
            scope = scopes.read(key)
            known = definitions.read(scope)
            for each in (one for one in objs if one.scope == key):
                users = conditions.users(each.key, known.conditions)
                others = [name for name in users if (key, name) not in chosen]
                if others:
                    kept.append(f"{each}: named by {', '.join(others)}")
        return [f"{each} and its members" for each in objs], {"segments": len(objs)}, set(), kept

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach the size that the run in force found, one query; null where it did not see the condition."""
        wanted = {row.scope for row in rows}
        pointers = Publication.objects.filter(job="segments", scope__in=wanted).select_related("run")
        runs = {pointer.scope: pointer.run for pointer in pointers}
        for row in rows:
            run = runs.get(row.scope)
            seen = run is not None and (row.static or run.started_at >= row.updated_at)
            row.run = run
            row.found = run.measures.get("sizes", {}).get(row.key) if run and seen else None

    @admin.display(description="shop", ordering="platform")
    def shop(self, segment: Segment) -> str:
        return segment.scope if segment.platform_id else f"all shops of {segment.scope.partition(':')[2]}"

    @admin.display(description="customers at night")
    def found_size(self, segment: Any) -> str:
        return "not computed yet" if segment.found is None else f"{segment.found:,}"

    @admin.display(description="condition")
    def shown_condition(self, segment: Segment) -> SafeString | str:
        if segment.static:
            return "a list"
        text = json.dumps(segment.condition, ensure_ascii=False)
        return format_html('<code title="{}">{}</code>', text, text if len(text) <= 80 else f"{text[:79]}…")


def shortened(names: Sequence[str], most: int = 20) -> str:
    """Return names in a line, the first ones of many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


@panels.panel(panels.CUSTOMER, "segments")
def customer_segments(customer: Customer) -> SafeString | str:
    """Return the segments that the customer is in, from the runs in force; none by labels with a mask."""
    found = SegmentMember.objects.filter(customer=customer, run__publications__isnull=False)
    shown = found.exclude(segment_id__in=visibility.hidden_segments(NOBODY_SEES))
    return (
        joined(link(one.segment) for one in shown.select_related("segment").order_by("segment_id")) or NOTHING
    )
