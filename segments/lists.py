"""Static lists: segments whose members are named one by one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection

from precision.shop.models import Identity, Platform
from segments.evaluation import Numbers
from segments.models import Segment, SegmentListing


class NotAListError(ValueError):
    """Members of a segment with a condition cannot be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What became of named customers."""

    changed: list[int]
    """Customers (our numbers) who came onto the list, or left it."""
    same: int
    """Ids that changed nothing: on the list already, or not on it."""
    unknown: list[str]
    """Ids that the platform does not know."""


def add(segment: Segment, platform: Platform, ids: Sequence[str]) -> Listed:
    """Put the customers with these ids of a platform onto a list. Three queries."""
    known = _known(segment, platform, ids)
    on_it = set(
        SegmentListing.objects.filter(segment=segment, identity_id__in=known).values_list(
            "identity_id", flat=True
        )
    )
    fresh = [number for number in known if number not in on_it]
    SegmentListing.objects.bulk_create(
        [SegmentListing(segment=segment, identity_id=number) for number in fresh],
        ignore_conflicts=True,
        batch_size=5_000,
    )
    return _listed(ids, known, fresh)


def remove(segment: Segment, platform: Platform, ids: Sequence[str]) -> Listed:
    """Take the customers with these ids of a platform off a list. Three queries."""
    known = _known(segment, platform, ids)
    rows = SegmentListing.objects.filter(segment=segment, identity_id__in=known)
    gone = list(rows.values_list("identity_id", flat=True))
    rows.delete()
    return _listed(ids, known, gone)


def customers(lists: Collection[int], among: Collection[int] | None = None) -> dict[int, Numbers]:
    """Return the customers on each of these lists, sorted, of all or of these customers. One query."""
    found: dict[int, Numbers] = {number: np.zeros(0, dtype=np.int64) for number in lists}
    if not lists:
        return found
    query = """
        SELECT listing.segment_id, array_agg(DISTINCT identity.customer_id ORDER BY identity.customer_id)
        FROM precision_segments_segmentlisting listing
        JOIN precision_shop_identity identity ON identity.id = listing.identity_id
        WHERE listing.segment_id = ANY(%(lists)s)
          AND (%(among)s::bigint[] IS NULL OR identity.customer_id = ANY(%(among)s))
        GROUP BY listing.segment_id
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"lists": list(lists), "among": None if among is None else list(among)})
        found |= {number: np.asarray(ids, dtype=np.int64) for number, ids in cursor.fetchall()}
    return found


def _known(segment: Segment, platform: Platform, ids: Sequence[str]) -> dict[int, str]:
    """Return our number of each identity that the ids name, with the id."""
    if not segment.static:
        raise NotAListError(
            f"The segment {segment.key!r} has a condition; only members of a list can be named."
        )
    rows = Identity.objects.filter(
        platform=platform, kind=Identity.Kind.CUSTOMER_ID, value__in=[one for one in ids if "\0" not in one]
    )
    return dict(rows.values_list("id", "value"))


def _listed(ids: Sequence[str], known: dict[int, str], changed: list[int]) -> Listed:
    names = set(known.values())
    unknown = [one for one in dict.fromkeys(ids) if one not in names]
    people = Identity.objects.filter(pk__in=changed).order_by().values_list("customer_id", flat=True)
    return Listed(
        changed=sorted(set(people)),
        same=len(known) - len(changed),
        unknown=unknown,
    )
