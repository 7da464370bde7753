"""Staff pages of joins: evidence and proposals, the ledger, and how far shops know the same people."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from unfold.decorators import display as labelled
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from precision.engine.display import NOTHING, link, share, table
from precision.engine.staff import IndexedSearch, LargeAdmin, ReadOnlyAdmin, go_to, pretty_column
from precision.shop import identities, islands, stitching
from precision.shop.admin import searching
from precision.shop.methods.people import Held
from precision.shop.models import Identity, IdentityLink, IslandReport, Join, Platform
from precision.shop.records import IDENTITY_KINDS
from precision.shop.stitching import Decided, DecisionError, Preview

MOST_DECISIONS = 200
"""Links that one action decides on; each is a change of its own."""
SHOWN = 100
"""Names of a person that a page shows."""
WHY = {
    Held.PROPOSES.value: "a name or an address alone joins nobody",
    Held.UNVERIFIED.value: "nobody vouched for it: a browser may claim any address",
    Held.SHARED.value: "too many accounts go by this name: a shared device or address",
    Held.LIMIT.value: "one person would have two accounts of one shop",
    Held.BOTH_KNOWN.value: "an unverified word between two people who are both known",
}


def kept(row: Any, make: Callable[[], SafeString | str]) -> SafeString | str:
    """Return what was made for a row at the first call: a page asks for each of its values several times."""
    if not hasattr(row, "kept_value"):
        row.kept_value = make()
    value: SafeString | str = row.kept_value
    return value


def name_of(one: Identity) -> SafeString | str:
    """Return an identity as a link, personal values masked."""
    return link(one, f"{one.platform.key} · {one.get_kind_display()} · {identities.shown(one)}")


def parts_of(found: Preview) -> SafeString | str:
    """Return the names of the person that would be, with what would stand together."""
    names = Identity.objects.select_related("platform").in_bulk(
        [part.identity for part in found.parts[:SHOWN]]
    )
    rows: list[Sequence[object]] = [
        (name_of(names[part.identity]), f"customer {part.customer}", f"{part.orders:,}", f"{part.events:,}")
        for part in found.parts[:SHOWN]
        if part.identity in names
    ]
    total = (
        f"{len(found.parts)} names, {len(found.customers)} customers",
        "",
        f"{found.orders:,}",
        f"{found.events:,}",
    )
    return table(["name", "now", "orders", "events"], [*rows, total])


@admin.register(IdentityLink)
class IdentityLinkAdmin(IndexedSearch, LargeAdmin):
    list_display = ["id", "first_name", "second_name", "origin", "verified", "state", "why", "at"]
    list_filter = ["status", "held", "organisation"]
    list_select_related = ["first__platform", "second__platform"]
    search_fields = ["first__value"]
    search_help_text = "Customer id, anonymous id, e-mail address, phone number (+49…) or card, in full"
    ordering = ["-id"]
    fieldsets = [
        (None, {"fields": [("first_name", "second_name"), ("state", "why"), ("origin", "verified"), "at"]}),
        ("Decision", {"fields": [("decided_by", "decided_at"), "shown_evidence"]}),
        ("If they are one person", {"fields": ["preview"]}),
    ]
    readonly_fields = ["first_name", "second_name", "state", "why", "shown_evidence", "preview"]
    actions = ["accept", "refuse", "undo"]
    shown_evidence = pretty_column("evidence")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether this person may join two people by hand."""
        return bool(request.user.has_perm("precision_shop.add_identitylink"))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether this person may decide on joins."""
        return bool(request.user.has_perm("precision_shop.change_identitylink"))

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the links of the identities of this value."""
        found = searching.identity_ids(term)
        return rows.filter(Q(first__in=found) | Q(second__in=found))

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Ask for two names, show who would be one person, and join them on the second yes."""
        if not self.has_add_permission(request):
            return super().add_view(request, form_url, extra_context)  # type: ignore[no-any-return]
        form = MergeForm(request.POST or None)
        preview: SafeString | str = ""
        if form.is_valid():
            first, second = form.cleaned_data["first"], form.cleaned_data["second"]
            try:
                if "join" in request.POST:
                    reason = form.cleaned_data["reason"]
                    done = stitching.merge(first.pk, second.pk, by=request.user.pk, reason=reason)
                    self.log_addition(request, done.link, f"Joined: {reason}")
                    messages.success(request, f"Joined; {done.moved} names moved.")
                    return go_to(request, self.page_of(done.link))
                preview = parts_of(stitching.preview(first.pk, second.pk))
            except DecisionError as error:
                form.add_error(None, str(error))
        return TemplateResponse(
            request,
            "precision_shop/merge.html",
            {
                **self.admin_site.each_context(request),
                "title": "Join two people",
                "form": form,
                "preview": preview,
            },
        )

    @admin.display(description="name")
    def first_name(self, row: IdentityLink) -> SafeString | str:
        return name_of(row.first)

    @admin.display(description="the same person as")
    def second_name(self, row: IdentityLink) -> SafeString | str:
        return name_of(row.second)

    @labelled(  # type: ignore[untyped-decorator]
        description="status",
        label={
            IdentityLink.Status.ACTIVE: "success",
            IdentityLink.Status.PROPOSED: "info",
            IdentityLink.Status.REFUSED: "danger",
            IdentityLink.Status.UNDONE: "warning",
        },
    )
    def state(self, row: IdentityLink) -> tuple[str, str]:
        return row.status, row.get_status_display()

    @admin.display(description="joins nobody because")
    def why(self, row: IdentityLink) -> str:
        return WHY.get(row.held, row.held) or NOTHING

    @admin.display(description="who would be one person")
    def preview(self, row: IdentityLink) -> SafeString | str:
        return kept(row, lambda: parts_of(stitching.preview(row.first_id, row.second_id)))

    @admin.action(description="Accept: they are one person", permissions=["decide"])
    def accept(self, request: HttpRequest, queryset: QuerySet[IdentityLink]) -> None:
        self._decide(request, queryset, stitching.accept, "accepted")

    @admin.action(description="Refuse: they are two people", permissions=["decide"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[IdentityLink]) -> None:
        self._decide(request, queryset, stitching.refuse, "refused")

    @admin.action(description="Undo: take the link back", permissions=["decide"])
    def undo(self, request: HttpRequest, queryset: QuerySet[IdentityLink]) -> None:
        self._decide(request, queryset, stitching.undo, "undone")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[IdentityLink],
        decide: Callable[..., Decided],
        word: str,
    ) -> None:
        chosen = list(queryset.order_by("pk")[: MOST_DECISIONS + 1])
        if len(chosen) > MOST_DECISIONS:
            messages.error(request, f"Choose at most {MOST_DECISIONS} links at a time; nothing was {word}.")
            return
        moved = 0
        for each in chosen:
            try:
                done = decide(each.pk, by=request.user.pk)
            except DecisionError as error:
                messages.warning(request, str(error))
                continue
            moved += done.moved
            self.log_change(request, each, f"{word.capitalize()}.")
        messages.success(request, f"{word.capitalize()}; {moved} names moved.")


class MergeForm(forms.Form):
    """Two names, as the shops know them."""

    KIND = [(kind, Identity.Kind(kind).label) for kind in IDENTITY_KINDS]

    first_shop = forms.ModelChoiceField(Platform.objects.all(), widget=UnfoldAdminSelectWidget)
    first_kind = forms.ChoiceField(choices=KIND, widget=UnfoldAdminSelectWidget)
    first_value = forms.CharField(max_length=320, widget=UnfoldAdminTextInputWidget)
    second_shop = forms.ModelChoiceField(Platform.objects.all(), widget=UnfoldAdminSelectWidget)
    second_kind = forms.ChoiceField(choices=KIND, widget=UnfoldAdminSelectWidget)
    second_value = forms.CharField(max_length=320, widget=UnfoldAdminTextInputWidget)
    reason = forms.CharField(max_length=300, required=False, widget=UnfoldAdminTextInputWidget)

    def clean(self) -> dict[str, Any]:
        """Return the values with the identities `first` and `second`; refuse names that nobody has."""
        data = super().clean() or {}
        for end in ("first", "second"):
            shop, kind, value = (data.get(f"{end}_{part}") for part in ("shop", "kind", "value"))
            if shop is None or not kind or not value:
                continue
            number = identities.find(shop, [(kind, value)]).get((kind, value))
            if number is None:
                self.add_error(f"{end}_value", f"{shop} knows nobody by this name.")
            else:
                data[end] = Identity.objects.get(pk=number)
        return data


@admin.register(Join)
class JoinAdmin(LargeAdmin):
    list_display = ["id", "at", "action", "organisation", "names", "evidence", "by", "reason"]
    list_filter = ["action", "organisation"]
    list_select_related = ["organisation", "link", "by"]
    ordering = ["-id"]
    fields = ["organisation", ("action", "at"), "shown_moves", "evidence", ("by", "reason"), "rule_version"]
    readonly_fields = ["shown_moves", "evidence"]
    actions = ["undo"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether this person may decide on joins."""
        return bool(request.user.has_perm("precision_shop.change_identitylink"))

    @admin.display(description="names that moved")
    def names(self, entry: Join) -> int:
        return len(entry.moves)

    @admin.display(description="evidence")
    def evidence(self, entry: Join) -> SafeString | str:
        return link(entry.link, f"{entry.link.origin} {entry.link_id}") if entry.link else NOTHING

    @admin.display(description="names that moved")
    def shown_moves(self, entry: Join) -> SafeString | str:
        return kept(entry, lambda: self._moves(entry))

    def _moves(self, entry: Join) -> SafeString | str:
        found = Identity.objects.select_related("platform").in_bulk([move[0] for move in entry.moves[:SHOWN]])
        return table(
            ["name", "from customer", "to customer"],
            [
                (name_of(found[one]) if one in found else "erased", str(before), str(after))
                for one, before, after in entry.moves[:SHOWN]
            ],
        )

    @admin.action(description="Undo the evidence behind these lines", permissions=["decide"])
    def undo(self, request: HttpRequest, queryset: QuerySet[Join]) -> None:
        links = sorted(
            {number for number in queryset[:MOST_DECISIONS].values_list("link_id", flat=True) if number}
        )
        moved = 0
        for number in links:
            try:
                moved += stitching.undo(number, by=request.user.pk).moved
            except DecisionError as error:
                messages.warning(request, str(error))
        messages.success(request, f"Undone; {moved} names moved.")


