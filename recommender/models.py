"""Results about products (each row belongs to a run), and what staff set for their computation."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from precision.engine.models import Run
from precision.shop.models import Customer, Platform, Product

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
        default=1000, help_text="Baskets with more different products are left out (bulk orders)."
    )
    max_length = models.PositiveSmallIntegerField(
        default=3,
        validators=[MinValueValidator(2), MaxValueValidator(5)],
        help_text="Most products in a rule.",
    )
    window_days = models.PositiveIntegerField(default=730, help_text="Baskets of so many days are counted.")

    class Meta:
        verbose_name = verbose_name_plural = "rule settings"

    def __str__(self) -> str:
        return f"rules of {self.platform}"


class AssociationRule(models.Model):
    """Who buys the antecedent also buys the consequent; see recommender/methods/rules.py for the measures."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    antecedent = ArrayField(models.BigIntegerField(), help_text="Ids of products.")
    consequent = ArrayField(models.BigIntegerField(), help_text="Ids of products.")
    count = models.BigIntegerField(help_text="Baskets with all of them.")
    support = models.FloatField()
    confidence = models.FloatField()
    lift = models.FloatField()
    leverage = models.FloatField()

    class Meta:
        indexes = [
            models.Index(fields=["run", "-lift"], name="precision_rule_lift"),
            GinIndex(fields=["antecedent"], name="precision_rule_from"),
        ]

    def __str__(self) -> str:
        return f"{self.antecedent} → {self.consequent}"


class PairCount(models.Model):
    """How many baskets hold a product, and how many hold it together with each other product.

    `others` and `counts` run in step. Pairs seen in fewer baskets than the run's measure `pair_floor` are not kept.
    """

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    product = models.ForeignKey(Product, models.CASCADE, related_name="pair_counts")
    baskets = models.BigIntegerField()
    others = ArrayField(models.BigIntegerField())
    counts = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "product"], name="precision_pairs_once")]

    def __str__(self) -> str:
        return f"pairs of {self.product_id}"


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
