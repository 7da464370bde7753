"""Staff pages of pinned labels: set with a reason and an end, taken back, and kept as history."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.decorators import display as labelled
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget, UnfoldAdminTextInputWidget

from precision.engine.display import link, table
from precision.engine.staff import IndexedSearch, LargeAdmin, go_to
from precision.shop import identities
from precision.shop.admin import panels, searching
from precision.shop.models import Customer, Identity, Platform
from segments import masking, overrides
from segments.admin import cells
from segments.admin.portraits import PortraitPages
from segments.labels import registry
from segments.masking import Sight
from segments.models import Label, LabelOverride

SHOWN = 20
NOBODY_SEES = Sight(sensitive=False, personal=False)
"""What panels show: they do not know who looks."""


class PinForm(forms.ModelForm):  # type: ignore[type-arg]
    """Whose label is pinned to what, and why."""

    platform = forms.ModelChoiceField(
        Platform.objects.all(), label="Shop", widget=UnfoldAdminSelectWidget, empty_label=None
    )
    customer = forms.CharField(
        max_length=200, widget=UnfoldAdminTextInputWidget, help_text="Customer id of the shop."
    )
    label = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    value = forms.CharField(
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="A number like 12.5, yes or no written as true or false, or a text like A.",
    )
    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextInputWidget, help_text="Why the computed value is wrong."
    )
    expires_at = forms.SplitDateTimeField(
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text="From then on the computed value counts again; empty: never.",
    )

    class Meta:
        model = LabelOverride
        fields = ["platform", "label", "value", "reason", "expires_at"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        added = Label.objects.filter(platform__isnull=False, active=True).values_list("key", "title")
        named = {key: each.title for key, each in registry.definitions().items()} | dict(added)
        choices = sorted(named.items(), key=lambda pair: pair[1].lower())
        self.fields["label"].choices = choices  # type: ignore[attr-defined]

    def clean_value(self) -> Any:
        """Return the value as JSON says it, or else as text."""
        text = self.cleaned_data["value"]
        try:
            found = json.loads(text)
        except ValueError:
            return text
        return text if isinstance(found, dict | list) or found is None else found

    def clean(self) -> dict[str, Any]:
        """Find the customer, and refuse a value that the label cannot have."""
        data = super().clean() or {}
        platform, name = data.get("platform"), data.get("customer")
        if platform is not None and name:
            named = {"kind": Identity.Kind.CUSTOMER_ID, "value": name}
            found = Identity.objects.filter(platform=platform, **named).first()
            if found is None:
                self.add_error("customer", f"The shop {platform.key} knows no customer {name!r}.")
            else:
                self.instance.identity = found
        if platform is not None and "label" in data and "value" in data:
            try:
                data["value"] = self._as_wanted(platform, data["label"], data["value"])
            except overrides.RefusedError as error:
                self.add_error(error.field, error.message)
        if data.get("expires_at") and data["expires_at"] <= timezone.now():
            self.add_error("expires_at", "This time is over; give one to come, or none.")
        return data

    def _as_wanted(self, platform: Platform, label: str, value: Any) -> Any:
        """Return the value checked; a text label takes what looks like a number as text."""
        try:
            return overrides.checked(platform, label, value)
        except overrides.RefusedError:
            return overrides.checked(platform, label, self.data.get("value", ""))

    def _post_clean(self) -> None:
        """Leave the checks of the model to `overrides.pin`, which ends an earlier pin first."""


@admin.register(LabelOverride)
class LabelOverrideAdmin(PortraitPages, IndexedSearch, LargeAdmin):
    form = PinForm
    list_display = [
        "customer_link",
        "platform",
        "label_title",
        "shown_value",
        "state",
        "by_whom",
        "created_at",
    ]
    list_filter = ["platform"]
    list_select_related = ["platform", "identity", "identity__customer", "by"]
    search_fields = ["identity__value"]
    search_help_text = "Customer id of the shop, or our number, in full"
    ordering = ["-id"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("customer_link", "platform"),
                    ("label_title", "shown_value", "state"),
                    "shown_reason",
                ]
            },
        ),
        ("Time", {"fields": [("created_at", "expires_at", "ended_at"), "by_whom"]}),
    ]
    readonly_fields = ["customer_link", "label_title", "shown_value", "state", "shown_reason", "by_whom"]
    add_fieldsets = [
        (None, {"fields": [("platform", "customer"), ("label", "value"), "reason", "expires_at"]}),
    ]
    actions_detail = ["take_back"]

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the pins of the customers with this identity or number."""
        return rows.filter(identity__customer_id__in=searching.customer_ids(term))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Return a page of the list whose rows know who looks; the admin itself serves many at once."""
        found = super().get_changelist_instance(request)
        sight = masking.of_user(request.user)
        for pin in found.result_list:
            pin.sight = sight
        return found

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the pin, which knows who looks."""
        found: Any = super().get_object(request, object_id, from_field)
        if found is not None:
            found.sight = masking.of_user(request.user)
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [] if obj is None else self.readonly_fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether this person may pin labels."""
        return bool(request.user.has_perm("precision_segments.add_labeloverride"))

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the customer's page says of whom it is about."""
        given = super().get_changeform_initial_data(request)
        shop, name = request.GET.get("shop"), request.GET.get("customer")
        found = Platform.objects.filter(key=shop).first() if shop else None
        return {**given, **({"platform": found} if found else {}), **({"customer": name} if name else {})}

    def save_model(self, request: HttpRequest, obj: LabelOverride, form: Any, change: bool) -> None:
        """Pin the label; an earlier pin ends."""
        data = form.cleaned_data
        made = overrides.pin(
            form.instance.identity,
            data["label"],
            data["value"],
            reason=data["reason"],
            expires_at=data["expires_at"],
            by=request.user,
        )
        obj.pk = made.pk
        obj.refresh_from_db()

    def has_take_back_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may end pins, and this one is in force."""
        if not request.user.has_perm("precision_segments.change_labeloverride"):
            return False
        rows = LabelOverride.objects.filter(ended_at__isnull=True)
        return object_id is None or (str(object_id).isdigit() and rows.filter(pk=object_id).exists())

    @action(  # type: ignore[untyped-decorator]
        description="Take back",
        icon="undo",
        permissions=["take_back"],
        dialog={
            "title": "Take this pin back?",
            "form_class": None,
            "form_submit_text": "Take back",
            "description": "The computed value counts again at once. The pin stays in the history.",
        },
    )
    def take_back(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        """End the pin; runs only after the dialog was confirmed."""
        pin = LabelOverride.objects.select_related("identity").get(pk=object_id)
        if overrides.take_back(pin.platform, pin.identity.customer_id, pin.label):
            self.log_change(request, pin, "Taken back.")
            messages.success(request, "The computed value counts again.")
        return go_to(request, reverse("admin:precision_segments_labeloverride_change", args=[pin.pk]))

    @admin.display(description="customer")
    def customer_link(self, pin: LabelOverride) -> SafeString | str:
        return link(pin.identity.customer, identities.shown(pin.identity))

    @admin.display(description="label")
    def label_title(self, pin: LabelOverride) -> str:
        return cells.title(pin.label)

    @admin.display(description="value")
    def shown_value(self, pin: Any) -> str:
        return cells.value(pin.label, masking.of_label(pin.label, pin.value, pin.sight))

    @admin.display(description="reason")
    def shown_reason(self, pin: Any) -> str:
        return pin.reason if masking.sees_label(pin.label, pin.sight) else masking.MASKED

    @labelled(  # type: ignore[untyped-decorator]
        description="state", label={"in force": "success", "expired": "warning", "taken back": "info"}
    )
    def state(self, pin: LabelOverride) -> str:
        return _state(pin)

    @admin.display(description="by")
    def by_whom(self, pin: LabelOverride) -> str:
        return pin.key or (str(pin.by) if pin.by else "staff")


@panels.panel(panels.CUSTOMER, "pinned labels")
def pinned(customer: Customer) -> SafeString | str:
    """Return what people pinned to the customer's labels, the newest first, and where to pin another."""
    known: list[Identity] = customer.known  # type: ignore[attr-defined]
    rows = LabelOverride.objects.filter(identity__in=known).select_related("platform").order_by("-created_at")
    pins = table(
        ["shop", "label", "value", "why", "state"],
        [
            (
                pin.platform.key,
                link(pin, cells.title(pin.label)),
                cells.value(pin.label, masking.of_label(pin.label, pin.value, NOBODY_SEES)),
                pin.reason if masking.sees_label(pin.label, NOBODY_SEES) else masking.MASKED,
                _state(pin),
            )
            for pin in rows[:SHOWN]
        ],
    )
    named = next((one for one in known if one.kind == Identity.Kind.CUSTOMER_ID), None)
    if named is None:
        return pins
    address = reverse("admin:precision_segments_labeloverride_add")
    return format_html(
        '{} <a class="precision-link" href="{}?shop={}&amp;customer={}">Pin a label</a>',
        pins,
        address,
        named.platform.key,
        named.value,
    )


def _state(pin: LabelOverride) -> str:
    if pin.ended_at is not None:
        return "taken back"
    return "expired" if pin.expires_at is not None and pin.expires_at <= timezone.now() else "in force"
