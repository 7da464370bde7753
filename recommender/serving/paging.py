"""The next page of a list: what an answer has shown is read from its exposure, and not shown again.

All pages of a list bear the id of the first; their ranks go on. Pages after the first are written at once, so that the
exposure always says all that was shown.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from rest_framework.exceptions import ValidationError

from precision.shop import exposures as facts
from precision.shop.exposures import Shown
from precision.shop.models import Exposure, Platform
from recommender.serving import exposures
from recommender.serving.customers import Person

PARAMETER: Final = "recommendation_id"
LIFETIME_S: Final = 24 * 3_600
MOST_ITEMS: Final = 1_000
"""Where a list ends, whatever else there is."""
YOUNG_S: Final = 2.0
"""So long an exposure may be on its way from the process that gave the answer."""
WAIT_S: Final = 0.05


def shown_before(platform: Platform, answer: str, *, page: str, person: Person) -> list[int]:
    """Return our ids of the products that an answer has shown, in their order.

    Raises ValidationError, naming what is wrong, for what is no id of ours, for an answer that is too old, unknown to
    this platform, of another list or for somebody else.
    """
    given = exposures.given_at(answer)
    now = time.time()
    if given is None or given > now + LIFETIME_S:
        raise _refusal(f"“{answer}” is no recommendation_id; take the one of the first page.")
    if now - given > LIFETIME_S:
        raise _refusal(
            f"This answer was given {(now - given) / 3600:.0f} hours ago; pages are kept for "
            f"{LIFETIME_S // 3600}. Ask for a new list.",
            "expired",
        )
    if exposures.writer.waits(answer):
        exposures.writer.flush()
    row = _read(platform, answer, given)
    while row is None and time.time() - given < YOUNG_S:
        time.sleep(WAIT_S)
        row = _read(platform, answer, given)
    if row is None:
        raise _refusal(f"Platform {platform.key!r} has given no answer “{answer}”.", "not_found")
    of_page, identity, products = row
    if of_page != page:
        raise _refusal(f"That answer was a list {of_page!r}, not {page!r}.")
    if identity != person.identity:
        raise _refusal("That answer was for somebody else; ask with the same customer or visitor.")
    return products


def extend(more: Shown) -> None:
    """Add a further page to the exposure of its answer; raise ValidationError when another request was quicker."""
    given = exposures.given_at(more.recommendation) or 0.0
    if not facts.extend(more, since=_since(given), before=more.ranks[0] - 1):
        raise _refusal("Another request has taken the next page of this list; ask again.", "conflict")


def _read(platform: Platform, answer: str, given: float) -> tuple[str, int | None, list[int]] | None:
    rows = Exposure.objects.filter(platform=platform, recommendation=answer, at__gte=_since(given))
    return rows.values_list("page", "identity_id", "products").first()


def _since(given: float) -> datetime:
    """Return a time just before the answer: later ones lie in one or two partitions."""
    return datetime.fromtimestamp(given, UTC) - timedelta(minutes=1)


def _refusal(detail: str, code: str = "invalid") -> ValidationError:
    return ValidationError({PARAMETER: [detail]}, code=code)
