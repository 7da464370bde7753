"""Staff pages of the label library, and of the labels of active customers."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.forms import ModelForm, ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from precision.engine.display import NOTHING, figure, joined, share, table
from precision.engine.staff import StaffAdmin, link_column
from segments import conditions, masking
from segments.admin.results import CustomerResultAdmin
from segments.conditions import LabelType
from segments.labels import distribution, library, registry
from segments.models import Label, LabelRow

EXAMPLE = {"when": {"label": "orders_365", "op": ">=", "value": 3}}
HELP = (
    'Of a rule: {{"when": condition}} for yes or no, or {{"cases": [{{"when": condition, "value": "gold"}}], '
    '"otherwise": "none"}}. Conditions: {{"label": "orders_365", "op": ">=", "value": 3}} within all, any, not; '
    "comparisons {}. Labels that they may read: {}."
)
SHOPS_SHOWN = 3
STAFF_FIELDS = ("platform", "key", "title", "kind", "type", "unit", "definition", "formula", "sensitivity",
                "owner", "active")  # fmt: skip


class LabelForm(ModelForm):  # type: ignore[type-arg]
    """A label of staff that the nightly job will understand."""

    class Meta:
        model = Label
        fields = STAFF_FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "platform" in self.fields:
            self.fields["platform"].required = True
            self.fields["platform"].help_text = "Whose customers it is about."
        if "kind" in self.fields:
            self.fields["kind"].choices = [  # type: ignore[attr-defined]
                (kind.value, kind.label) for kind in library.OF_STAFF
            ]
        if "definition" in self.fields:
            self.fields["definition"].initial = EXAMPLE
            self.fields["definition"].help_text = format_html(
                HELP, ", ".join(conditions.OPS), ", ".join(sorted(registry.definitions()))
            )

    def clean(self) -> dict[str, Any]:
        """Refuse a definition that says nothing; the error stands at its field and names the place."""
        data = super().clean() or {}
        if self.errors:
            return data
        label = Label(pk=self.instance.pk, platform=self.instance.platform if self.instance.pk else None)
        for name in STAFF_FIELDS:
            setattr(label, name, data[name] if name in data else getattr(self.instance, name))
        if label.kind == Label.Kind.MANUAL and data.get("definition") == EXAMPLE:
            data["definition"] = label.definition = None
        try:
            library.check(label)
        except library.RefusedError as error:
            self.add_error(
                error.field if error.field in self.fields else None, ValidationError(error.message)
            )
        return data


@admin.register(Label)
class LabelAdmin(StaffAdmin):
    form = LabelForm
    list_display = [
        "title",
        "key",
        "kind",
        "type",
        "shop",
        "sensitivity",
        "version",
        "coverage",
        "as_of",
        "active",
    ]
    list_filter = ["kind", "sensitivity", "type", "platform", "active"]
    list_select_related = ["platform"]
    search_fields = ["key", "title"]
    ordering = ["title", "pk"]
    readonly_fields = ["version", "refresh", "updated_at", "shown_freshness", "shown_distribution"]
    add_fieldsets = [
        (None, {"fields": ["platform", ("title", "key"), ("kind", "type", "unit"), "definition", "formula"]}),
        ("Care", {"fields": [("sensitivity", "owner", "active")]}),
    ]
    fieldsets = [
        *add_fieldsets,
        ("Values", {"fields": [("version", "refresh", "updated_at"), "shown_freshness", "shown_distribution"]}),
    ]  # fmt: skip

    builtin_fieldsets = [
        (None, {"fields": [("title", "key"), ("kind", "type", "unit"), "formula"]}),
        *fieldsets[1:],
    ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """Show the list, the built-in labels as the code has them."""
        library.ensure_builtin()
        return super().changelist_view(request, extra_context)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the page; the object learns who looks at it."""
        if obj is None:
            return self.add_fieldsets
        obj.sight = masking.of_user(request.user)
        return self.fieldsets if obj.platform_id else self.builtin_fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return what cannot be changed: all of a built-in label, and what others name a label of staff by."""
        if obj is None:
            return list(self.readonly_fields)
        fixed = STAFF_FIELDS if obj.platform_id is None else ("platform", "key", "kind")
        return [*self.readonly_fields, *fixed]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may be edited: a built-in label is data in code."""
        return super().has_change_permission(request, obj) and not (obj and obj.platform_id is None)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether it may go: a built-in label would come back."""
        return super().has_delete_permission(request, obj) and not (obj and obj.platform_id is None)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Name the labels only; built-in ones are kept."""
        kept = [str(each) for each in objs if each.platform_id is None]
        return [str(each) for each in objs], {"labels": len(objs)}, set(), kept

    def save_model(self, request: HttpRequest, obj: Label, form: Any, change: bool) -> None:
        """Write it; a changed definition gets a new version."""
        library.save(obj)

    def prepare(self, rows: Sequence[Any]) -> None:
        """Attach what the runs in force know of each label, one query."""
        known = distribution.freshness()
        for row in rows:
            every = known.get(row.key, [])
            row.fresh = [one for one in every if row.platform_id is None or one.scope == row.platform.key]

    @admin.display(description="shop", ordering="platform")
    def shop(self, label: Label) -> str:
        return label.platform.key if label.platform else "all"

    @admin.display(description="coverage")
    def coverage(self, label: Any) -> str:
        shown = [f"{one.scope} {share(one.coverage)}" for one in label.fresh[:SHOPS_SHOWN] if one.known]
        more = sum(1 for one in label.fresh[SHOPS_SHOWN:] if one.known)
        return (", ".join(shown) + (f" and {more} more" if more else "")) or "nobody yet"

    @admin.display(description="as of")
    def as_of(self, label: Any) -> str:
        return str(max((one.as_of for one in label.fresh), default=NOTHING))

    @admin.display(description="coverage and freshness")
    def shown_freshness(self, label: Any) -> SafeString | str:
        return table(
            ["shop", "as of", "computed", "customers with a value", "share", "version"],
            [
                (
                    one.scope, one.as_of,
                    f"{one.computed_at:%Y-%m-%d %H:%M} UTC" if one.computed_at else NOTHING,
                    f"{one.known:,} of {one.of:,}", share(one.coverage), one.version,
                )
                for one in label.fresh
            ],
        )  # fmt: skip

    @admin.display(description="distribution")
    def shown_distribution(self, label: Any) -> SafeString | str:
        """The values in the shops of most coverage; masked for those who may not see them."""
        if not label.sight.sees(label.sensitivity):
            return masking.MASKED
        parts = [
            format_html("<p><strong>{}</strong></p>{}", one.scope, _spread(one.scope, label))
            for one in label.fresh[:SHOPS_SHOWN]
            if one.known
        ]
        return joined(parts, "") or NOTHING


