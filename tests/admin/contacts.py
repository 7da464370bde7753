"""Rows of what was shown and sent to whom, for the staff pages."""

from collections.abc import Sequence
from datetime import datetime

from precision.shop.models import Assignment, Exposure, Identity, Platform, Product, Response, Send
from precision.shop.partitions import EXPOSURE, ensure_month


def contact_facts(
    platform: Platform, people: Sequence[Identity], products: Sequence[Product], *, at: datetime
) -> None:
    """Add an assignment, a send, an exposure of two items and a response for each of the people."""
    ensure_month(at.date(), EXPOSURE)
    for number, person in enumerate(people):
        told = {"platform": platform, "identity": person, "at": at}
        Assignment.objects.create(campaign="spring", arm="treated", **told)
        Send.objects.create(campaign="spring", channel="email", properties={"template": "t1"}, **told)
        Exposure.objects.create(
            recommendation=f"rec-{platform.key}-{number}",
            slots=["home-1", "home-1"],
            ranks=[1, 2],
            products=[product.pk for product in products[:2]],
            sources=["popular", ""],
            propensities=[0.5, None],
            **told,
        )
        Response.objects.create(
            message=number.to_bytes(16, "big"), kind="clicked", campaign="spring", product=products[0], **told
        )
