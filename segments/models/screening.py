"""Results of screening and of clusters; each row belongs to a run."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from precision.engine.models import Run
from precision.shop.fields import MoneyField, QuantityField
from precision.shop.models import Category, Customer


class ScreeningReport(models.Model):
    """A small result of a run as a whole, by name: deciles, range, the grid of RFM, clusters, components …"""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=30)
    body = models.JSONField(help_text="Nobody is named in it.")

    class Meta:
        verbose_name = "report of screening"
        verbose_name_plural = "reports of screening"
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="precision_report_once")]

    def __str__(self) -> str:
        return f"{self.name} of run {self.run_id}"


class CustomerWorth(models.Model):
    """What a customer who ordered in the window of the run spent in it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    spend = MoneyField(help_text="Net of returns.")
    orders = models.BigIntegerField()
    categories = models.BigIntegerField(help_text="Different categories bought.")
    products = models.BigIntegerField(help_text="Different products bought.")
    decile = models.PositiveSmallIntegerField(help_text="1 to 10, 10 the tenth that spent most.")
    big = models.BooleanField(help_text="One of the fewest who together bring the share of the run.")

    class Meta:
        verbose_name = "spend and decile"
        verbose_name_plural = "spend and deciles"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_worth_once")]
        indexes = [models.Index(fields=["run", "-spend"], name="precision_worth_top")]

    def __str__(self) -> str:
        return f"spend of {self.customer_id}"


class CategoryDemand(models.Model):
    """What was sold of a category in a week or month; net of returns, guests included."""

    class Period(models.TextChoices):
        WEEK = "week", "week"
        MONTH = "month", "month"

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    period = models.CharField(max_length=5, choices=Period.choices)
    start = models.DateField(help_text="Its first day.")
    category = models.ForeignKey(
        Category, models.CASCADE, null=True, related_name="+", help_text="Empty: products without one."
    )
    orders = models.BigIntegerField()
    customers = models.BigIntegerField(help_text="Known ones.")
    quantity = QuantityField()
    amount = MoneyField()

    class Meta:
        verbose_name = "demand of a category"
        verbose_name_plural = "demand of categories"
        constraints = [
            models.UniqueConstraint(
                fields=["run", "period", "start", "category"],
                name="precision_demand_once",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.category_id} in the {self.period} of {self.start}"


class ClusterMember(models.Model):
    """The cluster of a customer who ordered in the window of the run, and how far they belong to each."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")
    cluster = models.CharField(max_length=10, help_text="c and a number that it keeps from night to night.")
    share = models.FloatField(help_text="Membership in this cluster by the mixture, 0 to 1.")
    shares = ArrayField(
        models.FloatField(), help_text="Membership in each cluster, in the order of the run's report."
    )

    class Meta:
        verbose_name = "member of a cluster"
        verbose_name_plural = "members of clusters"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_cluster_once")]
        indexes = [models.Index(fields=["run", "cluster", "-share"], name="precision_cluster_core")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.cluster}"
