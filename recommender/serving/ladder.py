"""The fallback ladder: personal → session → segment → category → popular → catalogue."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from precision.shop.models import Platform
from recommender.models import PopularList, ProductList
from recommender.serving import published
from recommender.serving.customers import Person, StoredList
from recommender.serving.reasons import Candidate, Code, Source, personal_code

T = TypeVar("T")

ANCHORS = 5
"""So many of the latest purchases or views bring similar products in."""
PLENTY = 100
"""So many best-sellers are enough to choose from."""


@dataclass(slots=True)
class Sources:
    """Streams of candidates for one person on one platform, each best first."""

    platform: Platform
    person: Person
    run_ids: dict[str, int]
    anchors: list[int] = field(default_factory=list)
    """Products the answer is about: of an order, a cart, a product page."""

    def personal(self) -> Iterator[Candidate]:
        """Yield the list made for the customer, then what goes with their latest purchases."""
        yield from self._stored(self.person.for_you)
        yield from self.similar_to_bought()

    def similar_to_bought(self) -> Iterator[Candidate]:
        """Yield products like those of the latest purchases."""
        yield from self._near(self.person.bought[:ANCHORS], ProductList.Kind.SIMILAR, Code.BECAUSE_YOU_BOUGHT)

    def buy_again(self) -> Iterator[Candidate]:
        """Yield what the customer buys again and again."""
        for product in self.person.buy_again.items:
            yield Candidate(product, Source.PERSONAL, Code.BUY_AGAIN, product)

    def session(self) -> Iterator[Candidate]:
        """Yield what is similar to, or goes with, what an anonymous visitor looked at."""
        seen = self.person.seen[:ANCHORS]
        yield from self._near(seen, ProductList.Kind.SIMILAR, Code.SEEN_LATELY, Source.SESSION)
        yield from self._near(seen, ProductList.Kind.BOUGHT_TOGETHER, Code.SEEN_LATELY, Source.SESSION)

    def similar(self, products: list[int]) -> Iterator[Candidate]:
        """Yield products that are bought by the same people as `products`."""
        yield from self._near(products, ProductList.Kind.SIMILAR, Code.SIMILAR_TO, Source.PRODUCT)

    def together(self, products: list[int]) -> Iterator[Candidate]:
        """Yield products that are bought in one basket with `products`."""
        yield from self._near(products, ProductList.Kind.BOUGHT_TOGETHER, Code.GOES_WITH, Source.PRODUCT)

    def segment(self) -> Iterator[Candidate]:
        """Yield best-sellers among customers of the same class; nothing while the class is unknown."""
        if self.person.letter != "U":
            yield from self.segment_of(self.person.letter)

    def segment_of(self, letter: str) -> Iterator[Candidate]:
        """Yield best-sellers among customers of a class."""
        for product in self._best_sellers([f"class:{letter}"], (30, 90)):
            yield Candidate(product, Source.SEGMENT, Code.POPULAR_WITH_GROUP)

    def category(self, categories: list[int]) -> Iterator[Candidate]:
        """Yield best-sellers of some categories, in turn."""
        for product in self._best_sellers([f"category:{category}" for category in categories], (30, 90)):
            yield Candidate(product, Source.CATEGORY, Code.POPULAR_IN_CATEGORY)

    def popular(self, days: tuple[int, ...] = (30, 90, 7)) -> Iterator[Candidate]:
        """Yield the platform's best-sellers."""
        for product in self._best_sellers(["all"], days):
            yield Candidate(product, Source.POPULAR, Code.POPULAR)

    def trending(self, groups: tuple[str, ...] = ("all",)) -> Iterator[Candidate]:
        """Yield what sells faster than before."""
        for product in self._best_sellers(list(groups), published.WINDOWS, kind=PopularList.Kind.TRENDING):
            yield Candidate(product, Source.TRENDING, Code.TRENDING)

    def _stored(self, stored: StoredList) -> Iterator[Candidate]:
        """Yield the items of a customer's list."""
        for product, method, anchor in zip(stored.items, stored.sources, stored.anchors, strict=True):
            yield Candidate(product, Source.PERSONAL, personal_code(method, anchor), anchor)

    def _near(
        self, products: list[int], kind: str, code: Code, source: Source = Source.PERSONAL
    ) -> Iterator[Candidate]:
        """Yield the neighbours of some products in turn, each with the product that brought it."""
        job = "similar" if kind == ProductList.Kind.SIMILAR else "rules"
        lists = published.neighbours(self.run_ids.get(job), kind=kind, products=products)
        streams = [
            [Candidate(item, source, code, product) for item in lists.get(product, [])]
            for product in products
        ]
        yield from in_turn(streams)

    def _best_sellers(
        self, groups: list[str], windows: tuple[int, ...], *, kind: str = PopularList.Kind.POPULAR
    ) -> Iterator[int]:
        """Yield the best-sellers of some groups in turn; of the next window only while there are not PLENTY."""
        run = self.run_ids.get("popularity")
        given = 0
        for days in windows:
            if given >= PLENTY:
                return
            lists = published.popular(run, kind=kind, days=days, groups=groups)
            for product in in_turn([lists[group] for group in groups if group in lists]):
                yield product
                given += 1


def in_turn(streams: Sequence[Sequence[T]]) -> Iterator[T]:
    """Yield the first of each stream, then the second of each, and so on."""
    for place in range(max(map(len, streams), default=0)):
        for stream in streams:
            if place < len(stream):
                yield stream[place]
