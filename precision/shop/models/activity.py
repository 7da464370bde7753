"""What happened: orders with their lines, and events."""

from django.db import models

from precision.shop.fields import MoneyField, QuantityField
from precision.shop.models.catalogue import Product
from precision.shop.models.intake import Source
from precision.shop.models.organisation import Platform
from precision.shop.models.parties import Identity
from precision.shop.models.positions import PositionField
from precision.shop.models.stores import Store


class Order(models.Model):
    """An order or a credit note; one per platform and number, whatever the way it came in.

    A credit note (status `returned`) has lines with negative quantities, so that sums come out net.
    """

    class Status(models.TextChoices):
        PLACED = "placed"
        PAID = "paid"
        SHIPPED = "shipped"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        RETURNED = "returned"

    platform = models.ForeignKey(Platform, models.PROTECT, related_name="orders", db_index=False)
    external_id = models.CharField("order id", max_length=200)
    identity = models.ForeignKey(
        Identity,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
        db_index=False,
        help_text="Empty: a guest.",
    )
    placed_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.COMPLETED)
    currency = models.CharField(max_length=3)
    channel = models.CharField(max_length=60, blank=True)
    store = models.ForeignKey(Store, models.SET_NULL, null=True, blank=True, related_name="orders")
    coupon = models.CharField(max_length=100, blank=True)
    payment_method = models.CharField(max_length=60, blank=True)
    context = models.JSONField(default=dict, blank=True)
    fingerprint = models.BigIntegerField(
        editable=False,
        help_text="Digest of what the last word about the whole said: tells a repetition from a change.",
    )
    refers_to = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="credit_notes",
        help_text="The order that a credit note takes goods back from.",
    )
    confirmed = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Off: told by a browser only; counts in no revenue until the shop's own server tells it too.",
    )
    version_at = models.DateTimeField(
        null=True, blank=True, help_text="When the shop said so; an older word never overwrites a newer one."
    )
    words = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="When each field was told, and by whom; of a credit note, what was to be refunded.",
    )
    source = models.ForeignKey(
        Source, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    received_at = models.DateTimeField(auto_now_add=True)
    position = PositionField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["platform", "external_id"], name="precision_order_once"),
        ]
        indexes = [
            models.Index(fields=["platform", "placed_at"], name="precision_order_time"),
            models.Index(fields=["identity", "placed_at"], name="precision_order_person"),
            models.Index(fields=["position"], name="precision_order_position"),
        ]

    def __str__(self) -> str:
        return self.external_id


class OrderLine(models.Model):
    """So many of one product in one order, at one price.

    No foreign keys in the database: checking two for every copied line costs more than all the rest of an import. The
    one writer of lines resolves both ids in the transaction that writes the order.
    """

    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", db_constraint=False)
    product = models.ForeignKey(Product, models.PROTECT, related_name="order_lines", db_constraint=False)
    quantity = QuantityField(help_text="Negative when goods came back.")
    unit_price = MoneyField(help_text="What the customer paid for one unit.")
    list_price = MoneyField(
        null=True, blank=True, help_text="Price of one unit before discounts, where given."
    )

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product_id}"


class Event(models.Model):
    """Something somebody did; the table is partitioned by month of receipt (see the migration)."""

    platform = models.ForeignKey(Platform, models.DO_NOTHING, related_name="+")
    identity = models.ForeignKey(Identity, models.DO_NOTHING, null=True, blank=True, related_name="+")
    name = models.CharField("event", max_length=100)
    at = models.DateTimeField()
    received_at = models.DateTimeField()
    message = models.BinaryField(max_length=16, editable=False, help_text="Digest of the message id.")
    product = models.ForeignKey(Product, models.DO_NOTHING, null=True, blank=True, related_name="+")
    store = models.ForeignKey(Store, models.DO_NOTHING, null=True, blank=True, related_name="+")
    channel = models.CharField(max_length=60, blank=True)
    session = models.CharField(max_length=100, blank=True)
    duration_s = models.FloatField(null=True, blank=True, help_text="Seconds of dwell.")
    query = models.CharField(max_length=500, blank=True)
    recommendation = models.CharField(max_length=40, blank=True)
    source = models.ForeignKey(Source, models.DO_NOTHING, null=True, blank=True, related_name="+")
    properties = models.JSONField(default=dict, blank=True)
    position = PositionField()

    class Meta:
        managed = False  # partitioned by hand: Django cannot write PARTITION BY
        db_table = "precision_shop_event"

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M}"
