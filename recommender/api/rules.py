"""Endpoints on association rules and pair counts."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.api.description import describe
from precision.shop.api.pagination import Page
from precision.shop.api.views import PlatformView
from precision.shop.models import Product
from recommender.api.parameters import MatrixParameters, RulesParameters
from recommender.api.serializers import MatrixSerializer, RulesSerializer
from recommender.models import AssociationRule, PairCount

TAGS = ["rules"]
MATRIX_DEFAULT = 20


class RulesView(PlatformView):
    """Association rules."""

    parameters = RulesParameters

    @describe(
        operation_id="rules_list",
        tags=TAGS,
        summary="Association rules, strongest first",
        parameters=[RulesParameters],
        responses=RulesSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of the rules in force; an empty one before the first computation."""
        given = self.read_parameters()
        run = runs.published("rules", self.platform.key)
        rules = AssociationRule.objects.filter(run_id=run.pk if run else 0)
        if given["product"]:
            rules = rules.filter(antecedent__contains=list(self.find_products([given["product"]]).values()))
        for measure in ("support", "confidence", "lift"):
            if given[f"min_{measure}"] > 0:
                rules = rules.filter(**{f"{measure}__gte": given[f"min_{measure}"]})
        page = Page(
            rules, request=request, count=given["count"], cursor=given["cursor"], descending=given["sort"]
        )
        names = self._names(
            {product for rule in page.rows for product in (*rule.antecedent, *rule.consequent)}
        )
        frame = {"as_of": run.as_of if run else None, "baskets": run.measures.get("baskets") if run else None}
        return Response({**page.answer([_rule(rule, names) for rule in page.rows]), **frame})

    def _names(self, products: set[int]) -> dict[int, tuple[str, str]]:
        """Return product id and title of products of the platform by our id. One query."""
        rows = Product.objects.filter(platform=self.platform, id__in=products).values_list(
            "id", "external_id", "title"
        )
        return {key: (external, title) for key, external, title in rows}


class MatrixView(PlatformView):
    """Tables of pair counts and confidences."""

    parameters = MatrixParameters

    @describe(
        operation_id="rules_matrix",
        tags=TAGS,
        summary="Pair counts and confidences of some products",
        parameters=[MatrixParameters],
        responses=MatrixSerializer,
    )
    def get(self, request: Request) -> Response:
        """Answer with two tables, row X and column Y; one product under two names is one row."""
        given = self.read_parameters()
        run = runs.published("rules", self.platform.key)
        rows = PairCount.objects.filter(run_id=run.pk if run else 0, product__platform=self.platform)
        if given["products"]:
            wanted = list(dict.fromkeys(self.find_products(given["products"]).values()))
        else:
            wanted = list(
                rows.order_by("-baskets", "product_id").values_list("product_id", flat=True)[:MATRIX_DEFAULT]
            )
        names = {
            key: (external, title)
            for key, external, title in Product.objects.filter(
                platform=self.platform, id__in=wanted
            ).values_list("id", "external_id", "title")
        }
        pairs = {row.product_id: row for row in rows.filter(product_id__in=wanted)}
        return Response(matrix(wanted, names, pairs, run))


def matrix(
    products: list[int], names: dict[int, tuple[str, str]], pairs: dict[int, PairCount], run: Run | None
) -> dict[str, Any]:
    """Return the two tables of `products`, in their order.

    A product without a row was in no basket. A pair that is not kept stands in fewer baskets than the run's
    `pair_floor`: in none when that is 1, in an unknown number (null) otherwise. The confidence from a product
    that was in no basket is undefined (null).
    """
    floor: int | None = run.measures.get("pair_floor") if run else None
    together = {key: dict(zip(row.others, row.counts, strict=True)) for key, row in pairs.items()}

    def count(x: int, y: int) -> int | None:
        if run is None:
            return None
        if x == y:
            return pairs[x].baskets if x in pairs else 0
        if x not in pairs or y not in pairs:
            return 0
        return together[x].get(y, together[y].get(x, 0 if floor == 1 else None))

    counts = [[count(x, y) for y in products] for x in products]
    confidence = [
        [
            None if x == y or cell is None or x not in pairs else cell / pairs[x].baskets
            for y, cell in zip(products, row, strict=True)
        ]
        for x, row in zip(products, counts, strict=True)
    ]
    notes = []
    if run is None:
        notes.append("Rules were not computed yet.")
    elif any(cell is None for row in counts for cell in row):
        least = "too few baskets" if floor is None else f"fewer than {floor} baskets"
        notes.append(f"null: {least} have both to be kept.")
    if run is not None and any(product not in pairs for product in products):
        notes.append("A product that is in no basket of the window has no confidences.")
    return {
        "products": [names[key][0] for key in products],
        "titles": [names[key][1] for key in products],
        "baskets": run.measures.get("baskets") if run else None,
        "counts": counts,
        "confidence": confidence,
        "pair_floor": floor,
        "as_of": run.as_of if run else None,
        "notes": notes,
    }


def _rule(rule: AssociationRule, names: dict[int, tuple[str, str]]) -> dict[str, Any]:
    """Return one rule with the shop's own ids, and in words."""
    unknown = ("", "a product that is gone")
    before = [names.get(product, unknown) for product in rule.antecedent]
    after = [names.get(product, unknown) for product in rule.consequent]
    lead, follow = (" and ".join(title for _, title in side) for side in (before, after))
    return {
        "antecedent": [name for name, _ in before],
        "consequent": [name for name, _ in after],
        "antecedent_titles": [title for _, title in before],
        "consequent_titles": [title for _, title in after],
        "count": rule.count,
        "support": rule.support,
        "confidence": rule.confidence,
        "lift": rule.lift,
        "leverage": rule.leverage,
        "text": f"Who buys {lead} also buys {follow} in {rule.confidence:.1%} of cases, "
        f"{rule.lift:.2f} times as often as others.",
    }
