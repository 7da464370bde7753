"""Results about people and prices (each row belongs to a run), and the segments that staff define."""

from django.db import models

from precision.engine.models import Run
from precision.shop.fields import MoneyField
from precision.shop.models import Customer, Platform, Product


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


class RfmScore(models.Model):
    """Recency, frequency and money of a customer at one platform."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="rfm_scores")
    recency_days = models.IntegerField(help_text="Days from the last order to the date of the run.")
    frequency = models.IntegerField(help_text="Orders.")
    money = MoneyField(help_text="Net of returns.")
    recency_score = models.PositiveSmallIntegerField(help_text="1 (long ago) to 5 (lately).")
    frequency_score = models.PositiveSmallIntegerField(help_text="1 to 5.")
    money_score = models.PositiveSmallIntegerField(help_text="1 to 5.")
    group = models.CharField(max_length=40)

    class Meta:
        verbose_name = "RFM score"
        constraints = [models.UniqueConstraint(fields=["run", "customer"], name="precision_rfm_once")]
        indexes = [models.Index(fields=["run", "group"], name="precision_rfm_group")]

    def __str__(self) -> str:
        return f"{self.group} {self.customer_id}"


class Segment(models.Model):
    """A named group of a platform's customers, defined by a condition."""

    platform = models.ForeignKey(Platform, models.CASCADE, related_name="segments")
    key = models.SlugField()
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    condition = models.JSONField(help_text='Like {"label": "class", "op": "=", "value": "A"}.')
    builtin = models.BooleanField(default=False, help_text="Came with the product.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["platform", "key"]
        constraints = [models.UniqueConstraint(fields=["platform", "key"], name="precision_segment_once")]

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """A customer found in a segment by a run."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members")
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="segment_memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "segment", "customer"], name="precision_member_once")
        ]
        indexes = [models.Index(fields=["customer", "run"], name="precision_member_customer")]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.customer_id}"
