"""Endpoints that answer with products."""

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from precision.shop.api.description import describe
from precision.shop.api.parameters import FilteredParameters
from precision.shop.api.views import PlatformView
from precision.shop.models import Order, OrderLine
from recommender.api import parameters as p
from recommender.api.serializers import GuessSerializer, RecommendationsSerializer
from recommender.serving import answers, published
from recommender.serving.customers import STRANGER, Person, by_identity
from recommender.serving.ladder import Sources
from recommender.serving.reasons import Candidate
from recommender.serving.selection import Selection
from recommender.serving.visitors import Warned, meet, warn

TAGS = ["recommendations"]
ORDER_PRODUCTS = 50


class RecommendationView(PlatformView):
    """Base: reads the parameters, finds the person, frames the answer."""

    def prepare(self, given: dict[str, Any], *, person: Person | None = None) -> list[Warned]:
        """Set `sources` and `selection` up for the person the parameters name; return the warnings.

        Raises NotFound for an unknown customer. Unknown products to exclude are ignored.
        """
        run_ids = published.run_ids(self.platform)
        warnings: list[Warned] = []
        if person is None:
            person, warnings = self._person(given, run_ids)
        self.sources = Sources(self.platform, person, run_ids)
        self.selection = Selection(
            platform=self.platform,
            person=person,
            run_ids=run_ids,
            filters=answers.filters(self.platform, given["filter"]),
            taken=set(answers.own_ids(self.platform, given["exclude"])),
        )
        return warnings

    def _person(self, given: dict[str, Any], run_ids: dict[str, int]) -> tuple[Person, list[Warned]]:
        """Return the person named by the parameters; raise NotFound for an unknown customer."""
        customer, anonymous = given.get("customer", ""), given.get("anonymous_id", "")
        if not customer and not anonymous:
            return STRANGER, []
        person, warnings = meet(self.principal, customer_id=customer, anonymous_id=anonymous, run_ids=run_ids)
        if any(warning["code"] == "unknown_customer" for warning in warnings):
            raise NotFound(f"There is no customer {customer!r} on platform {self.platform.key!r}.")
        return person, warnings

    def respond(self, chosen: list[Candidate], warnings: list[Warned]) -> Response:
        """Return the answer around the chosen products."""
        if not chosen:
            warnings = [*warnings, warn("nothing_left", "The shop sells nothing that passes the filters.")]
        return Response(
            {
                "recommendation_id": answers.new_id(),
                "items": self.selection.items(chosen),
                "warnings": warnings,
            }
        )


class ForYouView(RecommendationView):
    """Products for one person."""

    parameters = p.ForYouParameters

    @describe(
        operation_id="recommendations_for_you",
        tags=TAGS,
        summary="Products for one customer or visitor",
        parameters=[p.ForYouParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer from the customer's own list, then down the ladder: session, segment, category, popular."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        return self.respond(answers.for_you(self.sources, self.selection, given["count"]), warnings)


class BuyAgainView(RecommendationView):
    """Products that a customer buys again and again."""

    parameters = p.CustomerParameters

    @describe(
        operation_id="recommendations_buy_again",
        tags=TAGS,
        summary="What a customer may want again",
        parameters=[p.CustomerParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with what the customer buys again and again, filled up with what they may like."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        return self.respond(answers.buy_again(self.sources, self.selection, given["count"]), warnings)


class SimilarView(RecommendationView):
    """Products like one product."""

    parameters = p.ProductParameters

    @describe(
        operation_id="recommendations_similar",
        tags=TAGS,
        summary="Products like a product",
        parameters=[p.ProductParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with products that the same people buy; the product itself is left out."""
        given = self.read_parameters()
        product = self.find_products([given["product"]])[given["product"]]
        warnings = self.prepare(given)
        self.selection.taken.add(product)
        return self.respond(answers.similar(self.sources, self.selection, product, given["count"]), warnings)


class BoughtTogetherView(RecommendationView):
    """Products that go into one basket with others."""

    parameters = p.TogetherParameters

    @describe(
        operation_id="recommendations_bought_together",
        tags=TAGS,
        summary="What is bought together with products",
        parameters=[p.TogetherParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with what is bought in one basket with the products; these are left out."""
        given = self.read_parameters()
        names = list(dict.fromkeys(filter(None, [given["product"], *given["products"]])))
        products = list(dict.fromkeys(self.find_products(names).values()))
        warnings = self.prepare(given)
        self.selection.taken.update(products)
        return self.respond(
            answers.together(self.sources, self.selection, products, given["count"]), warnings
        )


class GuessView(RecommendationView):
    """Guess what you like: three lists after an order."""

    parameters = p.GuessParameters

    @describe(
        operation_id="recommendations_guess_what_you_like",
        tags=TAGS,
        summary="After an order: for you, cross-marketing and up-marketing",
        parameters=[p.GuessParameters],
        responses=GuessSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with `for_you`, and `cross` and `up` for the order, the products or the latest purchases."""
        given = self.read_parameters()
        person: Person | None = None
        products = (
            list(dict.fromkeys(self.find_products(given["products"]).values())) if given["products"] else []
        )
        if given["order"]:
            order, lines = self._order(given["order"])
            products = list(dict.fromkeys([*lines, *products]))
            if not given["customer"] and not given["anonymous_id"]:
                run_ids = published.run_ids(self.platform)
                person = by_identity(self.platform, order.identity_id, run_ids=run_ids)
        warnings = self.prepare(given, person=person)
        products = (products or self.sources.person.bought)[:ORDER_PRODUCTS]
        self.selection.taken.update(products)
        cross = answers.cross(self.sources, self.selection, products, given["count"])
        up = answers.up(self.selection, products[:5], given["count"])
        chosen = answers.for_you(self.sources, self.selection, given["count"])
        for name, found in (("cross", cross), ("up", up)):
            if not found:
                warnings = [
                    *warnings,
                    warn(f"nothing_{name}", f"Nothing is known that fits into {name!r} here."),
                ]
        return Response(
            {
                "recommendation_id": answers.new_id(),
                "for_you": self.selection.items(chosen),
                "cross": self.selection.items(cross),
                "up": self.selection.items(up),
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

    parameters = p.ClassPopularParameters

    @describe(
        operation_id="recommendations_popular",
        tags=TAGS,
        summary="Best-sellers, of a category or a class where given",
        parameters=[p.ClassPopularParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with the best-sellers of the last 7, 30 or 90 days."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        chosen = answers.popular(
            self.sources, self.selection, given["count"], days=given["days"], letter=given["class"]
        )
        return self.respond(chosen, warnings)


class TrendingView(RecommendationView):
    """Products on the rise."""

    parameters = FilteredParameters

    @describe(
        operation_id="recommendations_trending",
        tags=TAGS,
        summary="What sells faster than before",
        parameters=[FilteredParameters],
        responses=RecommendationsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with what sells faster than before, filled up with best-sellers."""
        given = self.read_parameters()
        warnings = self.prepare(given)
        return self.respond(answers.trending(self.sources, self.selection, given["count"]), warnings)
