"""What staff set for the computation of rules."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from precision.shop.models import Platform

MOST_BASKET_ITEMS = 5_000
"""A basket of n products holds n (n − 1) / 2 pairs: 12 million of one basket are the most that is worth its time."""
SHARE = [MinValueValidator(0.0), MaxValueValidator(1.0)]


class RuleSettings(models.Model):
    """Thresholds of a platform's association rules; a platform without a row uses the defaults here."""

    platform = models.OneToOneField(Platform, models.CASCADE, related_name="rule_settings")
    min_support = models.FloatField(default=0.0, validators=SHARE, help_text="Least share of all baskets.")
    min_count = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Least number of baskets; empty: one in two thousand, but 2 to 20, and more where that "
        "gives over 50,000 pairs.",
    )
    min_confidence = models.FloatField(default=0.0, validators=SHARE)
    min_lift = models.FloatField(default=0.0, validators=[MinValueValidator(0.0)])
    max_basket_items = models.PositiveIntegerField(
        default=1000,
        validators=[MinValueValidator(2), MaxValueValidator(MOST_BASKET_ITEMS)],
        help_text="Baskets with more different products are left out (bulk orders).",
    )
    max_length = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(2), MaxValueValidator(5)],
        help_text="Most products in a rule.",
    )
    window_days = models.PositiveIntegerField(
        default=730,
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text="Baskets of so many days are counted.",
    )

    class Meta:
        verbose_name = verbose_name_plural = "rule settings"

    def __str__(self) -> str:
        return f"rules of {self.platform}"
