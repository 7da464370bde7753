"""A person with rows in every table of facts, on two platforms of one organisation, beside a neighbour."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from precision.engine.models import Publication, Run
from precision.shop import dead_letters, identities, partitions, pii, platforms, stitching
from precision.shop.dead_letters import Letter
from precision.shop.models import (
    Assignment,
    Consent,
    Event,
    Exposure,
    Identity,
    Interest,
    Order,
    OrderLine,
    Platform,
    Product,
    Profile,
    Referral,
    Response,
    Send,
)
from precision.shop.stitching import Link
from recommender.models import CustomerList
from segments.models import (
    ClusterMember,
    CustomerClass,
    CustomerValue,
    CustomerWorth,
    LabelOverride,
    LabelRow,
    RfmScore,
    Segment,
    SegmentListing,
    SegmentMember,
    SegmentSpell,
    StageChange,
    StageNow,
    TargetScore,
)

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
MAIL = "zenobia.quux@canary-mail.org"
PHONE = "+44 20 7946 0018"
NAME = "Zenobia Quux"
WORDS = (
    MAIL,
    PHONE,
    NAME,
    "12 Canary Row",
    "zq-1001",
    "anon-zq-77",
    "zq looks for",
    "zq-session",
    "ZQCOUPON",
    "zq-reason",
)

SEALED = (MAIL, PHONE, NAME, "12 Canary Row")
"""Of the words those that no table holds in the clear."""


COMPUTED = (
    "price-classes", "rfm", "screening", "clusters", "segments", "recommendations", "interests", "lifecycle",
    "value", "scores", "labels",
)  # fmt: skip


@dataclass
class World:
    """Two platforms, the person's identities on each, and what else tests look at."""

    here: Platform
    there: Platform
    ids: dict[str, int] = field(default_factory=dict)


def world(here: Platform) -> World:
    """Return a world whose person is joined over both platforms, with a neighbour who brought them."""
    platforms.create_platform("other", name="Other", organisation=here.organisation.key)
    made = World(here, Platform.objects.get(key="other"))
    for platform, prefix in ((here, "here"), (made.there, "there")):
        names = {
            "user": ("customer_id", "zq-1001"),
            "anonymous": ("anonymous_id", "anon-zq-77"),
            "email": ("email", MAIL),
        }
        found = identities.resolve(platform, set(names.values()), now=NOW)
        made.ids |= {f"{prefix}-{word}": found[name] for word, name in names.items()}
        made.ids[f"{prefix}-neighbour"] = identities.resolve(platform, {("customer_id", "nell")}, now=NOW)[
            ("customer_id", "nell")
        ]
        stitching.link(
            here.organisation_id,
            [
                Link(made.ids[f"{prefix}-user"], made.ids[f"{prefix}-anonymous"], "identify", True, NOW),
                Link(made.ids[f"{prefix}-user"], made.ids[f"{prefix}-email"], "profile", True, NOW),
            ],
        )
        for who in ("user", "neighbour"):
            _facts(platform, made.ids[f"{prefix}-{who}"], "zq" if who == "user" else "nell")
        Referral.objects.create(
            platform=platform,
            referrer_id=made.ids[f"{prefix}-neighbour"],
            referred_id=made.ids[f"{prefix}-user"],
            at=NOW,
        )
        dead_letters.keep(
            platform,
            [
                Letter(kind="event", code="bad", payload={"type": "track", "userId": "zq-1001"}),
                Letter(kind="event", code="bad", payload={"type": "track", "userId": "nell"}),
                Letter(kind="customer", code="bad", payload={"email": f" {MAIL.upper()} "}),
            ],
            source=None,
        )
    stitching.link(
        here.organisation_id, [Link(made.ids["here-email"], made.ids["there-email"], "same-value", True, NOW)]
    )
    return made


