"""The ids under which a platform knows its customers."""

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from precision.shop.models import Identity, Platform


def names_of(platform: Platform, customers: list[int]) -> dict[int, dict[str, str | None]]:
    """Return a customer id, or else an anonymous id, that the platform knows of each customer. One query.

    A person with several gets the first in alphabetical order.
    """
    rows = (
        Identity.objects.filter(platform=platform, customer_id__in=customers)
        .order_by()
        .values_list("customer_id")
        .annotate(
            named=ArrayAgg("value", filter=Q(kind=Identity.Kind.CUSTOMER_ID), order_by="value", default=[]),
            nameless=ArrayAgg(
                "value", filter=Q(kind=Identity.Kind.ANONYMOUS_ID), order_by="value", default=[]
            ),
        )
    )
    return {
        key: {
            "customer_id": named[0] if named else None,
            "anonymous_id": nameless[0] if nameless and not named else None,
        }
        for key, named, nameless in rows
    }
