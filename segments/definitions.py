"""Segments that every platform starts with."""

from precision.shop.models import Platform
from segments.builtin import SEGMENTS
from segments.models import Segment


def ensure_builtin(platform: Platform) -> None:
    """Create the built-in segments that the platform lacks; those of staff and edited ones stay as they are."""
    Segment.objects.bulk_create(
        [
            Segment(
                platform=platform,
                key=each.key,
                name=each.name,
                description=each.description,
                condition=dict(each.condition),
                builtin=True,
            )
            for each in SEGMENTS
        ],
        ignore_conflicts=True,
    )
