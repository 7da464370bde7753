"""The portrait of a customer: who they are, what they buy, when and by what they are in contact, beside everyone."""

from decimal import Decimal
from typing import Any

from django.db.models import Avg, Count, Model

from precision.engine import runs
from precision.shop import columns, interests, scopes
from precision.shop.api.freshness import Cache
from precision.shop.fields import MoneyField
from precision.shop.models import Identity
from precision.shop.scopes import Scope
from segments import masking
from segments.labels.values import labels_in
from segments.masking import Sight
from segments.methods.price_classes import REASONS
from segments.models import CustomerClass, RfmScore, SegmentMember
from segments.portraits import habits, labels
from segments.portraits.attributes import attributes, joined_attributes
from segments.portraits.consumption import cents, consumption, joined_consumption
from segments.portraits.timeline import timeline

CLASS_FIGURES = (
    "price_position",
    "buyer_position",
    "price_spread",
    "discount_share",
    "spend",
    "saved",
    "orders",
    "lines",
)
RFM_FIGURES = ("recency_days", "frequency", "money")

# Means over the rows of a published run, which never change.
_means_of: Cache[tuple[str, int], dict[str, Any]] = Cache(seconds=None, most=1_000)


def portrait(identity: Identity, *, sight: Sight, scope: Scope | None = None) -> dict[str, Any]:
    """Return what is known of the customer behind an identity, as somebody with this sight may see it.

    `scope` is the identity's own platform, unless the joined person over all platforms is asked for. About twenty
    queries. A part that was not computed for this customer is None.
    """
    scope = scope or scopes.of(identity.platform)
    pointers = runs.published_ids(scope.key)
    customer = identity.customer_id
    named = list(
        Identity.objects.filter(customer_id=customer, platform__in=scope.platforms).order_by("kind", "pk")
    )
    values = labels_in(scope, customer)
    members = SegmentMember.objects.filter(run_id=pointers.get("segments", 0), customer_id=customer)
    return {
        "customer_id": identity.value,
        "scope": scope.key,
        "attributes": _attributes(scope, identity, named, sight),
        "sensitive": sorted(masking.SENSITIVE_ATTRIBUTES),
        "masked": not sight.sensitive or not sight.personal,
        "price_class": _price_class(pointers.get("price-classes", 0), customer),
        "rfm": _rfm(pointers.get("rfm", 0), customer),
        "consumption": consumption(scope.platforms[0], customer)
        if not scope.overall
        else joined_consumption(scope.platforms, customer),
        "habits": habits.of_customer(scope.key, customer),
        "labels": labels.beside_everyone(scope, values, sight),
        "segments": [
            {"key": key, "name": name}
            for key, name in members.order_by("segment__key").values_list("segment__key", "segment__name")
        ],
        "interests": _interests(scope, customer),
        "timeline": timeline(scope.platforms, [each.pk for each in named]),
        "everyone": {
            "price_class": _means(CustomerClass, pointers.get("price-classes"), CLASS_FIGURES),
            "rfm": _means(RfmScore, pointers.get("rfm"), RFM_FIGURES),
        },
    }


def _attributes(scope: Scope, identity: Identity, named: list[Identity], sight: Sight) -> dict[str, Any]:
    """Return what the platform told, or overall what any did, the asking one's words first."""
    if not scope.overall:
        return attributes(identity, sight)
    others = [each for each in named if each.kind == Identity.Kind.CUSTOMER_ID and each.pk != identity.pk]
    return joined_attributes([identity, *others], sight)


def _price_class(run: int, customer: int) -> dict[str, Any] | None:
    """Return the class of the customer with its evidence."""
    letter = CustomerClass.objects.filter(run_id=run, customer_id=customer).first()
    if letter is None:
        return None
    figures = {name: _plain(getattr(letter, name)) for name in CLASS_FIGURES}
    return {"class": letter.letter, "reason": REASONS.get(letter.reason, letter.reason), **figures}


def _rfm(run: int, customer: int) -> dict[str, Any] | None:
    """Return recency, frequency and money of the customer with their scores."""
    score = RfmScore.objects.filter(run_id=run, customer_id=customer).first()
    if score is None:
        return None
    return {
        "group": score.group,
        **{name: _plain(getattr(score, name)) for name in RFM_FIGURES},
        **{name: getattr(score, name) for name in ("recency_score", "frequency_score", "money_score")},
    }


def _interests(scope: Scope, customer: int) -> list[dict[str, Any]]:
    """Return the topics of the customer's own words on each platform, the strongest first."""
    found = []
    for platform in scope.platforms:
        run = runs.published_ids(platform.key).get("interests")
        if run is not None:
            topics = interests.of_customer(platform, customer, run=run)
            found += [
                {
                    "topic": topic["topic"],
                    "score": topic["score"],
                    "mentions": topic["mentions"],
                    "last_at": topic["last_at"],
                }
                for topic in topics
            ]
    return sorted(found, key=lambda topic: (-topic["score"], topic["topic"]))


def _means(model: type[Model], run: int | None, figures: tuple[str, ...]) -> dict[str, Any] | None:
    """Return how many customers a run has, and the mean of each figure; None without a run. Kept per run."""
    if run is None:
        return None

    def load() -> dict[str, Any]:
        means = model._default_manager.filter(run_id=run).aggregate(
            customers=Count("id"), **{f"mean_{name}": Avg(name) for name in figures}
        )
        # Money is stored as whole numbers, and its mean is a mean of those.
        scaled = {
            name: str(cents(Decimal(mean) / columns.MONEY))
            if isinstance(model._meta.get_field(name), MoneyField) and mean is not None
            else mean
            for name in figures
            for mean in [means[f"mean_{name}"]]
        }
        return {"customers": means["customers"], **scaled}

    return _means_of.get((model.__name__, run), load)


def _plain(value: Any) -> Any:
    """Return money as a decimal string and other numbers as they are."""
    return str(cents(value)) if isinstance(value, Decimal) else value
