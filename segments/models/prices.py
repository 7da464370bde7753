"""Results about prices and price classes; each row belongs to a run."""

from django.db import models

from precision.engine.models import Run
from precision.shop.fields import MoneyField
from precision.shop.models import Customer, Product


class PriceClass(models.TextChoices):
    """The letter of a customer: what price means to them."""

    A = "A", "A: tends to buy high-quality goods"
    B = "B", "B: price-sensitive, buys discounted goods"
    C = "C", "C: price does not matter"
    U = "U", "U: not enough evidence"


class ProductPrice(models.Model):
    """Where a product's usual price stands within its category, and how often it is sold below it."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    product = models.ForeignKey(Product, models.CASCADE, related_name="prices")
    usual_price = MoneyField(null=True, help_text="Per unit; empty: never sold at a price.")
    price_position = models.FloatField(null=True, help_text="0 the cheapest of its category, 1 the dearest.")
    discount_share = models.FloatField(
        null=True, help_text="Share of its list value saved by discounts, lately."
    )
    lines = models.BigIntegerField(help_text="Order lines behind these figures.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "product"], name="precision_price_once")]

    def __str__(self) -> str:
        return f"price of {self.product_id}"


class CustomerClass(models.Model):
    """The class A, B, C or U of a customer at one platform, with its evidence."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="classes")
    letter = models.CharField("class", max_length=1, choices=PriceClass.choices)
    reason = models.CharField(max_length=30, help_text="Key of REASONS in segments/methods/price_classes.py.")
    price_position = models.FloatField(null=True, help_text="Mean position of what they buy, 0 to 1, shrunk.")
    buyer_position = models.FloatField(
        null=True, help_text="Mean position of the other buyers of the same goods."
    )
    price_spread = models.FloatField(
        null=True, help_text="Standard deviation of the positions of their lines."
    )
    discount_share = models.FloatField(null=True, help_text="Share of list value saved by discounts, shrunk.")
    quality_lead = models.FloatField(null=True, help_text="Standard deviations past the border of A.")
    discount_lead = models.FloatField(null=True, help_text="Standard deviations past the border of B.")
    spend = MoneyField(help_text="Paid for what was sold in the window of the run.")
    saved = MoneyField(help_text="Saved against the reference prices.")
    list_value = MoneyField(help_text="What it would have cost at the reference prices.")
    orders = models.BigIntegerField()
    lines = models.BigIntegerField()
    positioned_lines = models.BigIntegerField(help_text="Lines whose product has a price position.")

    class Meta:
        verbose_name_plural = "customer classes"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_class_once")]
        indexes = [models.Index(fields=["run", "letter"], name="precision_class_letter")]

    def __str__(self) -> str:
        return f"{self.letter} of {self.customer_id}"
