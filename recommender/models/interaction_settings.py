"""What staff set for interactions: how much each kind of event says, and how fast it fades."""

import math
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from precision.shop.models import Platform
from recommender.signals import MOST_WEIGHT, Weights

DEFAULT = Weights()
POSITIVE = [MinValueValidator(0.0), MaxValueValidator(float(MOST_WEIGHT))]
NEGATIVE = [MinValueValidator(float(-MOST_WEIGHT)), MaxValueValidator(0.0)]
HALF_LIFE_DAYS = (1.0, 3_650.0)
KINDS = ("purchase", "cart", "wishlist", "view", "removal")
SPEAKING = KINDS[:-1]
"""The kinds that speak for a product; a removal only takes back."""


class InteractionSettings(models.Model):
    """What a purchase, a cart, a wish and a view say of a platform's customers.

    A platform without a row uses the defaults here. Weights count relative to each other.
    """

    platform = models.OneToOneField(Platform, models.CASCADE, related_name="interaction_settings")
    purchase = models.FloatField(
        default=DEFAULT.purchase,
        validators=POSITIVE,
        help_text="Of a day on which the customer bought the product. The other weights are read beside this one.",
    )
    cart = models.FloatField(
        default=DEFAULT.cart,
        validators=POSITIVE,
        help_text="Of a day on which it was put into the cart. 0: carts say nothing.",
    )
    wishlist = models.FloatField(
        default=DEFAULT.wishlist,
        validators=POSITIVE,
        help_text="Of a day on which it was put on the wish list.",
    )
    view = models.FloatField(
        default=DEFAULT.view,
        validators=POSITIVE,
        help_text="Of a day on which it was looked at, however often.",
    )
    removal = models.FloatField(
        default=DEFAULT.removal,
        validators=NEGATIVE,
        help_text="Of a day on which it was taken out of the cart or off the wish list: 0 or less. The cart's weight "
        "with a minus undoes the cart.",
    )
    half_life_days = models.FloatField(
        null=True,
        blank=True,
        validators=[MinValueValidator(HALF_LIFE_DAYS[0]), MaxValueValidator(HALF_LIFE_DAYS[1])],
        help_text="After so many days an event says half as much. Empty: what each method does best with, 30 to 180.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "interaction settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    **{f"{kind}__gte": 0.0 for kind in SPEAKING},
                    **{f"{kind}__lte": float(MOST_WEIGHT) for kind in SPEAKING},
                    removal__gte=float(-MOST_WEIGHT),
                    removal__lte=0.0,
                ),
                name="precision_interaction_weights",
            ),
            models.CheckConstraint(
                condition=Q(half_life_days__isnull=True)
                | Q(half_life_days__gte=HALF_LIFE_DAYS[0], half_life_days__lte=HALF_LIFE_DAYS[1]),
                name="precision_interaction_half_life",
            ),
        ]

    def __str__(self) -> str:
        return f"interactions of {self.platform}"

    @property
    def weights(self) -> Weights:
        """The weights as the methods take them."""
        return Weights(**{kind: getattr(self, kind) for kind in KINDS})

    def clean(self) -> None:
        """Refuse weights from which nothing can be learned."""
        super().clean()
        wrong: dict[str, Any] = {}
        for name in (*KINDS, "half_life_days"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                wrong[name] = [f"{value} is no number that counts; write a finite one."]
        if not wrong and not any(getattr(self, kind) for kind in SPEAKING):
            wrong["purchase"] = [
                "Purchase, cart, wish list and view all weigh 0, so there would be nothing to learn from, and "
                "everybody would get best-sellers. Give at least one of them a weight above 0."
            ]
        if wrong:
            raise ValidationError(wrong)

    @classmethod
    def of(cls, platform: Platform) -> "InteractionSettings":
        """Return the settings of a platform, the defaults where it has none. One query."""
        return cls.objects.filter(platform=platform).first() or cls(platform=platform)
