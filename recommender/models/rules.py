"""Association rules and the pair counts behind them; each row belongs to a run."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from precision.engine.models import Run
from precision.shop.models import Product


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
