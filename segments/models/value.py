"""What customers are expected to order and to be worth; each row belongs to a run."""

from django.db import models

from precision.engine.models import Run
from precision.shop.fields import MoneyField
from precision.shop.models import Customer


class CustomerValue(models.Model):
    """Expected orders and value of a customer over the horizon of the run, with the evidence they rest on."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="values")
    repeats = models.BigIntegerField(help_text="Days with an order, the first one not counted.")
    recency_days = models.BigIntegerField(help_text="Days from the first order to the last.")
    age_days = models.BigIntegerField(help_text="Days from the first order to the date of the run.")
    mean_value = MoneyField(
        null=True, help_text="Mean of an ordering day, the first one not counted; empty: none above 0."
    )
    valued = models.BigIntegerField(help_text="Days behind that mean.")
    alive = models.FloatField(null=True, help_text="Probability that the customer still buys here.")
    alive_low = models.FloatField(null=True)
    alive_high = models.FloatField(null=True)
    expected_orders = models.FloatField(null=True)
    orders_low = models.FloatField(null=True)
    orders_high = models.FloatField(null=True)
    order_value = MoneyField(null=True, help_text="Expected value of an ordering day.")
    value = MoneyField(null=True, help_text="Expected value over the horizon: orders times their value.")
    value_low = MoneyField(null=True)
    value_high = MoneyField(null=True)
    reason = models.CharField(max_length=30, blank=True, help_text="Why figures are missing or plain means.")

    class Meta:
        verbose_name = "customer value"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_value_once")]
        indexes = [models.Index(fields=["run", "-value"], name="precision_value_top")]

    def __str__(self) -> str:
        return f"value of {self.customer_id}"
