"""Whatever the shop, whoever asks: while anything may be sold, an answer has it, and says where it came from."""

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from precision.shop.api import freshness
from precision.shop.models import Product
from recommender.models import Control
from recommender.serving.reasons import Source
from tests.api.conftest import Shop
from tests.api.serving import ids, shown

FLAGS = ("active", "listed", "in_stock")
SOURCES = {source.value for source in Source}
NAMES = [f"p{n}" for n in range(8)]
PRODUCT = st.fixed_dictionaries(
    {
        **{flag: st.sampled_from([True, True, True, False]) for flag in FLAGS},
        "repeatable": st.sampled_from([None, True, False]),
        "price": st.sampled_from([None, "1.00", "20.00"]),
        "category": st.sampled_from([None, 0, 1]),
    }
)
SOME = st.lists(st.sampled_from(NAMES), max_size=8, unique=True)
SHOP = st.fixed_dictionaries(
    {
        "products": st.lists(PRODUCT, max_size=8),
        "bought": SOME, "listed": SOME, "again": SOME, "popular": SOME, "similar": SOME, "hidden": SOME,
        "pinned": SOME, "cap": st.sampled_from([None, 1]), "letter": st.sampled_from("ABCU"),
    }
)  # fmt: skip


_numbers = itertools.count()


def build(shop: Shop, plan: dict[str, Any]) -> set[str]:
    """Make the shop of a plan; return what may be sold."""
    categories = [shop.category("One"), shop.category("Two")]
    for name, product in zip(NAMES, plan["products"], strict=False):
        place = product["category"]
        shop.product(name, **{**product, "category": None if place is None else categories[place]})
    there = set(shop.products)

    def some(key: str) -> list[str]:
        return [name for name in plan[key] if name in there]

    shop.person("ann")
    if some("bought"):
        shop.order("ann", *some("bought"))
    shop.classes({"ann": plan["letter"]}, dict.fromkeys(some("popular"), (0.9, 0.1)))
    shop.popular({("popular", 30, "all"): some("popular"), ("popular", 30, "class:A"): some("similar")})
    if some("bought"):
        shop.neighbours("similar", {some("bought")[0]: some("similar")})
    shop.for_you(
        {
            ("ann", "for-you"): [(name, "als", None) for name in some("listed")],
            ("ann", "buy-again"): [(name, "buy-again", None) for name in some("again")],
        }
    )
    for rank, name in enumerate(some("pinned"), start=1):
        Control.objects.create(platform=shop.platform, kind="pin", product=shop.products[name], rank=rank)
    for name in some("hidden"):
        Control.objects.create(platform=shop.platform, kind="hide", product=shop.products[name])
    freshness.clear_all()
    sold = Product.objects.filter(platform=shop.platform, active=True, listed=True, in_stock=True)
    return set(sold.values_list("external_id", flat=True)) - set(some("hidden"))


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=SHOP)
def test_an_answer_is_never_empty(make_shop: Any, plan: dict[str, Any]) -> None:
    shop = make_shop(f"shop-{next(_numbers)}")
    sold = build(shop, plan)
    for query in ({"customer": "ann"}, {"anonymous_id": "new"}):
        for address in ("slots/home/", "recommendations/for-you/"):
            answer = shop.get(address, count=3, **query)
            items = (
                [item for slot in answer["slots"] for item in slot["items"]]
                if "slots" in answer
                else answer["items"]
            )
            names = ids(items)
            assert bool(names) == bool(sold)
            assert set(names) <= sold
            assert len(names) == len(set(names))
            assert {item["source"] for item in items} <= SOURCES
    assert set(shown(shop.get("slots/home/", count=8))) == sold
    every = ids(shop.get("recommendations/for-you/", anonymous_id="new", count=8)["items"])
    assert set(every) == sold  # a stranger has bought nothing: all that may be sold is there
