"""Staff pages of the price class rule: its versions, a new one with a preview, and what a second method says."""

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from precision.engine import runs
from precision.engine.display import link
from precision.engine.staff import ReadOnlyAdmin, go_to
from precision.shop import scopes
from precision.shop.admin.reports import Cell, Table, headers, number
from precision.shop.models import Customer, Platform
from segments import class_preview, class_rules
from segments.methods.price_classes import CLASSES, LETTERS, REASONS
from segments.models import ClassRule

TEMPLATE = "precision_segments/class_rule.html"
LABELS = {
    "share_a": "Share of A",
    "share_b": "Share of B",
    "discount_in_a": "Discounts in A",
    "position_in_b": "Price position in B",
    "confidence": "Least probability",
    "tests_confidence": "Least probability by tests",
}
LIST = "admin:precision_segments_classrule_changelist"
NEXT_RUN = "It counts from the next nightly run on."


def scope_choices() -> list[tuple[str, str]]:
    """Return what a rule may be of: the shops, and the organisations of several."""
    shops = list(Platform.objects.order_by("key").values_list("key", "name"))
    return [
        *shops,
        *((f"{scopes.OVERALL}{key}", f"{key}: all its shops") for key in scopes.organisation_keys()),
    ]


class ScopeForm(forms.Form):
    """Whose rule."""

    scope = forms.ChoiceField(label="Shop", widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scope"].choices = scope_choices()  # type: ignore[attr-defined]


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """The numbers of a new version, and why they change."""

    class Meta:
        model = ClassRule
        fields = (*class_rules.NUMBERS, "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget = UnfoldAdminTextInputWidget()
        self.fields["reason"].required = False  # a preview needs none
        for name, label in LABELS.items():
            self.fields[name].label = label

    def clean(self) -> dict[str, Any]:
        """Refuse numbers that make no sense together."""
        data = super().clean() or {}
        if not self.errors:
            try:
                class_rules.changed(class_rules.BUILT_IN, self.numbers())
            except ValueError as error:
                raise forms.ValidationError(str(error)) from error
        return data

    def numbers(self) -> dict[str, Any]:
        """Return the numbers as typed."""
        return {name: self.cleaned_data[name] for name in class_rules.NUMBERS}


@admin.register(ClassRule)
class ClassRuleAdmin(ReadOnlyAdmin):
    list_display = [
        "scope",
        "version",
        "shown_shares",
        "least_lines",
        "confidence",
        "reason",
        "by_whom",
        "created_at",
    ]
    list_display_links = ["version"]
    list_filter = ["scope"]
    list_select_related = ["by"]
    ordering = ["scope", "-version"]
    fieldsets = [
        (None, {"fields": [("scope", "version"), "reason", ("by_whom", "created_at"), "again"]}),
        (
            "Evidence that is wanted",
            {"fields": ["window_days", ("least_orders", "least_lines", "least_people"), "shrink_lines"]},
        ),
        (
            "Borders",
            {
                "fields": [
                    ("share_a", "share_b"),
                    ("buyers_weight", "discount_in_a", "position_in_b"),
                    "confidence",
                ]
            },
        ),
        ("Price tests and coupons", {"fields": [("least_trials", "tests_confidence")]}),
    ]

    def get_urls(self) -> list[URLPattern]:
        """Return the addresses, with that of the agreement before the others."""
        view = self.admin_site.admin_view(self.agreement)
        return [path("agreement/", view, name="precision_segments_classrule_agreement"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether this person may set a new version."""
        return bool(request.user.has_perm("precision_segments.add_classrule"))

    @admin.display(description="shares of A and B")
    def shown_shares(self, rule: ClassRule) -> str:
        return f"{rule.share_a:.1%}, {rule.share_b:.1%}"

    @admin.display(description="by")
    def by_whom(self, rule: ClassRule) -> str:
        return str(rule.by) if rule.by else f"API key {rule.key}" if rule.key else "–"

    @admin.display(description="see also")
    def again(self, rule: ClassRule) -> SafeString:
        address = reverse("admin:precision_segments_classrule_add")
        return format_html(
            '<a class="precision-link" href="{}?scope={}&amp;version={}">take it as the start of a new version</a>',
            address, rule.scope, rule.version,
        )  # fmt: skip

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Show the numbers that count now, preview other ones, and save them as a new version."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        choice = ScopeForm({"scope": request.GET.get("scope") or (scope_choices() or [("", "")])[0][0]})
        if not choice.is_valid():
            return self._page(
                request, choice, title="Rule of the price classes", notices=["There is no such shop."]
            )
        scope = choice.cleaned_data["scope"]
        start = _start(scope, request.GET.get("version", ""))
        initial = {**asdict(start), "reason": ""}
        form = RuleForm(request.POST or None, initial=initial)
        tables: list[Table] = []
        notices: list[str] = []
        if request.method == "POST" and form.is_valid():
            if "save" in request.POST and form.cleaned_data["reason"].strip():
                made = class_rules.add(
                    scope, form.numbers(), reason=form.cleaned_data["reason"], by=request.user  # type: ignore[arg-type]
                )  # fmt: skip
                messages.success(request, f"{made} is set. {NEXT_RUN}")
                return go_to(request, reverse(LIST))
            if "save" in request.POST:
                form.add_error("reason", "Say why, for those who read the versions later.")
            else:
                tables, notices = previewed(scope, form.numbers())
        return self._page(
            request, choice, title="Rule of the price classes", form=form, tables=tables, notices=notices,
            intro=f"The form starts from version {start.version or '0, the built-in one'}. Preview who would move, "
            f"then save. {NEXT_RUN}",
        )  # fmt: skip

    def agreement(self, request: HttpRequest) -> HttpResponse:
        """Show how far clusters, which know no borders, agree with the rule."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        choice = ScopeForm({"scope": request.GET.get("scope") or (scope_choices() or [("", "")])[0][0]})
        known = choice.is_valid()
        run = runs.published(class_preview.JOB, choice.cleaned_data["scope"]) if known else None
        return self._page(
            request, choice, title="Price classes: rule and clusters", tables=agreement_tables(run) if run else [],
            notices=[] if run else ["The price classes have not been computed yet."],
            intro="k-means splits the same customers into three clusters without borders or shares.",
        )  # fmt: skip

    def _page(
        self, request: HttpRequest, choice: ScopeForm, *, title: str, **context: Any
    ) -> TemplateResponse:
        return TemplateResponse(
            request,
            TEMPLATE,
            {**self.admin_site.each_context(request), "title": title, "choice": choice, **context},
        )


def _start(scope: str, version: str) -> Any:
    """Return the rule that fills the form: a stored version, or the one that counts."""
    row = ClassRule.objects.filter(scope=scope, version=version).first() if version.isdecimal() else None
    return class_rules.of_row(row) if row else class_rules.current(scope)


def previewed(scope: str, numbers: dict[str, Any]) -> tuple[list[Table], list[str]]:
    """Return who would move, as tables, and what has to be said."""
    try:
        found = class_preview.preview(scope, class_rules.changed(class_rules.current(scope), numbers))
    except class_preview.NoPreviewError as error:
        return [], [str(error)]
    people = Customer.objects.in_bulk([move.customer for move in found.sample])
    sample = Table(
        title="Some who would move",
        headers=headers("customer", "now", "then", "why", numbers=("price position", "discount share")),
        rows=[
            [
                Cell(text=link(people.get(move.customer))), Cell(text=move.before), Cell(text=move.after),
                Cell(text=REASONS.get(move.reason, move.reason)),
                number(move.price_position, 3), number(move.discount_share, 3),
            ]
            for move in found.sample
        ],
        empty="Nobody would move.",
    )  # fmt: skip
    notices = [
        f"{found.moved:,} of {found.moves.people:,} customers would get another class, as of {found.run.as_of}."
    ]
    if found.unseen:
        names = ", ".join(name.replace("_", " ") for name in found.unseen)
        notices.append(f"What {names} would change, only the next run shows.")
    return [counted("From class to class", CLASSES, found.moves.counts, "now", "then"), sample], notices


def agreement_tables(run: Any) -> list[Table]:
    """Return the table of the two methods, their agreement in numbers, and where the clusters lie."""
    told = run.measures.get("agreement") or {}
    if "counts" not in told:
        return [
            Table(title="Agreement", headers=[], rows=[], empty=told.get("reason") or "Not computed yet.")
        ]
    figures = (("same class", "same"), ("Cohen's kappa", "kappa"), ("adjusted Rand index", "rand"))
    measures = list(told["centres"][LETTERS[0]])
    return [
        counted("Customers with a class by both", LETTERS, told["counts"], "rule", "clusters"),
        Table(
            title="Agreement",
            headers=headers("", numbers=("value",)),
            rows=[[Cell(text=title), number(told[name], 3)] for title, name in figures],
            note=told["reason"],
        ),
        Table(
            title="Centres of the clusters",
            headers=headers("cluster", numbers=[name.replace("_", " ") for name in measures]),
            rows=[
                [Cell(text=letter), *(number(told["centres"][letter][name], 3) for name in measures)]
                for letter in LETTERS
            ],
        ),
    ]


def counted(title: str, classes: Any, counts: Any, row: str, column: str) -> Table:
    """Return counts from class to class as a table."""
    return Table(
        title=title,
        headers=headers(f"{row} \\ {column}", numbers=classes),
        rows=[
            [Cell(text=letter), *(number(count) for count in line)]
            for letter, line in zip(classes, counts, strict=True)
        ],
    )
