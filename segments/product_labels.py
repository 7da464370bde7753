"""The labels of products: which there are, and where a product's are read.

Products belong to a platform, and so do their labels. A row of `ProductLabelRow` serves one product; the same table as
a file (`kept`) serves searches over all of them.
"""

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.models import Platform, Product
from segments import kept
from segments.conditions import LabelType
from segments.methods import product_labels as m
from segments.models import ProductLabelRow

JOB: Final = "product-labels"
CATEGORY: Final = "category"
BRAND: Final = "brand"
PRICE_POSITION: Final = "price_position"
USUAL_PRICE: Final = "usual_price"
DISCOUNT_SHARE: Final = "discount_share"
AGE_DAYS: Final = "age_days"
INTERESTS: Final = "interests"
GIVEN: Final = "given"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductLabel:
    """What a label of products says."""

    key: str
    title: str
    type: LabelType
    formula: str
    values: tuple[str, ...] = ()
    """What a text can be; empty: anything."""


DEFINITIONS: Final = (
    ProductLabel(
        key=CATEGORY, title="Category", type=LabelType.TEXT,
        formula="Path of the category that the shop gave, or that its title was sorted into.",
    ),
    ProductLabel(key=BRAND, title="Brand", type=LabelType.TEXT, formula="As the shop gave it."),
    ProductLabel(
        key=m.PRICE_TIER, title="Price tier", type=LabelType.TEXT, values=("low", "middle", "high"),
        formula="Price position below ⅓, from ⅓ to below ⅔, from ⅔ on.",
    ),
    ProductLabel(
        key=PRICE_POSITION, title="Price position", type=LabelType.NUMBER,
        formula="Where the usual price stands in its category: 0 the cheapest, 1 the dearest.",
    ),
    ProductLabel(
        key=USUAL_PRICE, title="Usual price", type=LabelType.NUMBER,
        formula="Median of the prices before discounts at which it was sold.",
    ),
    ProductLabel(
        key=DISCOUNT_SHARE, title="Discount share", type=LabelType.NUMBER,
        formula="Part of its list value that discounts saved in the last 56 days.",
    ),
    ProductLabel(
        key=m.REPEATABLE, title="Bought again", type=LabelType.BOOLEAN,
        formula=f"As the shop gave it, else whether at least {m.REBUY_FROM:.0%} of {m.LEAST_BUYERS} or more buyers "
        "bought it on several days.",
    ),
    ProductLabel(
        key=m.REBUY_SHARE, title="Share of buyers who came back", type=LabelType.NUMBER,
        formula=f"Buyers who bought it on two days or more / buyers; from {m.LEAST_BUYERS} buyers on.",
    ),
    ProductLabel(
        key=m.SEASON, title="Season", type=LabelType.TEXT, values=(*m.MONTHS, m.ALL_YEAR),
        formula=f"The month whose sales are {m.SEASON_FROM} times what the shop's year lets expect, or more, and "
        f"{m.SEASON_ERRORS:.0f} standard errors above it.",
    ),
    ProductLabel(
        key=m.SEASONALITY, title="Seasonality", type=LabelType.NUMBER,
        formula="Sales of its strongest month over those that the shop's year lets expect, shrunk by "
        f"{m.SHRINK_LINES:.0f} lines; from {m.LEAST_LINES} lines in a year on.",
    ),
    ProductLabel(
        key=m.BUYERS_CLASS, title="Class of its buyers", type=LabelType.TEXT, values=("A", "B", "C"),
        formula=f"The class that is {m.CLASS_FROM} times or more as frequent among its buyers as among all, by "
        f"{m.CLASS_ERRORS:.0f} standard errors or more.",
    ),
    ProductLabel(
        key=m.BUYERS_CLASS_LIFT, title="Lift of that class", type=LabelType.NUMBER,
        formula="Share of the class among its buyers of class A, B or C / its share among all such buyers.",
    ),
    ProductLabel(
        key=m.TYPICAL_HOUR, title="Typical hour", type=LabelType.NUMBER,
        formula=f"First of the three hours in which most of it is sold; from {m.LEAST_LINES} lines on.",
    ),
    ProductLabel(
        key=m.DAYPART, title="Part of the day", type=LabelType.TEXT, values=m.DAYPARTS,
        formula="The quarter of the day of the middle one of those hours, from midnight on.",
    ),
    ProductLabel(
        key=m.NOVELTY, title="Novelty", type=LabelType.TEXT, values=("new", "established", "fading"),
        formula=f"new: first sold or looked at in the last {m.NEW_DAYS} days; fading: not sold for {m.FADING_DAYS}.",
    ),
    ProductLabel(
        key=AGE_DAYS, title="Age in days", type=LabelType.NUMBER, formula="Days since the first sale or event.",
    ),
    ProductLabel(key=m.LINES, title="Lines sold", type=LabelType.NUMBER, formula="Order lines, returned ones not."),
    ProductLabel(key=m.BUYERS, title="Buyers", type=LabelType.NUMBER, formula="Customers who bought it."),
    ProductLabel(
        key=INTERESTS, title="Words of interest", type=LabelType.TEXT,
        formula="Topics of the vocabulary that belong to its category: who writes of them wants such goods.",
    ),
    ProductLabel(
        key=GIVEN, title="Given by the shop", type=LabelType.TEXT, formula="The labels of the product as sent.",
    ),
)  # fmt: skip
BY_KEY: Final = {label.key: label for label in DEFINITIONS}
AFFINE: Final = (CATEGORY, BRAND, m.PRICE_TIER, m.DAYPART, m.SEASON, m.BUYERS_CLASS)
"""Labels by which people are matched to products: what they bought by each is counted every night."""


def of_product(product: Product, run: Run | None) -> dict[str, Any] | None:
    """Return the labels of a product by key, None for one that the run has not seen. One query."""
    row = ProductLabelRow.objects.filter(run_id=run.pk if run else 0, product=product).first()
    return row.values if row else None


def published(platform: Platform) -> Run | None:
    """Return the run whose labels count. One query."""
    return runs.published(JOB, platform.key)


def table(run: Run | None) -> pl.LazyFrame | None:
    """Return all labels of a run: PRODUCT and a column a label, but not the lists and given ones; None without them."""
    return kept.scan(run.pk if run else None, JOB)
