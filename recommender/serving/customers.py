"""What is known of the person an answer is for."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import BigIntegerField, F, Func, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, JSONObject

from precision.shop import stitching
from precision.shop.models import Event, Identity, Order, OrderLine, Platform
from recommender.models import CustomerList
from segments.models import CustomerClass, PriceClass, SegmentMember

MOST_LINES = 3_000
CATEGORY_LINES = 100
CATEGORIES = 3
SESSION_EVENTS = 30


@dataclass(frozen=True, slots=True)
class StoredList:
    """A list that a job made for a customer; the parts run in step."""

    items: list[int]
    sources: list[str]
    anchors: list[int | None]


EMPTY = StoredList([], [], [])


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer or visitor, as far as the caller may know them; the default is a stranger."""

    customer: int | None = None
    letter: str = PriceClass.U.value
    segments: list[str] = field(default_factory=list)
    bought: list[int] = field(default_factory=list)
    """Products bought on this platform and not given back, the latest first, each once."""
    categories: list[int] = field(default_factory=list)
    """The categories bought from most often lately, at most CATEGORIES."""
    for_you: StoredList = EMPTY
    buy_again: StoredList = EMPTY
    seen: list[int] = field(default_factory=list)
    """Products seen by an anonymous visitor, the latest first, each once."""


STRANGER = Person()


def known(platform: Platform, *, kind: str, value: str, run_ids: dict[str, int]) -> Person | None:
    """Return the person behind an identity, or None when the platform has no such identity. One query.

    None, too, for an anonymous id that no verified link joins to its person: anybody's browser could have said so.
    Purchases are those of this platform only: a key sees nothing of the organisation's other shops.
    """
    named = Identity.objects.filter(platform=platform, kind=kind, value=value)
    return _first(stitching.verified(named), platform, run_ids)


def by_identity(platform: Platform, identity: int | None, *, run_ids: dict[str, int]) -> Person:
    """Return the person behind an identity by our id; a guest (None) is a stranger. One query."""
    if identity is None:
        return STRANGER
    return _first(Identity.objects.filter(platform=platform, id=identity), platform, run_ids) or STRANGER


def _first(identities: QuerySet[Identity], platform: Platform, run_ids: dict[str, int]) -> Person | None:
    """Read everything about the first identity of a queryset in one statement."""
    lines = OrderLine.objects.filter(
        order__identity__customer_id=OuterRef("customer_id"),
        order__platform=platform,
        order__confirmed=True,
        quantity__gt=0,
    ).exclude(order__status__in=[Order.Status.CANCELLED, Order.Status.RETURNED])
    # One array [product, category] a line: both from one scan.
    pair = Func(
        Coalesce(F("product__same_as_id"), F("product_id")),
        F("product__category_id"),
        template="ARRAY[%(expressions)s]",
        output_field=ArrayField(BigIntegerField(null=True)),
    )
    row = (
        identities.annotate(
            letter=Subquery(_of(CustomerClass, run_ids.get("price-classes")).values("letter")[:1]),
            segments=ArraySubquery(
                _of(SegmentMember, run_ids.get("segments")).order_by("segment__key").values("segment__key")
            ),
            bought=ArraySubquery(lines.order_by("-order__placed_at", "id").values(pair=pair)[:MOST_LINES]),
            lists=ArraySubquery(
                _of(CustomerList, run_ids.get("recommendations")).values(
                    content=JSONObject(kind="kind", items="items", sources="sources", anchors="anchors")
                )
            ),
        )
        .values_list("customer_id", "letter", "segments", "bought", "lists")
        .first()
    )
    if row is None:
        return None
    customer, letter, segments, bought, lists = row
    stored = {
        entry["kind"]: StoredList(entry["items"], entry["sources"], entry["anchors"]) for entry in lists
    }
    return Person(
        customer=customer,
        letter=letter or PriceClass.U.value,
        segments=segments,
        bought=list(dict.fromkeys(product for product, _ in bought)),
        categories=favourite([category for _, category in bought[:CATEGORY_LINES]]),
        for_you=stored.get(CustomerList.Kind.FOR_YOU, EMPTY),
        buy_again=stored.get(CustomerList.Kind.BUY_AGAIN, EMPTY),
    )


def favourite(categories: list[int | None]) -> list[int]:
    """Return the most frequent categories of a list, most frequent first, the earlier one on a tie."""
    counted = Counter(category for category in categories if category is not None)
    return [category for category, _ in counted.most_common(CATEGORIES)]


def _of(model: Any, run: int | None) -> Any:
    """Return the rows of a run that belong to the customer of the outer query; none without a run."""
    return model.objects.filter(run_id=run or 0, customer_id=OuterRef("customer_id"))


def seen_lately(platform: Platform, anonymous_id: str) -> list[int]:
    """Return the products an anonymous visitor looked at, the latest first, each once. One query."""
    rows = (
        Event.objects.filter(
            ~Q(product=None),
            platform=platform,
            identity__in=Identity.objects.filter(
                platform=platform, kind=Identity.Kind.ANONYMOUS_ID, value=anonymous_id
            ).values("id"),
        )
        .order_by("-at")
        .values_list(Coalesce(F("product__same_as_id"), F("product_id")), flat=True)[:SESSION_EVENTS]
    )
    return list(dict.fromkeys(rows))
