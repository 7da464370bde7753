"""Stays, lists and the cursor of segments, for the staff pages."""

from datetime import datetime, timedelta

from precision.shop.models import Identity, Platform
from segments.models import Segment, SegmentCursor, SegmentListing, SegmentSpell


def segment_history(platform: Platform, *, at: datetime) -> None:
    """Write a list with two people, and of the segment `one` a stay that goes on and one that ended."""
    people = list(Identity.objects.filter(platform=platform, kind="customer_id").order_by("id"))
    named = Segment.objects.create(platform=platform, key="named", name="Named ones", static=True)
    SegmentListing.objects.bulk_create(
        SegmentListing(segment=named, identity=person) for person in people[:2]
    )
    one = Segment.objects.get(platform=platform, key="one")
    before = at - timedelta(days=3)
    SegmentSpell.objects.create(segment=one, customer=people[0].customer, entered_at=before)
    SegmentSpell.objects.create(segment=one, customer=people[1].customer, entered_at=before, left_at=at)
    SegmentCursor.objects.create(scope=platform.key, position=7)
