"""Physical stores of a platform."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from precision.shop.models.organisation import Platform


class Store(models.Model):
    """A shop one can walk into."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="stores", db_index=False)
    external_id = models.CharField("store id", max_length=100)
    name = models.CharField(max_length=200, blank=True)
    type = models.CharField(max_length=60, blank=True, help_text="street, IT mall, mall …")
    region = models.CharField(max_length=100, blank=True)
    province = models.CharField(max_length=100, blank=True)
    stars = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    opened_at = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "external_id"], name="precision_store_once"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id
