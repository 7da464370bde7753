"""Places where products are shown."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from precision.shop.models import Platform


class Slot(models.Model):
    """A place on a page and what fills it; a platform without slots for `home` has the three default ones."""

    class Strategy(models.TextChoices):
        PERSONAL = "personal", "for this customer, in the price tiers of their class"
        SEGMENT = "segment", "liked by customers of the same class"
        DISCOVER = "discover", "new to this customer, or bought again"

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="slots")
    page = models.SlugField(default="home")
    key = models.SlugField(help_text="Name of the place in the answer, like home-1.")
    title = models.CharField(max_length=200, blank=True, help_text="Heading that the shop may show.")
    strategy = models.CharField(max_length=20, choices=Strategy.choices)
    size = models.PositiveSmallIntegerField(
        default=4, validators=[MinValueValidator(1), MaxValueValidator(50)], help_text="Products shown."
    )
    position = models.PositiveSmallIntegerField(
        default=1, help_text="Order on the page; the first slot chooses first."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["platform", "page", "position"]
        constraints = [
            models.UniqueConstraint(fields=["platform", "page", "key"], name="precision_slot_once")
        ]

    def __str__(self) -> str:
        return f"{self.page}/{self.key}"
