"""Labels of products; each row belongs to a run."""

from django.db import models

from precision.engine.models import Run
from precision.shop.models import Product


class ProductLabelRow(models.Model):
    """All labels of a product in one row; which there are stands in `segments.product_labels.DEFINITIONS`."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="+", db_index=False)
    product = models.ForeignKey(Product, models.CASCADE, related_name="label_rows")
    values = models.JSONField(help_text="Key of the label → value; null: not known.")

    class Meta:
        verbose_name = "product labels"
        verbose_name_plural = "product labels"
        constraints = [
            models.UniqueConstraint(fields=["run", "product"], name="precision_product_labels_once")
        ]

    def __str__(self) -> str:
        return f"labels of {self.product_id}"