@admin.register(IslandReport)
class IslandReportAdmin(ReadOnlyAdmin):
    list_display = ["day", "organisation", "people", "shops"]
    list_filter = ["organisation"]
    list_select_related = ["organisation"]
    ordering = ["-day"]
    fields = [("organisation", "day", "people"), "shown_shops", "shown_overlaps"]
    readonly_fields = ["shown_shops", "shown_overlaps"]

    @admin.display(description="shops")
    def shops(self, made: IslandReport) -> int:
        return len(made.platforms)

    @admin.display(description="shops")
    def shown_shops(self, made: IslandReport) -> SafeString | str:
        active = f"active in {islands.ACTIVE_DAYS} days"
        return table(
            ["shop", "people", active, "activity rate", "known only here", "share", "visitors"],
            [
                (
                    each.key, f"{each.people:,}", f"{each.active:,}", share(each.activity_rate), f"{each.only_here:,}",
                    share(each.island_rate), f"{each.visitors:,}",
                )
                for each in islands.islands(made)
            ],
        )  # fmt: skip

    @admin.display(description="people known on both")
    def shown_overlaps(self, made: IslandReport) -> SafeString | str:
        keys, counts = islands.matrix(made)
        return table(
            ["", *keys],
            [(key, *(f"{count:,}" for count in row)) for key, row in zip(keys, counts, strict=True)],
        )
