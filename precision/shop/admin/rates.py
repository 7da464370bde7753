"""Staff pages of exchange rates, with their import from a file."""

import csv
from io import StringIO
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from precision.engine.staff import StaffAdmin, go_to
from precision.shop import exchange
from precision.shop.models import ExchangeRate, Organisation

LARGEST_FILE = 16 * 1024 * 1024
SHOWN_REFUSALS = 20


class RatesFile(forms.Form):
    """A CSV file of rates for one organisation."""

    organisation = forms.ModelChoiceField(
        Organisation.objects.all(), widget=UnfoldAdminSelectWidget, empty_label=None
    )
    file = forms.FileField(
        widget=UnfoldAdminFileFieldWidget,
        help_text="CSV in UTF-8 with the columns currency, target, day, rate.",
    )

    def clean_file(self) -> list[dict[str, Any]]:
        """Return the rows; a file that is no such CSV is refused."""
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(
                f"The file has {file.size:,} bytes; at most {LARGEST_FILE:,} are read."
            )
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise forms.ValidationError("The file is not in UTF-8; save it as CSV UTF-8.") from None
        try:
            rows = list(csv.DictReader(StringIO(text), strict=True))
        except csv.Error as error:
            raise forms.ValidationError(f"The file is no CSV: {error}.") from None
        missing = [name for name in exchange.FIELDS if not rows or name not in rows[0]]
        if missing:
            raise forms.ValidationError(f"The file lacks the column {missing[0]}, or has no rows.")
        return [{name: row.get(name) for name in exchange.FIELDS} for row in rows]


@admin.register(ExchangeRate)
class ExchangeRateAdmin(StaffAdmin):
    list_display = ["day", "currency", "target", "rate", "organisation"]
    list_filter = ["organisation", "currency", "target"]
    list_select_related = ["organisation"]
    search_fields = ["currency", "target"]
    ordering = ["-day", "currency", "target"]
    autocomplete_fields = ["organisation"]
    fields = ["organisation", ("currency", "target"), ("day", "rate")]
    actions_list = ["import_rates"]

    @action(  # type: ignore[untyped-decorator]
        description="Import CSV", url_path="import", icon="upload_file", permissions=["add", "change"]
    )
    def import_rates(self, request: HttpRequest) -> HttpResponse:
        """Add and correct rates from a file; rows that cannot be used are named, the others are taken."""
        form = RatesFile(request.POST or None, request.FILES or None)
        refused: list[exchange.Refusal] = []
        if request.method == "POST" and form.is_valid():
            owner = form.cleaned_data["organisation"]
            found = exchange.add(owner, form.cleaned_data["file"], replace=True)
            told = (
                f"{found.accepted:,} added, {found.updated:,} corrected, {found.duplicate:,} known already."
            )
            self.log_change(request, owner, f"Exchange rates imported: {told}")
            if not found.rejected:
                messages.success(request, told)
                return go_to(request, reverse("admin:precision_shop_exchangerate_changelist"))
            messages.warning(request, f"{told} {len(found.rejected):,} rows were refused.")
            refused = found.rejected[:SHOWN_REFUSALS]
        context = {
            **self.admin_site.each_context(request),
            "title": "Import exchange rates",
            "opts": self.model._meta,
            "form": form,
            "refused": [(each.index + 2, each.field, each.detail) for each in refused],
        }
        return TemplateResponse(request, "precision_shop/import_rates.html", context)
