"""Results about prices and price classes; each row belongs to a run."""

from django.conf import settings
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
    probability_a = models.FloatField(null=True, help_text="Posterior probability of A; empty: unknown.")
    probability_b = models.FloatField(null=True, help_text="The same of B.")
    probability_c = models.FloatField(null=True, help_text="The same of C.")
    tests = models.JSONField(
        null=True, help_text="Price tests and coupons by kind: [trials, answers]; empty: none."
    )
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

    @property
    def confidence(self) -> float | None:
        """The largest of the three probabilities; None where they are unknown."""
        known = [self.probability_a, self.probability_b, self.probability_c]
        return max((each for each in known if each is not None), default=None)


class ClassRule(models.Model):
    """A version of the numbers behind the price classes of one scope; never changed, the highest version counts.

    Without a row the built-in rule counts. The fields are those of `PriceClassRule`.
    """

    scope = models.CharField(
        max_length=100, help_text="Key of the platform, or `org:` and the key of the organisation."
    )
    version = models.PositiveIntegerField(editable=False, help_text="Counts from 1 within the scope.")
    window_days = models.PositiveIntegerField(help_text="Orders of how many days count.")
    least_orders = models.PositiveIntegerField(help_text="Orders a customer needs to be classified.")
    least_lines = models.PositiveIntegerField(
        help_text="Order lines with a comparable price that a customer needs to be classified."
    )
    least_people = models.PositiveIntegerField(
        help_text="Customers with that evidence needed before anybody is classified by orders."
    )
    share_a = models.FloatField(help_text="Share past the border of A, before the unsure are taken out.")
    share_b = models.FloatField(help_text="Share past the border of B, before the unsure are taken out.")
    buyers_weight = models.FloatField(
        help_text="Weight of the other buyers' price position beside the customer's own, 0 to 1."
    )
    discount_in_a = models.FloatField(
        help_text="Standard deviations that one of discount share takes off quality."
    )
    position_in_b = models.FloatField(
        help_text="Standard deviations that one of price position takes off price sensitivity."
    )
    confidence = models.FloatField(help_text="Least probability of the class; below it the customer is U.")
    shrink_lines = models.FloatField(help_text="Average lines added to every customer's own.")
    least_trials = models.PositiveIntegerField(
        help_text="Price tests and coupons that somebody without enough orders needs to be classified by them."
    )
    tests_confidence = models.FloatField(help_text="Least probability of a class given by tests.")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", editable=False
    )
    key = models.CharField(
        max_length=12, blank=True, editable=False, help_text="Prefix of the API key that set it."
    )
    reason = models.CharField(max_length=500, help_text="Why the numbers were changed.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "rule of price classes"
        verbose_name_plural = "rules of price classes"
        constraints = [models.UniqueConstraint(fields=["scope", "version"], name="precision_class_rule_once")]

    def __str__(self) -> str:
        return f"{self.scope}, version {self.version}"
