"""Staff pages of organisations, their shops and the keys that open them."""

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.decorators import display as labelled

from precision.engine.display import joined, list_link
from precision.engine.staff import StaffAdmin, go_to, link_column
from precision.shop import pii, platforms, retention
from precision.shop.models import ApiKey, Customer, Order, Organisation, Platform, Product
from precision.shop.platforms import Credentials


class KeptAdmin(StaffAdmin):
    """Pages of what is switched off and never deleted: too much hangs on it."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Organisation)
class OrganisationAdmin(KeptAdmin):
    list_display = ["name", "key", "pages", "created_at"]
    search_fields = ["key", "name"]
    fields = ["name", "key", "created_at", "pages"]
    readonly_fields = ["created_at", "pages"]

    @admin.display(description="see also")
    def pages(self, organisation: Organisation) -> SafeString | str:
        return _lists(("shops", Platform), ("customers", Customer), organisation=organisation)


class PlatformForm(ModelForm):  # type: ignore[type-arg]
    """A shop, with days of retention that mean something."""

    def clean_retention(self) -> dict[str, int | None]:
        """Return the days by kind; raise ValidationError for an unknown kind, or for no number of days."""
        given: dict[str, int | None] = self.cleaned_data["retention"] or {}
        retention.validate(given)
        return given


@admin.register(Platform)
class PlatformAdmin(KeptAdmin):
    form = PlatformForm
    list_display = ["name", "key", "owner", "currency", "timezone", "active", "historical", "pages"]
    list_filter = ["active", "historical"]
    list_select_related = ["organisation"]
    search_fields = ["key", "name"]
    autocomplete_fields = ["organisation"]
    fieldsets = [
        (
            None,
            {"fields": [("name", "key"), "organisation", ("currency", "timezone"), ("active", "historical")]},
        ),
        ("Facts", {"fields": ["created_at", "pages", "keep_bots"]}),
        ("Kept for", {"fields": ["retention"]}),
    ]
    add_fieldsets = fieldsets[:1]
    owner = link_column("organisation")

    def get_readonly_fields(self, request: HttpRequest, obj: Platform | None = None) -> list[str]:
        """Return what cannot be changed: key and owner are in what was computed and joined already."""
        return ["created_at", "pages", *(["key", "organisation"] if obj else [])]

    @admin.display(description="see also")
    def pages(self, platform: Platform) -> SafeString | str:
        kinds = (("orders", Order), ("products", Product), ("keys", ApiKey))
        return _lists(*kinds, platform=platform)

    def save_model(self, request: HttpRequest, obj: Platform, form: Any, change: bool) -> None:
        """Save a change; open a new shop together with its keys, which the next page shows."""
        if change:
            super().save_model(request, obj, form, change)
            return
        credentials = platforms.create_platform(
            obj.key,
            name=obj.name,
            organisation=obj.organisation.key,
            currency=obj.currency,
            timezone=obj.timezone,
            historical=obj.historical,
        )
        made = Platform.objects.get(key=obj.key)
        Platform.objects.filter(pk=made.pk).update(active=obj.active)
        obj.pk = made.pk
        obj.refresh_from_db()
        request.credentials = credentials  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: Platform, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the new shop's keys: the only time that anybody can read them."""
        made: Credentials = request.credentials  # type: ignore[attr-defined]
        secrets = {
            "Server key": made.server_key,
            "Write key": made.write_key,
            "Secret of user_hash": made.user_hash_secret,
        }
        return _shown_once(self, request, obj, secrets)


