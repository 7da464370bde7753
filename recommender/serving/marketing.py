"""Up-marketing after an order: the goods to offer a step above what was bought, and how high this customer goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
from django.db.models import F, Window
from django.db.models.functions import RowNumber
from numpy.typing import NDArray

from precision.shop import scopes
from precision.shop.models import Product
from recommender.methods.up import Goods, Step, steps_up
from recommender.ranking import descriptions
from recommender.ranking.descriptions import Catalogue
from recommender.serving import catalogue
from recommender.serving.catalogue import LEVEL, SELLABLE, Fact
from recommender.serving.ladder import in_turn
from recommender.serving.reasons import Candidate, Code, Source
from recommender.serving.selection import Selection
from segments import overrides, snapshots
from segments.labels.from_orders import TOP_CATEGORY
from segments.methods import price_bands
from segments.models import LabelRow

ANCHORS: Final = 5
"""So many of the products bought bring steps up."""
OF_A_KIND: Final = 300
"""So many goods of a category are looked at, the best sold ones."""
CODES: Final = {"quality": Code.STEP_UP, "margin": Code.ALTERNATIVE_TO}
LIKE: Final = 0.1
"""Cosine of the words of two titles, those that their whole kind shares aside, from which goods are alike."""
METHODS: Final = {"quality": "step-up", "margin": "more-margin"}


@dataclass(frozen=True, slots=True)
class _Good:
    """A good as the scoring sees it."""

    id: int
    price: Decimal | None
    currency: str
    position: float | None
    cost: Decimal | None
    lines: int
    title: str


@dataclass(frozen=True, slots=True)
class Band:
    """How high in price a customer goes, as price positions; None: not known."""

    high: float | None
    favourite: str
    """Path of the category that `favourite_high` is about; empty: none."""
    favourite_high: float | None

    def of(self, path: str) -> float | None:
        """Return the upper end in a category."""
        if path and path == self.favourite and self.favourite_high is not None:
            return self.favourite_high
        return self.high


NO_BAND: Final = Band(None, "", None)


def up(selection: Selection, products: Sequence[int]) -> list[Candidate]:
    """Return what to offer above the products, a first step of each, then a second of each, and so on.

    Steps to goods that are called alike go before the others: a category may be wide, or derived from a word of titles.
    The products whose best step brings most come first; see `recommender.methods.up`. Nothing of a product whose price
    or category is unknown. At most five queries.
    """
    facts = selection.facts(list(products)[:ANCHORS])
    anchors = [fact for fact in facts.values() if fact.category is not None and fact.level is not None]
    if not anchors:
        return []
    band = accepted_band(selection)
    kinds = _kinds(selection, anchors)
    costs: dict[int, Any] = dict(
        Product.objects.filter(pk__in=[fact.id for fact in anchors]).values_list("id", "cost")
    )
    ranked: list[tuple[Fact, list[int], list[Step], NDArray[np.float64]]] = []
    for fact in anchors:
        kind = _with_anchor(kinds.get(fact.category or 0, []), fact, costs.get(fact.id))
        path = " / ".join(catalogue.path_of(selection.platform, fact.category or 0))
        like = _likeness(kind)
        steps = steps_up(_goods(kind), chosen=len(kind) - 1, accepted=band.of(path), likeness=like)
        if steps:
            ranked.append((fact, [good.id for good in kind], steps, like))
    ranked.sort(key=lambda entry: (-entry[2][0].score, entry[0].id))
    found: list[Candidate] = []
    for alike in (True, False):
        streams = [
            [
                Candidate(
                    ids[step.option], Source.PRODUCT, CODES[step.why], fact.id, METHODS[step.why], step.score
                )
                for step in steps
                if bool(like[step.option] >= LIKE) is alike
            ]
            for fact, ids, steps, like in ranked
        ]
        found += in_turn(streams)
    return found


def _likeness(kind: Sequence[_Good]) -> NDArray[np.float64]:
    """Return how like the last good each one is by the words of its title, 0 to 1."""
    places = np.arange(len(kind))
    none = [None] * len(kind)
    words = descriptions.describe(places, Catalogue(places, [good.title for good in kind], none)).words
    return np.asarray((words @ words[-1].T).toarray(), dtype=np.float64).ravel()


def accepted_band(selection: Selection) -> Band:
    """Return the accepted price band of the person's labels, pins of staff in their places. At most two queries."""
    person = selection.person
    if person.customer is None:
        return NO_BAND
    scope = scopes.of(selection.platform)
    run = selection.state.run_ids.get(snapshots.JOB)
    row = LabelRow.objects.filter(run_id=run or 0, customer_id=person.customer).first()
    values: dict[str, Any] = overrides.applied_to(scope, person.customer, row.values if row else {})
    return Band(
        high=_number(values.get(price_bands.HIGH)),
        favourite=str(values.get(TOP_CATEGORY) or ""),
        favourite_high=_number(values.get(price_bands.CATEGORY_HIGH)),
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _kinds(selection: Selection, anchors: Sequence[Fact]) -> dict[int, list[_Good]]:
    """Return the best sold goods of the anchors' categories that may be shown, in order of id. One query."""
    least = min(fact.level for fact in anchors if fact.level is not None)
    rows = (
        catalogue.with_figures(selection.platform, selection.price_run or 0)
        .annotate(level=LEVEL)
        .filter(SELLABLE, category_id__in={fact.category for fact in anchors}, level__gte=least)
        .exclude(id__in=[fact.id for fact in anchors])
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=F("category_id"),
                order_by=[F("figures__lines").desc(nulls_last=True), F("id")],
            )
        )
        .filter(place__lte=OF_A_KIND)
        .order_by("id")
        .values_list(
            "category_id",
            "id",
            "level",
            "currency",
            "figures__price_position",
            "cost",
            "figures__lines",
            "title",
        )
    )
    kinds: dict[int, list[_Good]] = {}
    for category, key, level, currency, position, cost, lines, title in rows:
        money: tuple[Any, Any] = (level, cost)  # Decimals: what the column holds is a whole number
        good = _Good(
            key, money[0], currency or selection.platform.currency, position, money[1], lines or 0, title
        )
        kinds.setdefault(category, []).append(good)
    return kinds


def _with_anchor(kind: Sequence[_Good], fact: Fact, cost: Decimal | None) -> list[_Good]:
    """Return the goods in the anchor's currency, the anchor last."""
    anchor = _Good(fact.id, fact.level, fact.currency, fact.price_position, cost, 0, fact.title)
    return [*(good for good in kind if good.currency == fact.currency), anchor]


def _goods(kind: Sequence[_Good]) -> Goods:
    def numbers(values: Sequence[Any]) -> NDArray[np.float64]:
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)

    return Goods(
        price=numbers([good.price for good in kind]),
        position=numbers([good.position for good in kind]),
        cost=numbers([good.cost for good in kind]),
        lines=np.array([good.lines for good in kind], dtype=np.int64),
    )