def _facts(platform: Platform, identity: int, word: str) -> None:
    product, _ = Product.objects.get_or_create(
        platform=platform, external_id="tea", defaults={"title": "Tea", "currency": "EUR"}
    )
    order = Order.objects.create(
        platform=platform,
        external_id=f"o-{word}",
        identity_id=identity,
        placed_at=NOW,
        currency="EUR",
        coupon=f"{word.upper()}COUPON",
        payment_method="card of " + word,
        context={"note": f"{word}-reason"},
        fingerprint=1,
        words={"at": {"lines": [1, 1], "context.note": [1, 1]}},
    )
    note = Order.objects.create(
        platform=platform,
        external_id=f"o-{word}#1",
        identity_id=identity,
        placed_at=NOW,
        currency="EUR",
        status="returned",
        refers_to=order,
        context={"reason": f"{word}-reason"},
        words={"refund": {"id": "1", "reason": f"{word}-reason", "at": 1}},
        fingerprint=2,
    )
    OrderLine.objects.bulk_create(
        OrderLine(order=each, product=product, quantity=1, unit_price=3) for each in (order, note)
    )
    partitions.ensure_month(NOW.date())
    partitions.ensure_month(NOW.date(), partitions.EXPOSURE)
    for number in range(3):
        Event.objects.create(
            platform=platform,
            identity_id=identity,
            name="Product Viewed",
            at=NOW,
            received_at=NOW,
            message=f"{word:>14}{number:02}".encode(),
            product=product,
            session=f"{word}-session",
            query=f"{word} looks for tea",
            recommendation=f"{word}-rec",
            duration_s=3.5,
            properties={"comment": f"I am {word}"},
        )
    Exposure.objects.create(
        platform=platform, identity_id=identity, recommendation=f"{word}-rec", at=NOW, products=[product.pk]
    )
    Send.objects.create(
        platform=platform,
        campaign="spring",
        identity_id=identity,
        channel="email",
        at=NOW,
        properties={"subject": word},
    )
    Assignment.objects.create(platform=platform, campaign="spring", identity_id=identity, arm="a", at=NOW)
    Response.objects.create(
        platform=platform,
        message=word.encode(),
        kind="clicked",
        identity_id=identity,
        recommendation=f"{word}-rec",
        at=NOW,
        properties={"text": word},
    )
    Consent.objects.create(
        platform=platform, identity_id=identity, channel="email", purpose="marketing", granted=True, at=NOW
    )
    personal = (
        {"email": MAIL, "phone": PHONE, "name": NAME, "address": {"street": "12 Canary Row"}}
        if word == "zq"
        else {"name": "Nell"}
    )
    Profile.objects.create(
        identity_id=identity,
        city="Canaryville" if word == "zq" else "Neltown",
        personal=pii.encrypt(personal),
    )
    _results(platform, identity, product)


def _results(platform: Platform, identity: int, product: Product) -> None:
    customer = Identity.objects.get(pk=identity).customer_id
    runs: dict[str, Run] = {}
    for job in COMPUTED:
        runs[job], _ = Run.objects.get_or_create(
            job=job, scope=platform.key, as_of=NOW.date(), status="published"
        )
        Publication.objects.get_or_create(job=job, scope=platform.key, defaults={"run": runs[job]})
    CustomerClass.objects.create(
        run=runs["price-classes"],
        customer_id=customer,
        letter="A",
        reason="x",
        spend=1,
        saved=0,
        list_value=1,
        orders=1,
        lines=1,
        positioned_lines=1,
    )
    RfmScore.objects.create(
        run=runs["rfm"],
        customer_id=customer,
        recency_days=1,
        frequency=1,
        money=1,
        recency_score=1,
        frequency_score=1,
        money_score=1,
        group="g",
    )
    StageNow.objects.create(
        run=runs["lifecycle"],
        customer_id=customer,
        stage="contact",
        since=NOW.date(),
        known_since=NOW.date(),
        orders=0,
    )
    StageChange.objects.create(run=runs["lifecycle"], customer_id=customer, day=NOW.date(), stage="contact")
    CustomerValue.objects.create(
        run=runs["value"], customer_id=customer, repeats=0, recency_days=0, age_days=1, valued=0
    )
    segment, _ = Segment.objects.get_or_create(
        platform=platform, key="s", defaults={"name": "s", "condition": {}}
    )
    SegmentMember.objects.create(run=runs["segments"], segment=segment, customer_id=customer)
    SegmentSpell.objects.create(segment=segment, customer_id=customer, entered_at=NOW)
    SegmentListing.objects.create(segment=segment, identity_id=identity)
    CustomerWorth.objects.create(
        run=runs["screening"],
        customer_id=customer,
        spend=1,
        orders=1,
        categories=1,
        products=1,
        decile=1,
        big=False,
    )
    ClusterMember.objects.create(
        run=runs["clusters"], customer_id=customer, cluster="c1", share=1.0, shares=[1.0]
    )
    TargetScore.objects.create(run=runs["scores"], customer_id=customer, target="churn", chance=0.5, decile=5)
    LabelRow.objects.create(run=runs["labels"], customer_id=customer, values={"orders": 1})
    LabelOverride.objects.create(
        platform=platform, identity_id=identity, label="price_class", value="A", reason="known"
    )
    CustomerList.objects.create(
        run=runs["recommendations"],
        kind="for-you",
        customer_id=customer,
        items=[product.pk],
        scores=[1.0],
        sources=["als"],
        anchors=[None],
    )
    Interest.objects.create(
        run=runs["interests"],
        platform=platform,
        identity_id=identity,
        topic="tea",
        score=1,
        mentions=1,
        last_at=NOW - timedelta(days=1),
    )


def rows(value: Any) -> list[dict[str, Any]]:
    """Return the rows of a queryset as dictionaries, in order of their ids."""
    return list(value.order_by("pk").values())
