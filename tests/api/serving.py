"""What the tests of answers share."""

from typing import Any

from precision.shop.api import freshness
from precision.shop.models import Category, Exposure, Product
from recommender.models import Control, ServingRule
from recommender.serving import exposures
from tests.api.conftest import Shop

TRIED = 0.5


def ids(items: list[dict[str, Any]]) -> list[str]:
    """Return the product ids of a list."""
    return [item["product_id"] for item in items]


def shown(answer: dict[str, Any]) -> list[str]:
    """Return the product ids of a page of slots in their order."""
    return [name for slot in answer["slots"] for name in ids(slot["items"])]


def control(shop: Shop, kind: str, *, about: Product | Category | str, **given: Any) -> Control:
    """Set a control as the staff page does; raise ValidationError when it makes no sense."""
    key = {Product: "product", Category: "category", str: "brand"}[type(about)]
    made = Control(platform=shop.platform, kind=kind, **{key: about}, **given)
    made.full_clean()
    made.save()
    freshness.clear_all()
    return made


def logged(answer: dict[str, Any]) -> Exposure:
    """Write what waits and return the exposure of an answer."""
    exposures.writer.flush()
    return Exposure.objects.get(recommendation=answer["recommendation_id"])


def large(shop: Shop, *, share: float = TRIED, products: int = 200) -> None:
    """Let a shop have so many products more, and try others out in this share of its lists."""
    Product.objects.bulk_create(
        Product(
            platform=shop.platform, external_id=f"more-{n:03}", title=f"More {n}", price=5, currency="EUR"
        )
        for n in range(products)
    )
    ServingRule.objects.create(platform=shop.platform, exploration=share)
    freshness.clear_all()
