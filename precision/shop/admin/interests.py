"""Staff pages of interests, of the words that mean them, and of who brought whom."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.forms import ModelForm, ValidationError
from django.utils.safestring import SafeString

from precision.engine import runs
from precision.engine.display import NOTHING, figure, link, table
from precision.engine.staff import IndexedSearch, LargeAdmin, ResultAdmin, StaffAdmin, link_column
from precision.shop import interests
from precision.shop.admin import panels, searching
from precision.shop.models import Event, Interest, InterestWord, Platform, Referral

SHOWN = 20


@admin.register(Interest)
class InterestAdmin(IndexedSearch, ResultAdmin):
    list_display = [
        "topic",
        "identity_link",
        "platform",
        "category",
        "shown_score",
        "mentions",
        "last_at",
        "run_link",
    ]
    list_select_related = ["run", "identity", "platform", "category"]
    search_fields = ["topic"]
    search_help_text = "Customer id or anonymous id in full, or a topic"
    ordering = ["run_id", "topic", "id"]
    fieldsets = [
        (None, {"fields": [("topic", "category"), ("identity_link", "platform"), "run_link"]}),
        ("Why", {"fields": [("shown_score", "mentions", "last_at"), "evidence"]}),
    ]
    identity_link = link_column("identity", "customer")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the interests of the identities of this value, else those of this topic."""
        if identities := searching.identity_ids(term):
            return rows.filter(identity_id__in=identities)
        return rows.filter(topic=term)

    @admin.display(description="score", ordering="score")
    def shown_score(self, interest: Interest) -> str:
        return figure(interest.score, 2)

    @admin.display(description="evidence")
    def evidence(self, interest: Interest) -> SafeString | str:
        """The events whose texts name the topic; an index on identity and time serves them."""
        found = Event.objects.filter(identity=interest.identity_id, pk__in=interest.events).order_by("-at")
        return table(
            ["event", "at"], [(link(each, each.name), f"{each.at:%Y-%m-%d %H:%M}") for each in found]
        )


class WordForm(ModelForm):  # type: ignore[type-arg]
    """A word of staff."""

    def clean(self) -> dict[str, Any]:
        """Return the values; a category of another shop is refused."""
        data = super().clean() or {}
        platform, category = data.get("platform") or self.instance.platform, data.get("category")
        if category and category.platform_id != platform.pk:
            raise ValidationError({"category": f"This category belongs to another shop than {platform}."})
        return data


@admin.register(InterestWord)
class InterestWordAdmin(StaffAdmin):
    form = WordForm
    list_display = ["word", "topic", "category", "platform"]
    list_filter = ["platform"]
    list_select_related = ["platform", "category__platform"]
    search_fields = ["word", "topic"]
    ordering = ["platform_id", "word"]
    autocomplete_fields = ["platform", "category"]
    fieldsets = [
        (
            None,
            {
                "fields": ["platform", ("word", "topic"), "category"],
                "description": "Words of staff go before names of categories and words of titles; they count from the "
                "next computation of interests on.",
            },
        )
    ]


@admin.register(Referral)
class ReferralAdmin(IndexedSearch, LargeAdmin):
    list_display = ["at", "platform", "referrer_link", "referred_link"]
    list_filter = ["platform"]
    list_select_related = ["platform", "referrer", "referred"]
    search_fields = ["referrer__value"]
    search_help_text = "Customer id of either, in full"
    ordering = ["-id"]
    fields = ["platform", "at", "referrer_link", "referred_link"]
    referrer_link = link_column("referrer", "who brought")
    referred_link = link_column("referred", "whom")

    def find(self, rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        """Return the referrals by, or of, the identities of this value."""
        identities = searching.identity_ids(term)
        return rows.filter(Q(referrer_id__in=identities) | Q(referred_id__in=identities))


@panels.panel(panels.CUSTOMER, "wants, in their own words")
def wants(customer: Any) -> SafeString | str:
    """Return the strongest interests of a customer on each platform that knows them."""
    rows = []
    for platform in Platform.objects.filter(pk__in={one.platform_id for one in customer.known}):
        run = runs.published("interests", platform.key)
        found = interests.of_customer(platform, customer.pk, run=run.pk) if run else []
        rows += [
            (
                each["topic"],
                platform.key,
                figure(each["score"], 2),
                each["mentions"],
                f"{each['last_at']:%Y-%m-%d}",
            )
            for each in found[:SHOWN]
        ]
    return table(["topic", "shop", "score", "mentions", "last named"], rows)


@panels.panel(panels.CUSTOMER, "referrals")
def referrals_of(customer: Any) -> SafeString | str:
    """Return who brought a customer and whom the customer brought, the newest first."""
    identities = [one.pk for one in customer.known]
    rows = Referral.objects.filter(Q(referrer__in=identities) | Q(referred__in=identities))
    return (
        table(
            ["when", "who brought", "whom"],
            [
                (
                    f"{each.at:%Y-%m-%d}",
                    link(each.referrer, each.referrer.value),
                    link(each.referred, each.referred.value),
                )
                for each in rows.select_related("referrer", "referred").order_by("-at")[:SHOWN]
            ],
        )
        or NOTHING
    )
