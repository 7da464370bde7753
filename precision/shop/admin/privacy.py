"""Staff pages of consents and erasures; export and erasure of a person from their page."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.decorators import display as labelled

from precision.engine.display import NOTHING, pretty, table
from precision.engine.staff import IndexedSearch, LargeAdmin, ReadOnlyAdmin, go_to, link_column
from precision.shop import enqueueing, erasure, export, tasks
from precision.shop.admin import panels, searching
from precision.shop.models import Consent, Customer, Erasure

WORDS = 50
"""Words of a person that their page shows, the newest."""
STATES = {
    Erasure.State.REQUESTED: "warning",
    Erasure.State.ERASED: "info",
    Erasure.State.FINISHED: "success",
}


@admin.register(Consent)
class ConsentAdmin(IndexedSearch, LargeAdmin):
    list_display = ["at", "platform", "identity_link", "purpose", "channel", "answer", "basis", "source"]
    list_select_related = ["platform", "identity", "source"]
    search_fields = ["identity__value"]
    search_help_text = "Customer id of the shop, in full"
    ordering = ["-id"]
    fields = [
        ("platform", "identity_link"), ("purpose", "channel", "answer"), ("basis", "source"), ("at", "received_at"),
    ]  # fmt: skip
    identity_link = link_column("identity", "customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the words of the identities of this value."""
        return rows.filter(identity_id__in=searching.identity_ids(term))

    @labelled(description="answer", label={"yes": "success", "no": "danger"})  # type: ignore[untyped-decorator]
    def answer(self, word: Consent) -> str:
        return "yes" if word.granted else "no"


@panels.panel(panels.CUSTOMER, "consents")
def consents(customer: Any) -> SafeString | str:
    """Return what a customer agreed to and took back, the newest first; an index serves it."""
    rows = Consent.objects.filter(identity__in=customer.known).select_related("platform")
    return table(
        ["said at", "shop", "purpose", "channel", "answer", "basis"],
        [
            (f"{word.at:%Y-%m-%d %H:%M}", word.platform.key, word.purpose, word.channel,
             "yes" if word.granted else "no", word.basis or NOTHING)
            for word in rows.order_by("-at", "-id")[:WORDS]
        ],
    )  # fmt: skip


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "organisation", "scope", "progress", "requested_at", "finished_at", "by"]
    list_filter = ["state"]
    list_select_related = ["organisation"]
    ordering = ["-id"]
    fields = [("organisation", "scope", "by"), ("requested_at", "finished_at", "progress"), "shown_counts"]

    @labelled(description="state", label=STATES)  # type: ignore[untyped-decorator]
    def progress(self, erasure: Erasure) -> tuple[str, str]:
        return erasure.state, erasure.get_state_display()

    @admin.display(description="rows per table")
    def shown_counts(self, erasure: Erasure) -> SafeString | str:
        """Return the tables in which rows were emptied or removed."""
        return pretty({name: number for name, number in sorted(erasure.counts.items()) if number})


class PrivacyActions:
    """The part of the page of a customer that exports and erases them; goes before the admin class."""

    actions_detail = ["export_person", "erase_person"]

    def has_export_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may see personal values."""
        return request.user.has_perm("precision_shop.change_profile")

    def has_erase_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may erase people."""
        return request.user.has_perm("precision_shop.delete_customer")

    @action(  # type: ignore[untyped-decorator]
        description="Export", icon="download", permissions=["export"]
    )
    def export_person(self, request: HttpRequest, object_id: str) -> StreamingHttpResponse:
        """Send everything known of the joined person as a file."""
        customer = Customer.objects.get(pk=object_id)
        self.log_change(request, customer, "Exported.")  # type: ignore[attr-defined]
        text = export.as_json(
            erasure.of_customer(customer), asked_for={"customer": customer.pk}, now=timezone.now()
        )
        return StreamingHttpResponse(
            text,
            content_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="customer-{customer.pk}.json"',
                "Cache-Control": "no-store",
            },
        )

    @action(  # type: ignore[untyped-decorator]
        description="Erase",
        icon="person_remove",
        permissions=["erase"],
        dialog={
            "title": "Erase this person?",
            "form_class": None,
            "form_submit_text": "Erase",
            "description": "Their names, words and traces go from all shops of the organisation, and nothing brings "
            "them back. Figures stay: orders, events and amounts of nobody.",
        },
    )
    def erase_person(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        """Erase the joined person; runs only after the dialog was confirmed."""
        customer = Customer.objects.get(pk=object_id)
        done = erasure.request(customer, by=f"user {request.user.pk}")
        self.log_change(request, done, "Asked for.")  # type: ignore[attr-defined]
        erasure.advance(done, finish=False)
        enqueueing.after_commit(tasks.erasures)
        if done.state == Erasure.State.REQUESTED:
            messages.warning(request, "An import holds the rows; the person is erased when it has ended.")
        else:
            messages.success(request, "The person is erased. Files and dead rows follow within minutes.")
        return go_to(request, reverse("admin:precision_shop_erasure_change", args=[done.pk]))
