"""Pinned labels and labels of products, for the staff pages."""

from precision.engine.models import Run
from precision.shop.models import Identity, Platform, Product
from segments import overrides
from segments.models import ProductLabelRow


def pins(platform: Platform) -> None:
    """Pin a label of a person, twice: the first is history."""
    person = Identity.objects.filter(platform=platform, kind="customer_id").earliest("pk")
    overrides.pin(person, "price_class", "B", reason="at first")
    overrides.pin(person, "price_class", "A", reason="told our staff")


def product_label_rows(platform: Platform, run: Run, count: int) -> None:
    """Write labels of every product."""
    ProductLabelRow.objects.bulk_create(
        ProductLabelRow(
            run=run, product=product, values={"category": "Food / Tea", "lines": count, "given": {}}
        )
        for product in Product.objects.filter(platform=platform)
    )
