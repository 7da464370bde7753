"""The portrait of a customer at one platform: who they are, what they buy, beside everyone."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import (
    Avg,
    BigIntegerField,
    Count,
    DecimalField,
    ExpressionWrapper,
    F,
    Max,
    Min,
    Model,
    Q,
    Sum,
)
from django.db.models.functions import Coalesce

from precision.engine import runs
from precision.shop import columns
from precision.shop.api.freshness import Cache
from precision.shop.fields import MoneyField
from precision.shop.models import Category, Identity, Order, OrderLine, Platform, Profile
from segments.methods.price_classes import REASONS
from segments.models import CustomerClass, RfmScore, SegmentMember

SENSITIVE = ("age", "birth_date", "income", "marital_status")
"""Attributes that staff see masked unless their role allows more; a shop's own server gets what it gave."""
GIVEN = (
    "registered_at", "birth_date", "gender", "country", "city", "occupation", "education", "income",
    "marital_status", "language", "timezone", "traits",
)  # fmt: skip
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
TOP_CATEGORIES = 10

# Means over the rows of a published run, which never change.
_everyone: Cache[tuple[str, int], dict[str, Any]] = Cache(seconds=None, most=1_000)


def portrait(platform: Platform, identity: Identity) -> dict[str, Any]:
    """Return what is known of the customer behind an identity, from this platform's facts only.

    About eight queries. A part that was not computed for this customer is None.
    """
    pointers = runs.published_ids(platform.key)
    customer = identity.customer_id
    letter = CustomerClass.objects.filter(
        run_id=pointers.get("price-classes", 0), customer_id=customer
    ).first()
    score = RfmScore.objects.filter(run_id=pointers.get("rfm", 0), customer_id=customer).first()
    members = SegmentMember.objects.filter(run_id=pointers.get("segments", 0), customer_id=customer)
    return {
        "customer_id": identity.value,
        "attributes": attributes(identity),
        "sensitive": list(SENSITIVE),
        "price_class": None
        if letter is None
        else {
            "class": letter.letter,
            "reason": REASONS.get(letter.reason, letter.reason),
            **{name: _plain(getattr(letter, name)) for name in CLASS_FIGURES},
        },
        "rfm": None
        if score is None
        else {
            "group": score.group,
            **{name: _plain(getattr(score, name)) for name in RFM_FIGURES},
            **{name: getattr(score, name) for name in ("recency_score", "frequency_score", "money_score")},
        },
        "consumption": consumption(platform, customer),
        "segments": [
            {"key": key, "name": name}
            for key, name in members.order_by("segment__key").values_list("segment__key", "segment__name")
        ],
        "everyone": {
            "price_class": _means(CustomerClass, pointers.get("price-classes"), CLASS_FIGURES),
            "rfm": _means(RfmScore, pointers.get("rfm"), RFM_FIGURES),
        },
    }


def attributes(identity: Identity) -> dict[str, Any]:
    """Return what the shop told about the person, with their age today; what it did not tell is None."""
    profile = Profile.objects.filter(identity=identity).first()
    known: dict[str, Any] = (
        dict.fromkeys(GIVEN) if profile is None else {name: getattr(profile, name) or None for name in GIVEN}
    )
    return {"age": age(known["birth_date"], date.today()), **known}  # noqa: DTZ011 - a person's age is no instant


def age(birth: date | None, today: date) -> int | None:
    """Return full years, or None without a date of birth or with one in the future."""
    if birth is None or birth > today:
        return None
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def consumption(platform: Platform, customer: int) -> dict[str, Any]:
    """Return what a customer bought on a platform, net of what came back; two queries.

    `spend` and the shares of categories are sums over lines of quantity × unit price; cancelled orders and those that
    only a browser told count nothing.
    """
    lines = OrderLine.objects.filter(
        order__identity__customer_id=customer, order__platform=platform, order__confirmed=True
    ).exclude(order__status=Order.Status.CANCELLED)
    # The columns hold whole numbers of 1/10,000 and 1/1,000; multiplied in the database, scaled here once.
    worth = ExpressionWrapper(F("quantity") * F("unit_price"), output_field=BigIntegerField())
    amount = Sum(worth, output_field=DecimalField())
    totals = lines.aggregate(
        orders=Count("order", distinct=True, filter=~Q(order__status=Order.Status.RETURNED)),
        first=Min("order__placed_at"),
        last=Max("order__placed_at"),
        spend=amount,
    )
    category = Coalesce(F("product__same_as__category_id"), F("product__category_id"))
    shares = list(
        lines.values(node=category)
        .annotate(spend=amount)
        .filter(spend__gt=0)
        .order_by("-spend", "node")
        .values_list("node", "spend")
    )
    spent = sum((spend for _, spend in shares), Decimal(0))
    paths = dict(
        Category.objects.filter(id__in=[node for node, _ in shares[:TOP_CATEGORIES]]).values_list(
            "id", "path"
        )
    )
    spend = _scaled(totals["spend"])
    return {
        "orders": totals["orders"],
        "first_order_at": totals["first"],
        "last_order_at": totals["last"],
        "spend": str(spend),
        "currency": platform.currency,
        "average_order": str((spend / totals["orders"]).quantize(Decimal("0.01")))
        if totals["orders"]
        else None,
        "categories": [
            {"category": paths.get(node), "spend": str(_scaled(spend)), "share": float(spend / spent)}
            for node, spend in shares[:TOP_CATEGORIES]
        ],
    }


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
            name: str(_cents(Decimal(mean) / columns.MONEY))
            if isinstance(model._meta.get_field(name), MoneyField) and mean is not None
            else mean
            for name in figures
            for mean in [means[f"mean_{name}"]]
        }
        return {"customers": means["customers"], **scaled}

    return _everyone.get((model.__name__, run), load)


def _scaled(product: Decimal | None) -> Decimal:
    """Return a sum of quantity × unit price, as stored, in currency units and cents."""
    return _cents(Decimal(product or 0) / (columns.MONEY * columns.QUANTITY))


def _cents(amount: Decimal) -> Decimal:
    """Return an amount with two decimals."""
    return amount.quantize(Decimal("0.01"))


def _plain(value: Any) -> Any:
    """Return money as a decimal string and other numbers as they are."""
    return str(_cents(value)) if isinstance(value, Decimal) else value