@admin.register(LabelRow)
class LabelRowAdmin(CustomerResultAdmin):
    list_display = ["customer_link", "shop", "known", "run_link"]
    list_display_links = ["known"]
    fields = [("customer_link", "shop", "run_link"), "shown_values"]
    customer_link = link_column("customer")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the parts of the page; the object learns who looks at it."""
        if obj is not None:
            obj.sight = masking.of_user(request.user)
        return super().get_fieldsets(request, obj)

    @admin.display(description="labels with a value")
    def known(self, row: LabelRow) -> str:
        return f"{len(row.values)}"

    @admin.display(description="labels")
    def shown_values(self, row: Any) -> SafeString | str:
        """Every value by the title of its label; masked where this person may not see it."""
        titles = {key: each.title for key, each in registry.definitions().items()}
        rows = [
            (titles.get(key, key), masking.of_label(key, _shown(value), row.sight), key)
            for key, value in row.values.items()
        ]
        return table(["label", "value", "key"], sorted(rows))


def _spread(scope: str, label: Label) -> SafeString | str:
    """Return the distribution as a table."""
    kind = LabelType(label.type)
    sensitive = label.sensitivity == Label.Sensitivity.SENSITIVE
    found = distribution.distribution(scope, label.key, kind, sensitive=sensitive)
    if kind is LabelType.NUMBER:
        return table(
            ["share of customers below", "value"],
            [(share(one["step"]), figure(one["value"], 2)) for one in found],
        )
    return table(
        ["value", "customers", "share"],
        [(_shown(one["value"]), f"{one['customers']:,}", share(one["share"])) for one in found],
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
