"""What this app has of a person, for their export and for their erasure: the lists made for them."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from precision.shop.erasure.subject import Subject
from precision.shop.models import Product
from recommender.models import CustomerList


def erase(subject: Subject) -> dict[str, int]:
    """Delete the lists made for the person; return how many."""
    return {CustomerList._meta.db_table: _rows(subject).delete()[0]}


def export(subject: Subject) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield the published lists made for the person, with the shop's own product ids."""
    yield CustomerList._meta.db_table, _lists(subject)


def _rows(subject: Subject) -> QuerySet[CustomerList]:
    """Return the lists of all runs; of one platform only what was computed for that."""
    rows = CustomerList.objects.filter(customer_id__in=subject.customers)
    return rows if subject.whole else rows.filter(run__scope__in=subject.scopes)


def _lists(subject: Subject) -> Iterator[dict[str, Any]]:
    rows = _rows(subject).filter(run__publications__isnull=False).select_related("run")
    for row in rows.iterator(chunk_size=1_000):
        wanted = {number for number in (*row.items, *row.anchors) if number is not None}
        names = dict(Product.objects.filter(pk__in=wanted).values_list("pk", "external_id"))
        yield {
            "platform": row.run.scope,
            "as_of": row.run.as_of,
            "kind": row.kind,
            "items": [
                {
                    "product_id": names.get(item),
                    "score": score,
                    "source": source,
                    "because_of": names.get(anchor) if anchor is not None else None,
                }
                for item, score, source, anchor in zip(
                    row.items, row.scores, row.sources, row.anchors, strict=True
                )
            ],
        }
