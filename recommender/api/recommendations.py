"""Endpoints that answer with products."""

from collections.abc import Iterable
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from precision.shop.api.description import describe
from precision.shop.api.views import PlatformView
from precision.shop.models import Order, OrderLine
from recommender.api import parameters as p
from recommender.api.serializers import GuessSerializer, RecommendationsSerializer
from recommender.serving import answers, exposures, filters, paging
from recommender.serving import state as states
from recommender.serving.customers import STRANGER, Person
from recommender.serving.items import items
from recommender.serving.ladder import Sources
from recommender.serving.reasons import Candidate
from recommender.serving.removals import Removal
from recommender.serving.selection import Selection
from recommender.serving.state import State
from recommender.serving.visitors import Warned, by_identity, meet, warn

TAGS = ["recommendations"]
ORDER_PRODUCTS = 50


def rendered(answer: dict[str, Any]) -> HttpResponse:
    """Return an answer as JSON."""
    return HttpResponse(orjson.dumps(answer), content_type="application/json")


class RecommendationView(PlatformView):
    """Base: reads the parameters, finds the person, frames the answer."""

    page = ""
    """The name of the list, by which exposures know it."""

    def prepare(
        self, given: dict[str, Any], *, person: Person | None = None, state: State | None = None
    ) -> list[Warned]:
        """Set `sources` and `selection` up for the person the parameters name; return the warnings.

        Unknown products to exclude are ignored.
        """
        warnings: list[Warned] = []
        if person is None or state is None:
            person, state, warnings = self._person(given)
        self.sources = Sources(self.platform, person, state)
        earlier = given.get("recommendation_id", "")
        self.selection = Selection(
            platform=self.platform,
            person=person,
            state=state,
            answer=earlier or exposures.new_id(),
            filters=filters.read(self.platform, given["filter"]),
            only_new=bool(earlier),
        )
        self.shown = 0
        if earlier:
            before = paging.shown_before(self.platform, earlier, page=self.page, person=person)
            self.shown = len(before)
            self.selection.take(before, Removal.SHOWN)
        self.selection.take(answers.own_ids(self.selection, given["exclude"]), Removal.EXCLUDED)
        return warnings

    def _person(self, given: dict[str, Any]) -> tuple[Person, State, list[Warned]]:
        """Return the person named by the parameters; an unknown one is a stranger, with a warning."""
        customer, anonymous = given.get("customer", ""), given.get("anonymous_id", "")
        if not customer and not anonymous:
            return STRANGER, states.of(self.platform), []
        return meet(self.principal, customer_id=customer, anonymous_id=anonymous)

    def respond(
        self, candidates: Iterable[Candidate], given: dict[str, Any], warnings: list[Warned]
    ) -> HttpResponse:
        """Choose among the candidates, log the answer and return it."""
        selection = self.selection
        count = min(given["count"], paging.MOST_ITEMS - self.shown)
        picks = selection.choose(selection.stream(candidates), count, place=self.page) if count > 0 else []
        if not picks:
            warnings = [*warnings, warn("nothing_left", self._why_empty())]
        first = self.shown + 1
        answer = {
            "recommendation_id": selection.answer,
            "items": items(selection, picks, first=first),
            "warnings": warnings,
        }
        fact = exposures.of(selection, self.page, [("", first, picks)])
        if not self.shown:
            exposures.writer.put(fact)
        elif picks:
            paging.extend(fact)
        return rendered(answer)

    def _why_empty(self) -> str:
        if self.shown >= paging.MOST_ITEMS:
            return f"A list ends after {paging.MOST_ITEMS:,} products."
        return "There is nothing more." if self.shown else "The shop sells nothing that passes the filters."


