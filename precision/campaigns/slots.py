"""Fills the slots of a page: each class of customers sees its own product ads, and nothing twice."""

from dataclasses import dataclass
from typing import Any

from precision.campaigns.models import Slot
from precision.shop.api.freshness import Cache
from precision.shop.models import Platform
from recommender.serving import answers
from recommender.serving.ladder import Sources, in_turn
from recommender.serving.reasons import Candidate
from recommender.serving.selection import Selection

HOME = "home"


@dataclass(frozen=True, slots=True)
class Place:
    """A slot to fill."""

    key: str
    title: str
    strategy: str
    size: int


DEFAULT_HOME = (
    Place("home-1", "Chosen for you", Slot.Strategy.PERSONAL, 4),
    Place("home-2", "Popular with customers like you", Slot.Strategy.SEGMENT, 4),
    Place("home-3", "Discover", Slot.Strategy.DISCOVER, 4),
)
"""What `home` shows on a platform whose staff have set no slots of their own."""

_places: Cache[tuple[int, str], tuple[Place, ...] | None] = Cache(seconds=1.0, most=10_000)


def places(platform: Platform, page: str) -> tuple[Place, ...] | None:
    """Return the active slots of a page in the order in which they choose, or None for an unknown page.

    At most one query.
    """

    def load() -> tuple[Place, ...] | None:
        rows = list(Slot.objects.filter(platform=platform, page=page).order_by("position", "key"))
        if not rows:
            return DEFAULT_HOME if page == HOME else None
        return tuple(Place(row.key, row.title, row.strategy, row.size) for row in rows if row.active)

    return _places.get((platform.pk, page), load)


def fill(
    page: tuple[Place, ...], sources: Sources, selection: Selection, *, count: int | None = None
) -> list[dict[str, Any]]:
    """Return the slots with their items in the shape of the API; `count` overrides the size of every slot.

    The price tier of the person's class holds in every slot; below it the ladder goes on without the tier.
    """
    rest = list(answers.ladder(sources, selection))
    streams = {place.key: [*_stream(place, sources), *rest] for place in page}
    # One look-up for the whole page.
    selection.learn([candidate for stream in streams.values() for candidate in stream])
    filled = []
    for place in page:
        chosen = selection.choose(streams[place.key], count or place.size, by_class=True)
        filled.append(
            {
                "slot": place.key,
                "creative": {"title": place.title, "strategy": place.strategy},
                "items": selection.items(chosen),
            }
        )
    return filled


def _stream(place: Place, sources: Sources) -> list[Candidate]:
    """Return the candidates of a slot's strategy, best first."""
    if place.strategy == Slot.Strategy.SEGMENT:
        return [*sources.segment()]
    if place.strategy == Slot.Strategy.DISCOVER:
        near = sources.similar_to_bought()
        return [*in_turn([[*near], [*sources.buy_again()], [*sources.trending()]]), *sources.personal()]
    basket = [*sources.together(sources.anchors)] if sources.anchors else []
    return [*basket, *sources.personal(), *sources.session()]
