"""Chooses the products of one answer: sellable ones only, none twice, never fewer than the shop can fill."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from precision.shop.models import Platform
from recommender.serving import catalogue, controls, exploring, published, tiers
from recommender.serving.catalogue import Fact
from recommender.serving.controls import Pin, Scoped
from recommender.serving.customers import Person
from recommender.serving.filters import ANY, Filters
from recommender.serving.reasons import Candidate, Code, Source
from recommender.serving.removals import Removal
from recommender.serving.state import State
from recommender.serving.streams import Stream

SHELVES = 5
"""How often the shop's other products are looked through while a list is not full: caps may leave some of them out."""
BOOSTED = 200
"""Boosts move candidates within the first so many."""


class Pick(NamedTuple):
    """A chosen product."""

    candidate: Candidate
    fact: Fact
    propensity: float = 1.0
    """With which probability it stands at its place."""


@dataclass(slots=True, kw_only=True)
class Selection:
    """The growing answer for one person; what was chosen once is not chosen again."""

    platform: Platform
    person: Person
    state: State
    answer: str = ""
    """Id of the answer: trials are drawn from it; without one there are none."""
    filters: Filters = ANY
    taken: dict[int, Removal] = field(default_factory=dict)
    """Products that may not be chosen (any more), and why."""
    known: Mapping[int, Fact] = field(init=False)
    only_new: bool = False
    """Whether an empty list is better than what the person has already: on the further pages of a list."""
    now: float = field(default_factory=lambda: time.time())
    bought: frozenset[int] = field(init=False)
    _again: frozenset[int] = field(init=False)
    _just: frozenset[int] = field(init=False)
    """Bought after the lists were computed: nobody wants it again so soon."""
    _answered: bool = False

    def __post_init__(self) -> None:
        self.known = catalogue.book(self.platform, self.price_run)
        self.bought = frozenset(self.person.bought)
        self._again = frozenset(self.person.buy_again.items)
        until = self.state.listed_until
        self._just = frozenset(
            () if until is None else [each for each, at in self.person.bought_at.items() if at >= until]
        )

    @property
    def price_run(self) -> int | None:
        """The run that the figures on prices come from."""
        return self.state.run_ids.get("price-classes")

    @property
    def cap(self) -> int | None:
        """Products of one category that a list has while there are others; None: any number."""
        # Who asks for one category wants more than a few of it.
        return None if self.filters.categories is not None else self.state.most_per_category

    def take(self, products: Iterable[int], why: Removal) -> None:
        """Let products not be chosen."""
        for product in products:
            self.taken.setdefault(product, why)

    def learn(self, candidates: Iterable[Candidate]) -> None:
        """Look the products of candidates up. At most one query."""
        missing = {each.product for each in candidates if each.product not in self.known}
        if missing:
            self._remember(catalogue.learn(self.platform, missing, price_run=self.price_run))

    def facts(self, products: Collection[int]) -> dict[int, Fact]:
        """Return what is known of products. At most one query."""
        found = {product: self.known[product] for product in products if product in self.known}
        if len(found) < len(products):
            loaded = catalogue.learn(self.platform, list(products), price_run=self.price_run)
            self._remember(loaded)
            return loaded
        return found

    def stream(self, *candidates: Iterable[Candidate]) -> Stream:
        """Return candidates, best first, as a stream."""
        return Stream(chain.from_iterable(candidates), self.learn)

    def choose(
        self,
        stream: Stream,
        count: int,
        *,
        place: str = "",
        by_class: bool = False,
        catalogue_too: bool = True,
    ) -> list[Pick]:
        """Return up to `count` products in order of preference and mark them taken.

        First what staff have pinned here. Then those within the price tier of the person's class (`by_class`) and the
        cap of their category, then any of the tier within the cap, each time without what the person has already,
        unless it may be offered again; then (`catalogue_too`) the rest of the shop, and at last what is beyond
        the cap. When all that gives nothing, what the person has already is better than an empty place; what is bought
        only once is shown again only in an answer that would have nothing at all.
        """
        scoped = self.scoped(place)
        pinned = self._pins(scoped, count)
        if scoped.boosts:
            self._boost(stream, scoped)
        share = self._share(place)
        wanted = count - len(pinned)
        list_ = _List(self, scoped, wanted + (exploring.SPARES if share else 0))
        limits = published.tiers(self.price_run)
        letter = self.person.letter
        suits = tiers.test(letter, limits) if by_class else None
        if suits is not None:
            list_.fill(stream, suits=suits)
        list_.fill(stream)
        rounds = SHELVES if catalogue_too else 0
        while rounds and len(list_.picks) < wanted:
            rounds -= 1
            shelf = self._shelf(wanted - len(list_.picks), stream, list_)
            if not shelf:
                break
            stream = self.stream(stream, shelf)
            list_.fill(stream)
        if list_.is_capped and len(list_.picks) < wanted:
            list_.cap = None
            list_.fill(stream)
        if catalogue_too and not self.only_new and not list_.picks and not pinned:
            list_.fill(stream, bought_too=lambda fact: fact.repeatable is not False)
            if not list_.picks and not self._answered:
                list_.fill(stream, bought_too=lambda _: True)
        picks = self._try(list_.picks, wanted, share, place)
        for pin, pick in pinned:
            picks.insert(min(pin.rank - 1, len(picks)), pick)
        for pick in picks:
            self.taken.setdefault(pick.fact.id, Removal.SHOWN)
        self._answered = self._answered or bool(picks)
        return picks

    def is_new(self, candidate: Candidate, fact: Fact) -> bool:
        """Return whether the person does not have the product, or may well want it again."""
        if fact.id not in self.bought:
            return True
        if fact.id in self._just or fact.repeatable is False:
            return False
        if fact.repeatable:
            return True
        return candidate.code == Code.BUY_AGAIN or fact.id in self._again

    def refuse(self, fact: Fact, scoped: Scoped) -> Removal | None:
        """Return the constraint that keeps a product out of every list, or None."""
        if fact.unsellable is not None:
            return fact.unsellable
        taken = self.taken.get(fact.id)
        if taken is not None:
            return taken
        if scoped.hidden and scoped.hidden.weight(fact) is not None:
            return Removal.HIDDEN
        return None if self.filters is ANY else self.filters.refuse(fact)

    def _remember(self, loaded: Mapping[int, Fact]) -> None:
        """Make sure that this answer sees what was loaded, even where a change meanwhile kept it out of the book."""
        if any(product not in self.known for product in loaded):
            self.known = {**self.known, **loaded}

    def scoped(self, place: str) -> Scoped:
        """Return what staff have decided for a list."""
        if not self.state.controls:
            return controls.NONE
        return controls.scoped(
            self.state.controls, place=place, letter=self.person.letter, now=self.now,
            below=lambda category: catalogue.categories_below(self.platform, category),
        )  # fmt: skip

    def _share(self, place: str) -> float:
        """Return the share of trials of this list; none in small shops, and none where nothing is logged."""
        return self.state.exploration if self.state.large and self.answer and place else 0.0

    def _pins(self, scoped: Scoped, count: int) -> list[tuple[Pin, Pick]]:
        """Return what is pinned to one of the ranks and may be shown; at most one product a rank, the older pin's."""
        if not scoped.pins:
            return []
        known = self.facts([pin.product for pin in scoped.pins])
        found: dict[int, tuple[Pin, Pick]] = {}
        for pin in scoped.pins:
            fact = known.get(pin.product)
            candidate = Candidate(pin.product, Source.STAFF, Code.PICKED, None, "pin")
            if fact is None or pin.rank > count or pin.rank in found:
                continue
            if self.refuse(fact, scoped) is None and self.is_new(candidate, fact):
                found[pin.rank] = (pin, Pick(candidate, fact))
                self.taken[fact.id] = Removal.SHOWN
        return list(found.values())

    def _boost(self, stream: Stream, scoped: Scoped) -> None:
        """Move what staff push: rank r with weight w goes to where rank r / w would be."""
        stream.reach(BOOSTED)

        def rank(place: int, candidate: Candidate) -> float:
            fact = self.known.get(candidate.product)
            weight = None if fact is None else scoped.boosts.weight(fact)
            return place + 1 if weight is None else (place + 1) / weight

        stream.reorder(rank)

    def _try(self, picks: list[Pick], wanted: int, share: float, place: str) -> list[Pick]:
        """Return the picks to show, with their propensities; now and then one makes room for a lower one."""
        shown, spares = picks[:wanted], picks[wanted:]
        facts = {"share": share, "places": len(shown), "spares": len(spares)}
        if not exploring.is_tried(**facts):  # type: ignore[arg-type]
            return shown
        stays = exploring.kept(**facts)  # type: ignore[arg-type]
        shown = [pick._replace(propensity=stays) for pick in shown]
        trial = exploring.draw(self.answer, place, **facts)  # type: ignore[arg-type]
        if trial is not None:
            shown[trial.place] = spares[trial.spare]._replace(propensity=exploring.tried(**facts))  # type: ignore[arg-type]
        return shown

    def _shelf(self, count: int, stream: Stream, chosen: "_List") -> list[Candidate]:
        """Return what else the shop sells, the person's own purchases last. At most two queries."""
        limits = self.filters
        own = {*self.taken, *chosen.used} | {each.product for each in stream.read}
        # Purchases are asked for separately, so that a long history cannot crowd out what is new.
        rest: list[Fact] = []
        for without, most in ((own | self.bought, count), (own, count)):
            if len(rest) < count:
                rest += catalogue.shelf(
                    self.platform,
                    price_run=self.price_run,
                    without=without | {fact.id for fact in rest},
                    category=limits.categories,
                    but_categories=chosen.full | set(chosen.scoped.hidden.categories),
                    brand=limits.brands,
                    but_brands=chosen.scoped.hidden.brands,
                    price_min=limits.price_min,
                    price_max=limits.price_max,
                    most=most + len(chosen.scoped.hidden.products),
                )
        self._remember({fact.id: fact for fact in rest})
        return [Candidate(fact.id, Source.CATALOGUE, Code.IN_RANGE) for fact in rest]