class ForYouView(RecommendationView):
    """Products for one person."""

    page = "for-you"
    parameters = p.ForYouParameters

    @describe(
        operation_id="recommendations_for_you",
        tags=TAGS,
        summary="Products for one customer or visitor",
        parameters=[p.ForYouParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer from the customer's own list, then down the ladder: session, segment, category, popular."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        return self.respond(answers.for_you(self.sources, self.selection), given, warnings)


class BuyAgainView(RecommendationView):
    """Products that a customer buys again and again."""

    page = "buy-again"
    parameters = p.CustomerParameters

    @describe(
        operation_id="recommendations_buy_again",
        tags=TAGS,
        summary="What a customer may want again",
        parameters=[p.CustomerParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer with what the customer buys again and again, filled up with what they may like."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        return self.respond(answers.buy_again(self.sources, self.selection), given, warnings)


class SimilarView(RecommendationView):
    """Products like one product."""

    page = "similar"
    parameters = p.ProductParameters

    @describe(
        operation_id="recommendations_similar",
        tags=TAGS,
        summary="Products like a product",
        parameters=[p.ProductParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer with products that the same people buy; the product itself is left out."""
        given = self.read_parameters()
        product = self.find_products([given["product"]])[given["product"]]
        warnings = self.prepare(given)
        self.selection.take([product], Removal.SUBJECT)
        return self.respond(answers.similar(self.sources, self.selection, product), given, warnings)


class BoughtTogetherView(RecommendationView):
    """Products that go into one basket with others."""

    page = "bought-together"
    parameters = p.TogetherParameters

    @describe(
        operation_id="recommendations_bought_together",
        tags=TAGS,
        summary="What is bought together with products",
        parameters=[p.TogetherParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer with what is bought in one basket with the products; these are left out."""
        given = self.read_parameters()
        names = list(dict.fromkeys(filter(None, [given["product"], *given["products"]])))
        products = list(dict.fromkeys(self.find_products(names).values()))
        warnings = self.prepare(given)
        self.selection.take(products, Removal.SUBJECT)
        return self.respond(answers.together(self.sources, self.selection, products), given, warnings)


class GuessView(RecommendationView):
    """Guess what you like: three lists after an order."""

    page = "guess-what-you-like"
    parameters = p.GuessParameters

    @describe(
        operation_id="recommendations_guess_what_you_like",
        tags=TAGS,
        summary="After an order: for you, cross-marketing and up-marketing",
        parameters=[p.GuessParameters],
        responses=GuessSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer with `for_you`, and `cross` and `up` for the order, the products or the latest purchases."""
        given = self.read_parameters()
        person, state = None, None
        products = (
            list(dict.fromkeys(self.find_products(given["products"]).values())) if given["products"] else []
        )
        if given["order"]:
            order, lines = self._order(given["order"])
            products = list(dict.fromkeys([*lines, *products]))
            if not given["customer"] and not given["anonymous_id"]:
                person, state = by_identity(self.platform, order.identity_id)
        warnings = self.prepare(given, person=person, state=state)
        selection, count = self.selection, given["count"]
        products = (products or self.sources.person.bought)[:ORDER_PRODUCTS]
        selection.take(products, Removal.SUBJECT)
        cross = answers.cross(self.sources, selection, products, count)
        up = answers.up(selection, products, count)
        chosen = selection.choose(
            selection.stream(answers.for_you(self.sources, selection)), count, place=self.page
        )
        for name, found in (("cross", cross), ("up", up)):
            if not found:
                warnings = [
                    *warnings,
                    warn(f"nothing_{name}", f"Nothing is known that fits into {name!r} here."),
                ]
        lists = {"for_you": chosen, "cross": cross, "up": up}
        exposures.writer.put(
            exposures.of(selection, self.page, [(name, 1, picks) for name, picks in lists.items()])
        )
        return rendered(
            {
                "recommendation_id": selection.answer,
                **{name: items(selection, picks) for name, picks in lists.items()},
                "warnings": warnings,
            }
        )

    def _order(self, order_id: str) -> tuple[Order, list[int]]:
        """Return an order of the platform with our ids of its products; raise NotFound. Two queries."""
        order = self.platform.orders.filter(external_id=order_id).first()
        if order is None:
            raise NotFound(f"There is no order {order_id!r} on platform {self.platform.key!r}.")
        lines = OrderLine.objects.filter(order=order).order_by("-unit_price", "id")
        rows = lines.values_list("product_id", "product__same_as_id")
        return order, [same_as or own for own, same_as in rows]


class PopularView(RecommendationView):
    """Best-sellers."""

    page = "popular"
    parameters = p.ClassPopularParameters

    @describe(
        operation_id="recommendations_popular",
        tags=TAGS,
        summary="Best-sellers, of a category or a class where given",
        parameters=[p.ClassPopularParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer with the best-sellers of the last 7, 30 or 90 days."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        candidates = answers.popular(self.sources, self.selection, days=given["days"], letter=given["class"])
        return self.respond(candidates, given, warnings)


class TrendingView(RecommendationView):
    """Products on the rise."""

    page = "trending"
    parameters = p.ClassParameters

    @describe(
        operation_id="recommendations_trending",
        tags=TAGS,
        summary="What sells faster than before, of a category or a class where given",
        parameters=[p.ClassParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        """Answer with what sells faster than before, filled up with best-sellers."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        candidates = answers.trending(self.sources, self.selection, letter=given["class"])
        return self.respond(candidates, given, warnings)
