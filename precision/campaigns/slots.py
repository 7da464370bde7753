"""Fills the slots of a page: each class of customers sees its own product ads, and nothing twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from precision.campaigns.models import Slot
from recommender.serving import answers
from recommender.serving import state as states
from recommender.serving.items import items
from recommender.serving.ladder import Sources, in_turn
from recommender.serving.reasons import Candidate
from recommender.serving.selection import Pick, Selection
from recommender.serving.state import State

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

states.read_along(
    "slots",
    "SELECT jsonb_agg(jsonb_build_array(s.page, s.key, s.title, s.strategy, s.size, s.active) "
    "ORDER BY s.position, s.key) FROM precision_campaigns_slot s WHERE s.platform_id = %(platform)s",
)


def places(state: State, page: str) -> tuple[Place, ...] | None:
    """Return the active slots of a page in the order in which they choose, or None for an unknown page."""
    rows = [row for row in state.parts["slots"] or () if row[0] == page]
    if not rows:
        return DEFAULT_HOME if page == HOME else None
    return tuple(
        Place(key, title, strategy, size) for _, key, title, strategy, size, active in rows if active
    )


def fill(
    page: str,
    slots: tuple[Place, ...],
    sources: Sources,
    selection: Selection,
    *,
    count: int | None = None,
) -> list[tuple[Place, list[Pick]]]:
    """Return the slots with what fills them; `count` overrides the size of every slot.

    The price tier of the person's class holds in every slot; below it the ladder goes on without the tier.
    """
    # All slots go on with the same rungs, which are read once.
    rest = selection.stream(answers.ladder(sources, selection))
    return [
        (
            slot,
            selection.choose(
                selection.stream(_stream(slot, sources), rest),
                count or slot.size,
                place=f"slots/{page}/{slot.key}",
                by_class=True,
            ),
        )
        for slot in slots
    ]


def shown(filled: list[tuple[Place, list[Pick]]], selection: Selection) -> list[dict[str, Any]]:
    """Return filled slots in the shape of the API."""
    return [
        {
            "slot": slot.key,
            "creative": {"title": slot.title, "strategy": slot.strategy},
            "items": items(selection, picks),
        }
        for slot, picks in filled
    ]


def _stream(place: Place, sources: Sources) -> Iterator[Candidate]:
    """Yield the candidates of a slot's strategy, best first."""
    if place.strategy == Slot.Strategy.SEGMENT:
        yield from sources.segment()
    elif place.strategy == Slot.Strategy.DISCOVER:
        yield from in_turn([sources.similar_to_bought(), sources.buy_again(), sources.trending()])
        yield from sources.personal()
    else:
        if sources.anchors:
            yield from sources.together(sources.anchors)
        yield from sources.personal()
        yield from sources.session()
