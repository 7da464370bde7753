"""What the database holds about a sample shop once it is loaded and computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.db.models import Count, Q

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.models import Customer, Identity, Order, Platform, Product
from recommender.models import AssociationRule
from segments.models import CustomerClass, PriceClass, TargetModel

BEST = 5
LOOKED_AT = 500  # rules among which the best are found: a set of products comes in several directions


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleInWords:
    """An association rule with titles in the place of ids."""

    antecedent: tuple[str, ...]
    consequent: tuple[str, ...]
    count: int
    """Baskets with all of them."""
    confidence: float
    lift: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """Areas under the curve on a date that no model had seen."""

    used: str
    """Kind of the model in force."""
    auc: float
    alone: float
    """Of the days since the last order alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of one platform."""

    customers: int
    products: int
    unlisted: int
    """Products known from orders only."""
    hidden: int
    """Products that the shop does not offer."""
    orders: int
    returned: int
    """Credit notes among the orders."""
    guests: int
    """Orders without a customer."""
    rules: int | None
    """None: there is no published run of rules."""
    best_rules: tuple[RuleInWords, ...]
    classes: Mapping[str, int] | None
    """Customers per letter; None: there is no published run of classes."""
    stages: Mapping[str, int] | None
    """Customers per stage of the life cycle; None: there is no published run of it."""
    churn: Churn | None
    """How well it is told who will not come back; None: nothing was judged."""
    worth: tuple[float, float] | None
    """Orders and money expected of all customers within a year; None: not computed, or not known."""
    quality: Mapping[str, Any] | None
    """The comparison with popularity as the job measured it; None: there is none."""
    seconds: Mapping[str, float]
    """How long the published run of each job took."""


def gather(platform: Platform) -> Figures:
    """Return the figures of a platform, from its facts and its published runs."""
    published = {
        run.job: run
        for job in runs.published_ids(platform.key)
        if (run := runs.published(job, platform.key)) is not None
    }
    rules, classes = published.get("rules"), published.get("price-classes")
    recommendations = published.get("recommendations")
    products = Product.objects.filter(platform=platform)
    orders = Order.objects.filter(platform=platform)
    return Figures(
        customers=Customer.objects.filter(
            identities__platform=platform, identities__kind=Identity.Kind.CUSTOMER_ID
        )
        .distinct()
        .count(),
        products=products.count(),
        unlisted=products.filter(listed=False).count(),
        hidden=products.filter(listed=True, active=False).count(),
        orders=orders.count(),
        returned=orders.filter(status=Order.Status.RETURNED).count(),
        guests=orders.filter(identity=None).count(),
        rules=AssociationRule.objects.filter(run=rules).count() if rules else None,
        best_rules=_best_rules(rules) if rules else (),
        classes=_class_sizes(classes) if classes else None,
        stages=published["lifecycle"].measures.get("stages") if "lifecycle" in published else None,
        churn=_churn(published.get("models")),
        worth=_worth(published.get("value")),
        quality=recommendations.measures.get("quality") if recommendations else None,
        seconds={job: seconds for job, run in published.items() if (seconds := _seconds(run)) is not None},
    )


def example_customers(platform: Platform, letters: Sequence[str]) -> dict[str, str]:
    """Return for each class that has members the shop's own id of its customer with the most orders."""
    run = runs.published("price-classes", platform.key)
    found = {}
    for letter in letters:
        row = CustomerClass.objects.filter(run=run, letter=letter).order_by("-orders", "customer_id").first()
        identity = row and (
            Identity.objects.filter(
                platform=platform, kind=Identity.Kind.CUSTOMER_ID, customer=row.customer_id
            )
            .order_by("id")
            .first()
        )
        if identity:
            found[letter] = identity.value
    return found


def _best_rules(run: Run) -> tuple[RuleInWords, ...]:
    """Return the rules of highest lift, one for each set of products: in its most certain direction."""
    ranked = AssociationRule.objects.filter(run=run).order_by("-lift", "-count", "-confidence", "id")
    best: dict[frozenset[int], AssociationRule] = {}
    for rule in ranked[:LOOKED_AT]:
        products = frozenset((*rule.antecedent, *rule.consequent))
        if products not in best or rule.confidence > best[products].confidence:
            best[products] = rule
    chosen = list(best.values())[:BEST]
    titles = _titles(set(chain.from_iterable((*rule.antecedent, *rule.consequent) for rule in chosen)))
    return tuple(
        RuleInWords(
            antecedent=tuple(titles[product] for product in rule.antecedent),
            consequent=tuple(titles[product] for product in rule.consequent),
            count=rule.count,
            confidence=rule.confidence,
            lift=rule.lift,
        )
        for rule in chosen
    )


def _titles(products: set[int]) -> dict[int, str]:
    """Return titles by inner id, with the shop's id behind those that several of the products share."""
    rows = list(Product.objects.filter(id__in=products).values_list("id", "title", "external_id"))
    shared = {title for _, title, _ in rows if sum(other == title for _, other, _ in rows) > 1}
    return {key: f"{title} [{external}]" if title in shared else title for key, title, external in rows}


def _class_sizes(run: Run) -> dict[str, int]:
    """Return the number of customers of each letter, zeros included."""
    rows = CustomerClass.objects.filter(run=run)
    counts = rows.aggregate(**{letter: Count("pk", filter=Q(letter=letter)) for letter in PriceClass.values})
    return {letter: counts[letter] for letter in PriceClass.values}


def _churn(run: Run | None) -> Churn | None:
    """Return how well churn was told, or None."""
    model = TargetModel.objects.filter(run=run, target="churn").first() if run else None
    ways = model.measures.get("ways", {}) if model else {}
    if model is None or "baseline" not in ways:
        return None
    return Churn(used=model.kind, auc=ways[model.kind]["auc"], alone=ways["baseline"]["auc"])


def _worth(run: Run | None) -> tuple[float, float] | None:
    """Return the orders and the money that are expected, or None."""
    if run is None or run.measures.get("expected_value") is None:
        return None
    return float(run.measures["expected_orders"]), float(run.measures["expected_value"])


def _seconds(run: Run) -> float | None:
    """Return how long the run took, or None when it was not finished properly."""
    return (run.finished_at - run.started_at).total_seconds() if run.finished_at else None