class _List:
    """One list while it is filled."""

    __slots__ = ("cap", "is_capped", "owner", "picks", "scoped", "size", "used", "within")

    def __init__(self, owner: Selection, scoped: Scoped, size: int) -> None:
        self.owner = owner
        self.scoped = scoped
        self.size = size
        self.picks: list[Pick] = []
        self.used: set[int] = set()
        self.cap = owner.cap
        self.within: Counter[int | None] = Counter()
        self.is_capped = False
        """Whether anything was left out for the cap."""

    @property
    def full(self) -> set[int]:
        """The categories of which the list has enough."""
        if self.cap is None:
            return set()
        return {each for each, count in self.within.items() if each is not None and count >= self.cap}

    def fill(
        self,
        stream: Stream,
        *,
        suits: Callable[[Fact], bool] | None = None,
        bought_too: Callable[[Fact], bool] | None = None,
    ) -> None:
        """Add what may be shown, suits the tier and is not in the list yet, until it is full.

        `bought_too` says which products may be shown though the person has them.
        """
        owner, picks, used = self.owner, self.picks, self.used
        # The loop goes through a hundred candidates for every answer: what is looked up in it is looked up before.
        known, taken, bought, hidden = owner.known, owner.taken, owner.bought, self.scoped.hidden or None
        filters = None if owner.filters is ANY else owner.filters
        place, read = 0, stream.read
        while len(picks) < self.size:
            if place == len(read):
                if not stream.more():
                    return
                read = stream.read
                known = owner.known
            candidate = read[place]
            place += 1
            product = candidate.product
            if product in used:
                continue
            fact = known.get(product)
            if (
                fact is not None
                and fact.unsellable is None
                and product not in taken
                and (
                    product not in bought
                    or owner.is_new(candidate, fact)
                    or (bought_too and bought_too(fact))
                )
                and (suits is None or suits(fact))
                and (hidden is None or hidden.weight(fact) is None)
                and (filters is None or filters.refuse(fact) is None)
                and (self.cap is None or not self._is_full(fact))
            ):
                picks.append(Pick(candidate, fact))
                used.add(product)
                self.within[fact.category] += 1

    def _is_full(self, fact: Fact) -> bool:
        """Return whether the list has enough of a product's category, and remember that something was left out."""
        if fact.category is None or self.cap is None or self.within[fact.category] < self.cap:
            return False
        self.is_capped = True
        return True
