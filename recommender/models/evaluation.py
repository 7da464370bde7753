"""How well each recommendation model does on days that none had seen; each row belongs to a run."""

from django.db import models

from precision.engine.models import Run


class RecommendationQuality(models.Model):
    """What one model reached on one fold for one group of customers; see recommender/evaluation for the measures."""

    class Which(models.TextChoices):
        """Which purchases count as relevant."""

        ALL = "all", "all purchases"
        NEW = "new", "new to the customer"
        WEIGHTED = "weighted", "clicks, carts and orders"

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    model = models.CharField(
        max_length=40, help_text="A single source, the blend, the ranker or the champion."
    )
    fold = models.PositiveSmallIntegerField(help_text="0: the latest held-out days.")
    cut_day = models.DateField(help_text="First held-out day.")
    days = models.PositiveSmallIntegerField(help_text="Held-out days.")
    which = models.CharField(max_length=20, choices=Which.choices)
    group = models.CharField(
        max_length=40, help_text="“all”, “class:A” or “history:2-4” (days with a purchase)."
    )
    k = models.PositiveSmallIntegerField(help_text="Items in each list.")
    customers = models.BigIntegerField(help_text="With a relevant item: those of the means.")
    undefined = models.BigIntegerField(help_text="Judged customers without one.")
    recall = models.FloatField(
        null=True, help_text="Capped at min(k, relevant); the weighted one where it is that."
    )
    ndcg = models.FloatField("NDCG", null=True)
    map = models.FloatField("MAP", null=True)
    hit_rate = models.FloatField(null=True)
    coverage = models.FloatField(null=True, help_text="Share of the sellable catalogue that is in some list.")
    novelty = models.FloatField(null=True, help_text="Mean self-information of the items, in bits.")
    new_share = models.FloatField(
        "share of new items", null=True, help_text="Items that the customer had not bought."
    )
    baseline = models.CharField(
        max_length=40, blank=True, help_text="The best baseline, chosen with hindsight."
    )
    gain = models.FloatField(null=True, help_text="Recall above that baseline.")
    gain_low = models.FloatField(null=True, help_text="Lower end of its 95 % interval.")
    gain_high = models.FloatField(null=True, help_text="Upper end of its 95 % interval.")
    parts = models.JSONField(default=dict, blank=True, help_text="Recall of clicks, carts and orders alone.")

    class Meta:
        verbose_name = verbose_name_plural = "quality of recommendations"
        constraints = [
            models.UniqueConstraint(
                fields=["run", "which", "fold", "group", "model"], name="precision_rquality_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.which} {self.group}, fold {self.fold}"
