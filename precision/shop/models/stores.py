"""Physical stores of a platform."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from precision.shop.fields import MoneyField, QuantityField
from precision.shop.models.catalogue import Product
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
    traits = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "external_id"], name="precision_store_once"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class StoreMonth(models.Model):
    """What a store displayed and sold in a month: of one product, or of all where no product is given."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="store_months", db_index=False)
    store = models.ForeignKey(Store, models.CASCADE, related_name="months", db_index=False)
    month = models.DateField(help_text="Its first day.")
    product = models.ForeignKey(Product, models.CASCADE, null=True, blank=True, related_name="store_months")
    displays = models.FloatField(null=True, blank=True, help_text="Displays in the month.")
    sales_value = MoneyField(null=True, blank=True)
    sales_units = QuantityField(null=True, blank=True)
    retail_value = MoneyField(null=True, blank=True)
    industry_value = MoneyField(null=True, blank=True)
    traits = models.JSONField(default=dict, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["store", "month", "product"], nulls_distinct=False, name="precision_store_month_once"
            ),
        ]
        indexes = [models.Index(fields=["platform", "month"], name="precision_store_month_time")]

    def __str__(self) -> str:
        return f"{self.store} {self.month:%Y-%m}"
