"""The fallback ladder: personal → session → segment → category → popular → catalogue."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import merge
from typing import TypeVar

from precision.shop.models import Platform
from recommender.methods.together import merged
from recommender.models import PopularList, ProductList
from recommender.serving import published
from recommender.serving.customers import Person, StoredList
from recommender.serving.reasons import Candidate, Code, Source, personal_code
from recommender.serving.state import State

T = TypeVar("T")

ANCHORS = 5
"""So many of the latest purchases or views bring similar products in."""
PLENTY = 100
"""So many best-sellers are enough to choose from."""
SEARCHED = 20
"""So many of the products of a session are shown again themselves."""


@dataclass(slots=True)
class Sources:
    """Streams of candidates for one person on one platform, each best first; they are read as far as needed."""

    platform: Platform
    person: Person
    state: State
    anchors: list[int] = field(default_factory=list)
    """Products the answer is about: of an order, a cart, a product page."""

    def personal(self) -> Iterator[Candidate]:
        """Yield the list made for the customer, then what goes with their latest purchases.

        While a session is on, what it brings comes in between: two of the list, one of the session.
        """
        own = self.own()
        yield from mixed(own, self.session(), every=2) if self.person.live else own

    def own(self) -> Iterator[Candidate]:
        """Yield the list made for the customer, then products like those of the latest purchases.

        Where one ranker scored what is new to them and what they had, both stand in one order.
        """
        new = self._stored(self.person.for_you)
        yield from merge(new, self.buy_again(), key=_falling) if self.state.comparable else new
        yield from self.similar_to_bought()

    def similar_to_bought(self) -> Iterator[Candidate]:
        """Yield products like those of the latest purchases."""
        yield from self._near(self.person.bought[:ANCHORS], ProductList.Kind.SIMILAR, Code.BECAUSE_YOU_BOUGHT)

    def buy_again(self) -> Iterator[Candidate]:
        """Yield what the customer buys again and again."""
        stored = self.person.buy_again
        for product, score in zip(stored.items, stored.scores, strict=False):
            yield Candidate(product, Source.PERSONAL, Code.BUY_AGAIN, product, "buy-again", score)

    def session(self) -> Iterator[Candidate]:
        """Yield what is similar to, or goes with, what was looked at lately; then what was looked at itself."""
        seen = self.person.seen[:ANCHORS]
        yield from self._near(seen, ProductList.Kind.SIMILAR, Code.SEEN_LATELY, Source.SESSION)
        yield from self._near(seen, ProductList.Kind.BOUGHT_TOGETHER, Code.SEEN_LATELY, Source.SESSION)
        for product in self.person.seen[:SEARCHED]:
            yield Candidate(product, Source.SESSION, Code.LOOKED_AT, product, "seen")

    def similar(self, products: list[int]) -> Iterator[Candidate]:
        """Yield products that are bought by the same people as `products`."""
        yield from self._near(products, ProductList.Kind.SIMILAR, Code.SIMILAR_TO, Source.PRODUCT)

    def together(self, products: list[int]) -> Iterator[Candidate]:
        """Yield products that are bought in one basket with `products`, those first that go with all of them."""
        kind = ProductList.Kind.BOUGHT_TOGETHER
        lists = published.neighbours(self.state.run_ids.get("rules"), kind=kind, products=products)
        anchors = [product for product in products if product in lists]
        for each in merged([lists[product] for product in anchors], without=frozenset(products)):
            yield Candidate(
                each.product, Source.PRODUCT, Code.GOES_WITH, anchors[each.anchor], kind, each.score
            )

    def segment(self) -> Iterator[Candidate]:
        """Yield best-sellers among customers of the same class; nothing while the class is unknown."""
        if self.person.letter != "U":
            yield from self.segment_of(self.person.letter)

    def segment_of(self, letter: str) -> Iterator[Candidate]:
        """Yield best-sellers among customers of a class."""
        yield from self._best_sellers(
            [f"class:{letter}"], (30, 90), source=Source.SEGMENT, code=Code.POPULAR_WITH_GROUP
        )

    def category(self, categories: list[int]) -> Iterator[Candidate]:
        """Yield best-sellers of some categories, in turn."""
        yield from self._best_sellers(
            [f"category:{category}" for category in categories],
            (30, 90),
            source=Source.CATEGORY,
            code=Code.POPULAR_IN_CATEGORY,
        )

    def popular(self, days: tuple[int, ...] = (30, 90, 7)) -> Iterator[Candidate]:
        """Yield the platform's best-sellers."""
        yield from self._best_sellers(["all"], days, source=Source.POPULAR, code=Code.POPULAR)

    def trending(self, groups: tuple[str, ...] = ("all",)) -> Iterator[Candidate]:
        """Yield what sells faster than before."""
        yield from self._best_sellers(
            list(groups),
            published.WINDOWS,
            source=Source.TRENDING,
            code=Code.TRENDING,
            kind=PopularList.Kind.TRENDING,
        )

    def _stored(self, stored: StoredList) -> Iterator[Candidate]:
        """Yield the items of a customer's list."""
        scores: Sequence[float | None] = stored.scores or [None] * len(stored.items)
        for product, method, anchor, score in zip(
            stored.items, stored.sources, stored.anchors, scores, strict=False
        ):
            yield Candidate(product, Source.PERSONAL, personal_code(method, anchor), anchor, method, score)

    def _near(
        self, products: list[int], kind: str, code: Code, source: Source = Source.PERSONAL
    ) -> Iterator[Candidate]:
        """Yield the neighbours of some products in turn, each with the product that brought it."""
        if not products:
            return
        job = "similar" if kind == ProductList.Kind.SIMILAR else "rules"
        lists = published.neighbours(self.state.run_ids.get(job), kind=kind, products=products)
        for product, (item, score) in in_turn(
            [[(product, pair) for pair in lists[product]] for product in products if product in lists]
        ):
            yield Candidate(item, source, code, product, kind, score)

    def _best_sellers(
        self,
        groups: list[str],
        windows: tuple[int, ...],
        *,
        source: Source,
        code: Code,
        kind: str = PopularList.Kind.POPULAR,
    ) -> Iterator[Candidate]:
        """Yield the best-sellers of some groups in turn; of the next window only while there are not PLENTY."""
        if not groups:
            return
        run = self.state.run_ids.get("popularity")
        given = 0
        for days in windows:
            if given >= PLENTY:
                return
            lists = published.popular(run, kind=kind, days=days, groups=groups)
            method = f"{kind}-{days}"
            for product, score in in_turn([lists[group] for group in groups if group in lists]):
                yield Candidate(product, source, code, None, method, score)
                given += 1


def _falling(candidate: Candidate) -> float:
    return -(candidate.score or 0.0)


def in_turn(streams: Sequence[Iterable[T]]) -> Iterator[T]:
    """Yield the first of each stream, then the second of each, and so on."""
    running = [iter(stream) for stream in streams]
    if len(running) == 1:
        yield from running[0]
        return
    while running:
        left = []
        for stream in running:
            for one in stream:
                yield one
                left.append(stream)
                break
        running = left


def mixed(main: Iterator[T], other: Iterator[T], *, every: int) -> Iterator[T]:
    """Yield `every` of the one stream and one of the other, in turn; of the longer all that is left."""
    while True:
        some = [one for _, one in zip(range(every), main, strict=False)]
        yield from some
        for one in other:
            yield one
            break
        else:
            yield from main
            return
        if not some:
            yield from other
            return
