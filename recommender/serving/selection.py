"""Chooses the products of one answer: sellable ones only, none twice, never fewer than the shop can fill."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from precision.shop.models import Platform
from recommender.serving import catalogue, published, tiers
from recommender.serving.catalogue import Fact
from recommender.serving.customers import Person
from recommender.serving.reasons import TEXTS, Candidate, Code, Source

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the caller wants to see only."""

    categories: frozenset[int] | None = None
    """Ids; None: any."""
    brands: frozenset[str] = frozenset()
    """Empty: any."""
    price_min: Decimal | None = None
    price_max: Decimal | None = None

    def admit(self, fact: Fact) -> bool:
        """Return whether a product is wanted; one whose price is unknown fails every price limit."""
        if self.categories is not None and fact.category not in self.categories:
            return False
        if self.brands and fact.brand not in self.brands:
            return False
        if self.price_min is None and self.price_max is None:
            return True
        price = fact.level
        if price is None:
            return False
        return (self.price_min is None or price >= self.price_min) and (
            self.price_max is None or price <= self.price_max
        )


ANY = Filters()


@dataclass(slots=True, kw_only=True)
class Selection:
    """The growing answer for one person; what was chosen once is not chosen again."""

    platform: Platform
    person: Person
    run_ids: dict[str, int]
    filters: Filters = ANY
    taken: set[int] = field(default_factory=set)
    """Products that may not be chosen (any more)."""
    known: dict[int, Fact] = field(default_factory=dict)
    _bought: frozenset[int] = frozenset()
    _again: frozenset[int] = frozenset()
    _answered: bool = False

    def __post_init__(self) -> None:
        self._bought = frozenset(self.person.bought)
        self._again = frozenset(self.person.buy_again.items)

    @property
    def price_run(self) -> int | None:
        """The run that the figures on prices come from."""
        return self.run_ids.get("price-classes")

    def learn(self, candidates: Iterable[Candidate]) -> None:
        """Look the products and anchors of candidates up. At most one query."""
        wanted = {candidate.product for candidate in candidates}
        wanted |= {candidate.anchor for candidate in candidates if candidate.anchor is not None}
        wanted -= self.known.keys()
        if wanted:
            self.known |= catalogue.facts(self.platform, wanted, price_run=self.price_run)

    def choose(
        self, candidates: list[Candidate], count: int, *, by_class: bool = False, catalogue_too: bool = True
    ) -> list[Candidate]:
        """Return up to `count` candidates in order of preference and mark them taken.

        First those within the price tier of the person's class (`by_class`), then any, each time without what
        the person has already, unless it may be offered again; then (`catalogue_too`) the rest of the shop.
        When all that gives nothing, what the person has already is better than an empty place; what is bought
        only once is shown again only in an answer that would have nothing at all.
        """
        self.learn(candidates)
        limits = published.tiers(self.price_run)
        letter = self.person.letter
        chosen: list[Candidate] = []
        if by_class:
            self._take(
                candidates, chosen, count, lambda c, f: self._is_new(c, f) and tiers.suits(letter, f, limits)
            )
        self._take(candidates, chosen, count, self._is_new)
        if catalogue_too and len(chosen) < count:
            candidates = candidates + self._shelf(count - len(chosen))
            self._take(candidates, chosen, count, self._is_new)
        if catalogue_too and not chosen:
            self._take(candidates, chosen, count, lambda _candidate, fact: fact.repeatable is not False)
        if catalogue_too and not chosen and not self._answered:
            self._take(candidates, chosen, count, lambda _candidate, _fact: True)
        self._answered = self._answered or bool(chosen)
        return chosen

    def _take(
        self,
        candidates: list[Candidate],
        chosen: list[Candidate],
        count: int,
        wanted: Callable[[Candidate, Fact], bool],
    ) -> None:
        """Move what is sellable, wanted and not taken yet from `candidates` to `chosen`."""
        for candidate in candidates:
            if len(chosen) >= count:
                return
            fact = self.known.get(candidate.product)
            if fact is None or not fact.sellable or candidate.product in self.taken:
                continue
            if self.filters.admit(fact) and wanted(candidate, fact):
                chosen.append(candidate)
                self.taken.add(candidate.product)

    def _is_new(self, candidate: Candidate, fact: Fact) -> bool:
        """Return whether the person does not have the product, or may well want it again."""
        if candidate.product not in self._bought or fact.repeatable:
            return True
        if fact.repeatable is False:
            return False
        return candidate.code == Code.BUY_AGAIN or candidate.product in self._again

    def _shelf(self, count: int) -> list[Candidate]:
        """Return what else the shop sells, the person's own purchases last. At most two queries."""
        limits = self.filters
        # Purchases are asked for separately, so that a long history cannot crowd out what is new.
        rest: list[Fact] = []
        for without, most in ((self.taken | self._bought, count), (self.taken, count)):
            if len(rest) < count:
                rest += catalogue.shelf(
                    self.platform,
                    price_run=self.price_run,
                    without=without | {fact.id for fact in rest},
                    category=limits.categories,
                    brand=limits.brands,
                    price_min=limits.price_min,
                    price_max=limits.price_max,
                    most=most,
                )
        self.known |= {fact.id: fact for fact in rest}
        return [Candidate(fact.id, Source.CATALOGUE, Code.IN_RANGE) for fact in rest]

    def items(self, chosen: list[Candidate]) -> list[dict[str, Any]]:
        """Return the chosen candidates in the shape of the API."""
        return [self._item(candidate, rank) for rank, candidate in enumerate(chosen, start=1)]

    def _item(self, candidate: Candidate, rank: int) -> dict[str, Any]:
        """Return one item; a reason whose anchor or category is unknown is given in general words."""
        fact = self.known[candidate.product]
        anchor = self.known.get(candidate.anchor) if candidate.anchor is not None else None
        code = candidate.code
        path = catalogue.category_paths(self.platform).get(fact.category or 0)
        if anchor is None and "{anchor}" in TEXTS[code]:
            code = Code.PEOPLE_LIKE_YOU
        if path is None and code == Code.POPULAR_IN_CATEGORY:
            code = Code.POPULAR
        shows_anchor = anchor is not None and anchor.id != fact.id
        return {
            "product_id": fact.external_id,
            "title": fact.title,
            "price": None if fact.price is None else money(fact.price),
            "currency": fact.currency,
            "url": fact.url,
            "image_url": fact.image_url,
            "source": candidate.source,
            "reason": {
                "code": code,
                "text": TEXTS[code].format(
                    anchor=anchor.title if anchor else "", category=path[-1] if path else ""
                ),
                "anchor": {"product_id": anchor.external_id, "title": anchor.title}
                if anchor and shows_anchor
                else None,
            },
            "rank": rank,
        }


def money(amount: Decimal) -> str:
    """Return an amount as the API writes it: two decimals, or four where the amount has them."""
    cents = amount.quantize(CENT)
    return str(cents if cents == amount else amount.quantize(Decimal("0.0001")))
