"""What staff decide about answers: single products, categories and brands, and what holds for a whole platform."""

import math
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from precision.shop.models import Category, Platform, Product
from segments.models import PriceClass

LISTS = (
    "for-you", "similar", "bought-together", "guess-what-you-like", "buy-again", "popular", "trending", "slots",
)  # fmt: skip
_SLOT = re.compile(r"slots/[-a-zA-Z0-9_]+(/[-a-zA-Z0-9_]+)?")
MOST_RANK = 50
WEIGHTS = (0.01, 100.0)


class Control(models.Model):
    """A product that staff pin to a rank, or products that they hide, or push by a weight, for a while."""

    class Kind(models.TextChoices):
        PIN = "pin", "pin: always there, at a rank"
        HIDE = "hide", "hide: never there"
        BOOST = "boost", "boost: further up or down"

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="controls")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    product = models.ForeignKey(
        Product, models.CASCADE, null=True, blank=True, related_name="+", help_text="Product, or category, or brand."
    )  # fmt: skip
    category = models.ForeignKey(
        Category,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="With all that lie below it.",
    )
    brand = models.CharField(max_length=200, blank=True, help_text="As the shop writes it.")
    place = models.CharField(
        max_length=120,
        blank=True,
        help_text=f"Where it holds: one of {', '.join(LISTS)}; slots/PAGE; slots/PAGE/SLOT. Empty: everywhere.",
    )
    letter = models.CharField(
        "class",
        max_length=1,
        blank=True,
        choices=PriceClass.choices,
        help_text="Only for customers of this class. Empty: for all.",
    )
    rank = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RANK)],
        help_text="Of a pin: its place in the list; 1 is the first.",
    )
    weight = models.FloatField(
        default=2.0,
        validators=[MinValueValidator(WEIGHTS[0]), MaxValueValidator(WEIGHTS[1])],
        help_text="Of a boost: 2 brings what stands at rank 10 to rank 5, 0.5 to rank 20.",
    )
    starts_at = models.DateTimeField(null=True, blank=True, help_text="From then on. Empty: at once.")
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Before then. Empty: no end.")
    active = models.BooleanField(default=True, help_text="Off: kept, but without effect.")
    note = models.CharField(max_length=300, blank=True, help_text="Why, for colleagues.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(product__isnull=False, category__isnull=True, brand="")
                | Q(product__isnull=True, category__isnull=False, brand="")
                | (Q(product__isnull=True, category__isnull=True) & ~Q(brand="")),
                name="precision_control_about_one",
            ),
            models.CheckConstraint(
                condition=~Q(kind="pin") | Q(product__isnull=False), name="precision_control_pin_product"
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True) | Q(ends_at__isnull=True) | Q(starts_at__lt=F("ends_at")),
                name="precision_control_window",
            ),
            models.CheckConstraint(
                condition=Q(rank__gte=1, rank__lte=MOST_RANK, weight__gte=WEIGHTS[0], weight__lte=WEIGHTS[1]),
                name="precision_control_numbers",
            ),
        ]
        indexes = [models.Index(fields=["platform", "active", "ends_at"], name="precision_control_active")]

    def __str__(self) -> str:
        return f"{self.kind} {self.brand or self.product or self.category}"

    def clean(self) -> None:
        """Refuse by name what makes no sense together."""
        super().clean()
        wrong: dict[str, list[Any]] = {}
        self.brand = self.brand.strip()
        self.place = self.place.strip().strip("/")
        about = [name for name in ("product", "category") if getattr(self, f"{name}_id")]
        about += ["brand"] if self.brand else []
        if len(about) != 1:
            found = f"Given are {' and '.join(about)}" if about else "Nothing is given"
            wrong["product"] = [f"{found}; give one of product, category and brand."]
        elif self.kind == self.Kind.PIN and about != ["product"]:
            wrong["kind"] = [f"Only a product can be pinned, not a {about[0]}; choose a product, or boost."]
        for name in ("product", "category"):
            one = getattr(self, name)
            if one is not None and self.platform_id and one.platform_id != self.platform_id:
                wrong[name] = [f"“{one}” is of another shop; choose one of {self.platform}."]
        if self.place and self.place not in LISTS and not _SLOT.fullmatch(self.place):
            wrong["place"] = [
                f"“{self.place}” is no place; write one of {', '.join(LISTS)}, or slots/PAGE, or slots/PAGE/SLOT."
            ]
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            wrong["ends_at"] = [
                f"It would end at {self.ends_at}, which is not after its start at {self.starts_at}."
            ]
        if self.weight is not None and not math.isfinite(self.weight):
            wrong["weight"] = ["Write a number from 0.01 to 100."]
        if wrong:
            raise ValidationError(wrong)


class ServingRule(models.Model):
    """What holds for every answer of a platform; a platform without a row uses the defaults here."""

    platform = models.OneToOneField(Platform, models.CASCADE, related_name="serving_rule")
    most_per_category = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Products of one category in a list, while there are others. Empty: any number.",
    )
    exploration = models.FloatField(
        default=0.02,
        validators=[MinValueValidator(0.0), MaxValueValidator(0.5)],
        help_text="Share of the lists in which one product makes room for one that ranks lower, so that it can be "
        "learned how that sells; logged with its probability. Shops with fewer than 200 products for sale never do it.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(exploration__gte=0.0, exploration__lte=0.5), name="precision_serving_exploration"
            ),
            models.CheckConstraint(
                condition=Q(most_per_category__isnull=True) | Q(most_per_category__gte=1),
                name="precision_serving_category",
            ),
        ]

    def __str__(self) -> str:
        return f"answers of {self.platform}"