@admin.register(ApiKey)
class ApiKeyAdmin(KeptAdmin):
    list_display = ["__str__", "name", "shop", "kind", "scopes", "state", "created_at"]
    list_filter = ["platform", "kind", ("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["platform"]
    search_fields = ["name", "prefix__startswith"]
    search_help_text = "Name or first characters"
    fieldsets = [
        (None, {"fields": ["platform", "kind", "name"]}),
        ("Use", {"fields": ["prefix", "scopes", "rate_limit", "created_at", "revoked_at"]}),
    ]
    add_fieldsets = fieldsets[:1]
    actions_detail = ["widen", "open_sensitive", "revoke"]
    shop = link_column("platform", "shop")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """Return what cannot be changed: only the name of an existing key can."""
        fixed = ["prefix", "scopes", "created_at", "revoked_at"]
        return [*fixed, "platform", "kind"] if obj else fixed

    @labelled(  # type: ignore[untyped-decorator]
        description="state", label={"valid": "success", "revoked": "danger"}
    )
    def state(self, key: ApiKey) -> str:
        return "revoked" if key.revoked_at else "valid"

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Save a new name; make a new key, which the next page shows."""
        if change:
            super().save_model(request, obj, form, change)
            return
        key = platforms.issue_key(obj.platform, ApiKey.Kind(obj.kind), name=obj.name)
        obj.pk = ApiKey.objects.values_list("pk", flat=True).get(digest=pii.digest(key))
        obj.refresh_from_db()
        request.issued_key = key  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the new key: the only time that anybody can read it."""
        key: str = request.issued_key  # type: ignore[attr-defined]
        return _shown_once(self, request, obj, {obj.get_kind_display(): key})

    def has_widen_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may change keys and the key is a valid one of a shop's server that is not wide yet."""
        if not self.has_change_permission(request):
            return False
        rows = ApiKey.objects.filter(kind=ApiKey.Kind.SERVER, revoked_at__isnull=True)
        rows = rows.exclude(scopes__contains=[platforms.ORGANISATION])
        return object_id is None or rows.filter(pk=object_id).exists()

    @action(  # type: ignore[untyped-decorator]
        description="Widen",
        icon="join",
        permissions=["widen"],
        dialog={
            "title": "Let this key speak for the whole organisation?",
            "form_class": None,
            "form_submit_text": "Widen",
            "description": "It may then export and erase the joined person, with what the other shops of the "
            "organisation know of them.",
        },
    )
    def widen(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        """Give the key the scope of the organisation; runs only after the dialog was confirmed."""
        key = ApiKey.objects.get(pk=object_id)
        if platforms.ORGANISATION not in key.scopes:
            key.scopes.append(platforms.ORGANISATION)
            key.save(update_fields=["scopes"])
            self.log_change(request, key, "Widened to the organisation.")
            messages.success(request, f"The key {key} speaks for {key.platform.organisation} now.")
        return go_to(request, reverse("admin:precision_shop_apikey_change", args=[key.pk]))

    def has_open_sensitive_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may change keys and the key is a valid one of a server that sees them masked."""
        if not self.has_change_permission(request):
            return False
        rows = ApiKey.objects.filter(kind=ApiKey.Kind.SERVER, revoked_at__isnull=True)
        rows = rows.exclude(scopes__contains=[platforms.SENSITIVE])
        return object_id is None or rows.filter(pk=object_id).exists()

    @action(  # type: ignore[untyped-decorator]
        description="Show sensitive",
        icon="visibility",
        permissions=["open_sensitive"],
        dialog={
            "title": "Let this key see sensitive values?",
            "form_class": None,
            "form_submit_text": "Show",
            "description": "Its answers then tell income, marriage and age of people, which are masked otherwise.",
        },
    )
    def open_sensitive(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        """Give the key the scope of sensitive values; runs only after the dialog was confirmed."""
        key = ApiKey.objects.get(pk=object_id)
        if platforms.SENSITIVE not in key.scopes:
            key.scopes.append(platforms.SENSITIVE)
            key.save(update_fields=["scopes"])
            self.log_change(request, key, "Sees sensitive values.")
            messages.success(request, f"The key {key} sees sensitive values now.")
        return go_to(request, reverse("admin:precision_shop_apikey_change", args=[key.pk]))

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Whether this person may change keys and the key is still valid; the button hides otherwise."""
        if not self.has_change_permission(request):
            return False
        return object_id is None or ApiKey.objects.filter(pk=object_id, revoked_at__isnull=True).exists()

    @action(  # type: ignore[untyped-decorator]
        description="Revoke",
        icon="key_off",
        permissions=["revoke"],
        dialog={
            "title": "Revoke this key?",
            "form_class": None,
            "form_submit_text": "Revoke",
            "description": "Whoever uses it is refused from now on. Nothing makes a revoked key valid again.",
        },
    )
    def revoke(self, request: HttpRequest, form: object, object_id: str) -> HttpResponse:
        """Revoke the key; runs only after the dialog was confirmed."""
        key = ApiKey.objects.get(pk=object_id)
        if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            self.log_change(request, key, "Revoked.")
            messages.success(request, f"The key {key} is revoked.")
        return go_to(request, reverse("admin:precision_shop_apikey_change", args=[key.pk]))


def _shown_once(page: StaffAdmin, request: HttpRequest, obj: Any, secrets: dict[str, str]) -> HttpResponse:
    """Return a page with secrets that nothing keeps: no session, no cookie, no cache."""
    options = obj._meta
    context = {
        **page.admin_site.each_context(request),
        "title": f"Write these down: {obj}",
        "opts": options,
        "secrets": secrets,
        "next": reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[obj.pk]),
    }
    response = TemplateResponse(request, "precision_shop/shown_once.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _lists(*kinds: tuple[str, type[Any]], **of: Any) -> SafeString | str:
    """Return links to the lists of what belongs to an object."""
    query = {f"{name}__id__exact": target.pk for name, target in of.items()}
    return joined(list_link(model, text, **query) for text, model in kinds)
