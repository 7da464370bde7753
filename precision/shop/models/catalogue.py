"""What a platform sells, and which of its names mean the same thing."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from precision.shop.fields import MoneyField
from precision.shop.models.organisation import Platform
from precision.shop.models.positions import PositionField


class Category(models.Model):
    """A node of a platform's category tree; `path` is the whole way from the root."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="categories", db_index=False)
    path = ArrayField(models.CharField(max_length=200))
    derived = models.BooleanField(
        default=False, help_text="Found from product titles, not given by the shop."
    )

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["platform", "path"], name="precision_category_once"),
        ]

    def __str__(self) -> str:
        return " / ".join(self.path)


class Product(models.Model):
    """A product of one platform; `external_id` is the shop's own number, `id` is ours."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="products", db_index=False)
    external_id = models.CharField("product id", max_length=200)
    title = models.CharField(max_length=500)
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="products")
    brand = models.CharField(max_length=200, blank=True)
    price = MoneyField(null=True, blank=True)
    list_price = MoneyField(null=True, blank=True)
    cost = MoneyField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    url = models.URLField(max_length=1000, blank=True)
    image_url = models.URLField(max_length=1000, blank=True)
    in_stock = models.BooleanField(default=True)
    active = models.BooleanField(
        default=True, help_text="The shop sells it; inactive products are never shown."
    )
    listed = models.BooleanField(
        default=True, help_text="Off: known only from orders, the shop never described it; never shown."
    )
    repeatable = models.BooleanField(
        null=True, blank=True, help_text="May be offered again to who bought it; empty: unknown."
    )
    labels = models.JSONField(default=dict, blank=True)
    traits = models.JSONField(default=dict, blank=True)
    aliases = ArrayField(
        models.CharField(max_length=500),
        default=list,
        blank=True,
        help_text="Other names or ids of this product on the organisation's platforms, as the shop gave them.",
    )
    same_as = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="stands_for",
        help_text="The product of this platform that it is counted as; set from the accepted aliases.",
    )
    updated_at = models.DateTimeField(auto_now=True)
    position = PositionField(help_text="Moved by the database with every change, whoever makes it.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "external_id"], name="precision_product_once"),
        ]
        # What serves products keeps them in memory and asks which have changed.
        indexes = [models.Index(fields=["platform", "position"], name="precision_product_position")]

    def __str__(self) -> str:
        return self.title


class ProductAlias(models.Model):
    """Two products of one organisation that are, or may be, the same thing under two names.

    Suggested pairs wait for a person; only accepted ones join anything, and refusing one undoes the join.
    """

    class Status(models.TextChoices):
        SUGGESTED = "suggested"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    product = models.ForeignKey(Product, models.CASCADE, related_name="alias_links")
    other = models.ForeignKey(Product, models.CASCADE, related_name="alias_links_in")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.SUGGESTED, db_index=True)
    method = models.CharField(
        max_length=30, help_text="How the pair was found: shop, similar-name, left-over."
    )
    score = models.FloatField(null=True, blank=True, help_text="0 to 1; empty where the method gives none.")
    evidence = models.JSONField(default=dict, blank=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "product aliases"
        constraints = [
            models.UniqueConstraint(fields=["product", "other"], name="precision_alias_once"),
            models.CheckConstraint(condition=~Q(product=F("other")), name="precision_alias_of_another"),
        ]

    def __str__(self) -> str:
        return f"{self.product} = {self.other}"
