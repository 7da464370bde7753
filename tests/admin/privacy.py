"""Consents and an erasure, for the staff pages."""

from collections.abc import Sequence
from datetime import datetime

from precision.shop.models import Consent, Erasure, Identity, Platform


def privacy_facts(platform: Platform, people: Sequence[Identity], *, at: datetime) -> None:
    """Add two words of each of the people, and an erasure that is finished."""
    for person in people:
        for channel, granted in (("email", True), ("*", False)):
            Consent.objects.create(
                platform=platform, identity=person, channel=channel, purpose="marketing", granted=granted,
                basis="consent", at=at,
            )  # fmt: skip
    Erasure.objects.create(
        organisation=platform.organisation, scope=platform.key, state=Erasure.State.FINISHED, finished_at=at,
        counts={"precision_shop_event": 3, "precision_shop_consent": 0}, by="sk_example",
    )  # fmt: skip
