"""Staff page of what came in and cannot be used: look, send in again, discard."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display as labelled

from precision.engine.display import pretty
from precision.engine.staff import IndexedSearch, LargeAdmin
from precision.shop import dead_letters, tokens
from precision.shop.admin import searching
from precision.shop.models import DeadLetter

STATUS_LABELS = {
    DeadLetter.Status.WAITING: "warning",
    DeadLetter.Status.REPLAYED: "success",
    DeadLetter.Status.DISCARDED: "info",
}


@admin.register(DeadLetter)
class DeadLetterAdmin(IndexedSearch, LargeAdmin):
    list_display = ["received_at", "platform", "kind", "code", "field", "detail", "waits_for", "state"]
    list_filter = ["platform", "status", "kind", "code"]
    list_select_related = ["platform"]
    search_fields = ["code"]
    search_help_text = "A day like 2026-11-30, the number of an order that is waited for, a reason or a kind"
    ordering = ["-platform_id", "-received_at"]
    shop_ordering = ["-received_at"]
    actions = ["replay", "discard"]
    fieldsets = [
        (None, {"fields": [("platform", "source"), ("received_at", "replayed_at", "state")]}),
        ("Why it cannot be used", {"fields": [("kind", "code", "field"), "detail", "waits_for"]}),
        ("What came in", {"fields": ["trusted", "shown_payload"]}),
    ]

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the letters of a day, those that wait for an order, or those of a reason or a kind."""
        if day := searching.day(term):
            return rows.filter(
                platform_id__in=searching.platform_ids(), received_at__gte=day[0], received_at__lt=day[1]
            )
        waiting = rows.filter(platform_id__in=searching.platform_ids(), waits_for=term)
        return waiting if waiting.exists() else rows.filter(code=term) | rows.filter(kind=term)

    def has_send_permission(self, request: HttpRequest) -> bool:
        """Return whether this person may send letters in again, or discard them."""
        options = self.opts
        return request.user.has_perm(f"{options.app_label}.change_{options.model_name}")

    @labelled(description="status", label=STATUS_LABELS)  # type: ignore[untyped-decorator]
    def state(self, letter: DeadLetter) -> tuple[str, str]:
        return letter.status, letter.get_status_display()

    @admin.display(description="content")
    def shown_payload(self, letter: DeadLetter) -> SafeString | str:
        return pretty(tokens.masked(letter.payload))

    @admin.action(description="Send in again", permissions=["send"])
    def replay(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        done = dead_letters.replay(queryset)
        self.log_all(request, queryset, "Sent in again.")
        level = messages.WARNING if done.refused else messages.SUCCESS
        text = f"{done.used} used; {done.refused} still cannot be used, each with its reason."
        self.message_user(request, text, level)

    @admin.action(description="Discard", permissions=["send"])
    def discard(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        self.log_all(request, queryset, "Discarded.")
        number = dead_letters.discard(queryset)
        self.message_user(request, f"{number} discarded; they go for good when their time is over.")

    def log_all(self, request: HttpRequest, queryset: QuerySet[DeadLetter], text: str) -> None:
        """Note in the history of each letter who did what."""
        for letter in queryset:
            self.log_change(request, letter, text)
