"""Lists of products for a product, for a window of popularity, for a customer; each row belongs to a run."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from precision.engine.models import Run
from precision.shop.models import Customer, Product


class ProductList(models.Model):
    """Products that go with a product (similar, bought together), best first; arrays run in step."""

    class Kind(models.TextChoices):
        SIMILAR = "similar"
        BOUGHT_TOGETHER = "bought-together", "bought together"

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    product = models.ForeignKey(Product, models.CASCADE, related_name="lists")
    items = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "product"], name="precision_plist_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.product_id}"


class PopularList(models.Model):
    """Best-sellers of a window, for everyone, a category or a class of customers; arrays run in step."""

    class Kind(models.TextChoices):
        POPULAR = "popular"
        TRENDING = "trending"

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    days = models.PositiveSmallIntegerField(help_text="Length of the window.")
    group = models.CharField(max_length=60, help_text="“all”, “category:ID” or “class:A”.")
    items = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField(), help_text="Buyers in the window; growth for trending.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "days", "group"], name="precision_popular_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.group} {self.days} days"


class CustomerList(models.Model):
    """Products for one customer, best first; arrays run in step."""

    class Kind(models.TextChoices):
        FOR_YOU = "for-you", "for you"
        BUY_AGAIN = "buy-again", "buy again"

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="recommendation_lists")
    items = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())
    sources = ArrayField(models.CharField(max_length=20), help_text="The method that brought each item.")
    anchors = ArrayField(
        models.BigIntegerField(null=True),
        help_text="The bought product behind each item, where there is one.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "customer"], name="precision_clist_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.customer_id}"
