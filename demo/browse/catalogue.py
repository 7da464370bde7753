"""The products of the generated shop: five categories of everyday goods, each in five tiers of quality and price."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

KINDS: Mapping[str, tuple[tuple[str, float, bool], ...]] = MappingProxyType(
    {
        "Mother and baby": (
            ("Diapers", 18, True), ("Infant formula", 24, True), ("Baby bodysuit", 15, False),
            ("Stroller", 180, False), ("Building blocks", 20, False),
        ),
        "Personal care": (
            ("Shampoo", 7, True), ("Face cream", 16, True), ("Shower gel", 5, True), ("Toothpaste", 3, True),
            ("Lipstick", 14, False),
        ),
        "Food": (
            ("Coffee beans", 8, True), ("Green tea", 6, True), ("Rice crackers", 3, True), ("Olive oil", 9, True),
            ("Red wine", 12, True),
        ),
        "Home": (
            ("Bed linen", 40, False), ("Frying pan", 30, False), ("Bath towel", 12, False), ("Desk lamp", 35, False),
            ("Storage box", 18, False),
        ),
        "Smart appliances": (
            ("Robot vacuum", 260, False), ("Air purifier", 150, False), ("Kettle", 40, False),
            ("Smart speaker", 70, False), ("Doorbell camera", 60, False),
        ),
    }
)  # fmt: skip
"""Per category the kinds of goods: name, usual price in EUR, and whether people buy it again."""

TIERS = ("Basic", "Daily", "Classic", "Premium", "Signature")
TIER_PRICE = np.array([0.5, 0.75, 1.0, 1.5, 2.4])
BRANDS = ("Alder", "Birka", "Calla", "Dorn", "Elmo", "Fenna", "Ginko", "Hazel", "Iris", "Juno")
PER_TIER = 8
MARGIN = 0.35


def products(rng: np.random.Generator) -> pl.DataFrame:
    """Return one row a product: `product` (index), product_id, title, category (path), brand, price (EUR), cost, tier
    (0 basic .. 4 signature), kind (index of the kind of goods), top (index of the category), repeatable.
    """
    rows: list[dict[str, Any]] = []
    kind = 0
    for top, (category, kinds) in enumerate(KINDS.items()):
        for name, usual, repeatable in kinds:
            for tier, word in enumerate(TIERS):
                for number in range(PER_TIER):
                    price = round(usual * TIER_PRICE[tier] * float(rng.lognormal(0, 0.08)), 2)
                    rows.append(
                        {
                            "product": len(rows),
                            "product_id": f"b{len(rows):04d}",
                            "title": f"{BRANDS[(kind + number) % len(BRANDS)]} {word} {name} No. {number + 1}",
                            "category": [category, name],
                            "brand": BRANDS[(kind + number) % len(BRANDS)],
                            "price": price,
                            "cost": round(price * (1 - MARGIN), 2),
                            "tier": tier,
                            "kind": kind,
                            "top": top,
                            "repeatable": repeatable,
                        }
                    )
            kind += 1
    return pl.DataFrame(rows)


def discounts(rng: np.random.Generator, *, products: int, weeks: int) -> np.ndarray:
    """Return the share taken off each product's price in each week, shape (weeks, products); 0 outside its promotions.

    A product is on promotion in about one week of twelve.
    """
    share = rng.choice([0.1, 0.2, 0.3, 0.4], size=(weeks, products), p=[0.4, 0.3, 0.2, 0.1])
    return np.where(rng.random((weeks, products)) < 1 / 12, share, 0.0)
