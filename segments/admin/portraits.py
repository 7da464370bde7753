"""Portraits of customers and of groups on staff pages, and the evidence of a label."""

from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from precision.engine import runs
from precision.engine.display import NOTHING, joined, link
from precision.shop import scopes
from precision.shop.admin import panels
from precision.shop.admin.reports import Cell, Table, headers
from precision.shop.models import Customer, Identity, Platform
from precision.shop.scopes import Scope
from segments import evidence, masking
from segments.admin import cells, portrait_tables
from segments.admin.portrait_tables import OVERALL, PAGES
from segments.models import Segment
from segments.portraits import groups, portrait

TEMPLATE = "precision_segments/portrait.html"


class GroupForm(forms.Form):
    """Which segment of which shop."""

    segment = forms.ModelChoiceField(
        Segment.objects.select_related("platform", "organisation").order_by("platform__key", "key"),
        label="Segment",
        widget=UnfoldAdminSelectWidget,
        empty_label=None,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["segment"].label_from_instance = lambda one: f"{one.scope}: {one.name}"  # type: ignore[attr-defined]


class PortraitPages:
    """The pages beside the list: a customer, a group, the evidence of a label; goes before the admin class."""

    admin_site: AdminSite

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        name = "precision_segments_labeloverride"
        return [
            path("portrait/<int:customer>/", view(self.person), name=f"{name}_portrait"),
            path("evidence/<int:customer>/<str:label>/", view(self.evidence), name=f"{name}_evidence"),
            path("group/", view(self.group), name=f"{name}_group"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def person(self, request: HttpRequest, customer: int) -> HttpResponse:
        """Show the portrait of a customer at one shop, or over all with ?shop=overall."""
        who, scope, identity = _chosen(request, customer)
        found = portrait(identity, sight=masking.of_user(request.user), scope=scope)
        notices = (
            [f"Your role does not show all values: they read {masking.MASKED}."] if found["masked"] else []
        )
        return _page(
            self,
            request,
            title=f"Portrait of {identity.value}",
            links=_scopes(who, scope),
            intro=_first_words(found),
            notices=notices,
            tables=portrait_tables.of_person(found, customer, scope),
        )

    def evidence(self, request: HttpRequest, customer: int, label: str) -> HttpResponse:
        """Show why a customer has the value of a label."""
        _, scope, identity = _chosen(request, customer)
        try:
            found = evidence.evidence(scope, customer, label, sight=masking.of_user(request.user))
        except evidence.UnknownLabelError as error:
            raise Http404(str(error)) from error
        rows = [
            [Cell(text=name), Cell(text=text)]
            for name, _, text in (line.partition(": ") for line in found["lines"])
        ]
        facts = joined(
            [
                link(identity, f"{identity.platform.key}: {identity.value}"),
                format_html('<a class="precision-link" href="{}">portrait</a>', _address(customer, scope)),
                format_html('<a class="precision-link" href="{}">their orders</a>', _orders(identity)),
            ]
        )
        pinned = found["pinned"]
        notices = [f"Pinned by {pinned['by']}: {pinned['reason']}"] if pinned else []
        return _page(
            self,
            request,
            title=f"{found['title']}: {cells.value(label, found['value'])}",
            links=facts,
            intro=f"{found['formula']} Kind: {found['kind']}, version {found['version']}; as of {found['as_of']}.",
            notices=notices,
            tables=[
                Table(
                    title="What it rests on",
                    headers=headers("figure", "value"),
                    rows=rows,
                    empty="Masked for your role." if found["masked"] else "Nothing is known.",
                )
            ],
        )

    def group(self, request: HttpRequest) -> HttpResponse:
        """Show how the members of a segment differ from everyone."""
        if not request.user.has_perm("precision_segments.view_segment"):
            raise PermissionDenied
        form = GroupForm(request.GET or None)
        if not form.is_valid():
            return _page(
                self, request, title="Portrait of a group", form=form, intro="Choose a segment.", tables=[]
            )
        segment: Segment = form.cleaned_data["segment"]
        run = runs.published("segments", segment.scope)
        found = groups.of_segment(
            scopes.read(segment.scope), segment, run, sight=masking.of_user(request.user)
        )
        of = (
            f"{found['share']:.1%} of {found['of']:,}"
            if found["share"] is not None
            else "nobody has labels yet"
        )
        notices = [f"{cells.title(name)}: {why}" for name, why in found["withheld"].items()]
        return _page(
            self,
            request,
            title=f"Portrait of “{segment.name}”",
            form=form,
            intro=f"{found['size']:,} customers, {of}. Beside everyone; what differs most stands first.",
            notices=notices,
            sentences=found["summary"],
            wide=True,
            tables=portrait_tables.of_group(found),
        )


@panels.panel(panels.CUSTOMER, "portrait")
def portrait_links(customer: Any) -> SafeString | str:
    """Return links to the portraits of a customer: at each shop, and over all of several."""
    keys = sorted({one.platform.key for one in customer.known})
    names = [*keys, OVERALL] if len(keys) > 1 else keys
    return (
        joined(
            format_html(
                '<a class="precision-link" href="{}?shop={}">{}</a>',
                reverse(f"{PAGES}_portrait", args=[customer.pk]),
                name,
                name,
            )
            for name in names
        )
        if names
        else NOTHING
    )


def _chosen(request: HttpRequest, customer: int) -> tuple[Customer, Scope, Identity]:
    """Return the customer, the scope that is asked for and the identity they are shown under; 403 or 404 without."""
    if not request.user.has_perm("precision_shop.view_customer"):
        raise PermissionDenied
    who = Customer.objects.select_related("organisation").filter(pk=customer).first()
    names = Identity.objects.filter(customer_id=customer).select_related("platform")
    shop = request.GET.get("shop", "")
    if shop not in {"", OVERALL}:
        names = names.filter(platform__key=shop)
    # A customer id tells more than a device.
    identity = sorted(names[:1_000], key=lambda one: (one.kind != Identity.Kind.CUSTOMER_ID, one.pk))
    if who is None or not identity:
        raise Http404("There is no such customer at this shop.")
    scope = scopes.overall(who.organisation) if shop == OVERALL else scopes.of(identity[0].platform)
    return who, scope, identity[0]


def _scopes(who: Customer, scope: Scope) -> SafeString:
    """Return links to the customer's page and to the portraits of other scopes."""
    keys = list(
        Platform.objects.filter(identities__customer=who)
        .order_by("key")
        .values_list("key", flat=True)
        .distinct()
    )
    names = [*keys, OVERALL] if len(keys) > 1 else keys
    shown = OVERALL if scope.overall else scope.key
    return joined(
        [
            link(who),
            *(
                format_html("<b>{}</b>", name)
                if name == shown
                else format_html('<a class="precision-link" href="?shop={}">{}</a>', name, name)
                for name in names
            ),
        ]
    )


def _address(customer: int, scope: Scope) -> str:
    return f"{reverse(f'{PAGES}_portrait', args=[customer])}?shop={OVERALL if scope.overall else scope.key}"


def _orders(identity: Identity) -> str:
    return f"{reverse('admin:precision_shop_order_changelist')}?identity__id__exact={identity.pk}"


def _first_words(found: dict[str, Any]) -> str:
    """Return who it is in one sentence."""
    bought = found["consumption"]
    letter = found["price_class"]
    parts = [f"{bought['orders']:,} orders"]
    if bought["spend"] is not None and bought["currency"]:
        parts.append(f"{float(bought['spend']):,.2f} {bought['currency']} spent")
    if bought["last_order_at"]:
        parts.append(f"the last on {bought['last_order_at']:%Y-%m-%d}")
    if letter:
        parts.append(f"class {letter['class']}: {letter['reason']}")
    return ", ".join(parts) + "."


def _page(admin: Any, request: HttpRequest, **context: Any) -> TemplateResponse:
    """Return the page in the dress of the others."""
    return TemplateResponse(request, TEMPLATE, {**admin.admin_site.each_context(request), **context})
