"""Why a list is as it is: every candidate with who proposed it, and what became of it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from precision.shop.models import Platform
from recommender.serving import answers, controls
from recommender.serving.catalogue import Fact
from recommender.serving.controls import Choice
from recommender.serving.customers import Person
from recommender.serving.filters import ANY, Filters
from recommender.serving.ladder import Sources
from recommender.serving.reasons import Candidate, Source
from recommender.serving.removals import Removal
from recommender.serving.selection import Pick, Selection
from recommender.serving.state import State

LOOKED_AT: Final = 300
"""So many candidates are told of, beside those that the list itself needed."""
KINDS: Final[Mapping[str, Callable[[Sources, Selection], Iterable[Candidate]]]] = {
    "for-you": answers.for_you,
    "buy-again": answers.buy_again,
    "trending": answers.trending,
    "popular": lambda sources, selection: answers.popular(sources, selection, days=30, letter=""),
}
"""The lists that can be traced; each as the endpoint of its name gives it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One source that brought a product, the best first."""

    place: int
    """Place among all candidates, from 1 on, as the sources gave them."""
    candidate: Candidate


@dataclass(slots=True, kw_only=True)
class Traced:
    """One product that was a candidate."""

    product: int
    fact: Fact | None
    proposals: list[Proposal]
    pick: Pick | None = None
    rank: int | None = None
    removal: Removal | None = None
    weight: float | None = None
    """What staff's boosts multiply to; None: none concerns it."""


@dataclass(slots=True, kw_only=True)
class Trace:
    """A list with all that led to it."""

    kind: str
    person: Person
    state: State
    picks: list[Pick]
    candidates: list[Traced]
    """The shown ones by rank, then the others in the order in which they came."""
    choices: list[Choice] = field(default_factory=list)
    """Staff's decisions that hold here."""
    selection: Selection


def trace(
    platform: Platform,
    person: Person,
    state: State,
    *,
    kind: str,
    count: int,
    filters: Filters = ANY,
    excluded: Sequence[int] = (),
) -> Trace:
    """Return the list of KINDS that this person gets now, without trials, and what became of each candidate."""
    sources = Sources(platform, person, state)
    selection = Selection(platform=platform, person=person, state=state, filters=filters)
    selection.take(excluded, Removal.EXCLUDED)
    told: list[Candidate] = []

    def noted() -> Iterable[Candidate]:
        for candidate in KINDS[kind](sources, selection):
            told.append(candidate)
            yield candidate

    stream = selection.stream(noted())
    picks = selection.choose(stream, count, place=kind)
    stream.reach(LOOKED_AT)
    found: dict[int, Traced] = {}
    shelf = [pick.candidate for pick in picks]
    known = selection.facts(list({each.product for each in (*told, *shelf)}))
    for place, candidate in enumerate((*told, *shelf), start=1):
        one = found.setdefault(
            candidate.product,
            Traced(product=candidate.product, fact=known.get(candidate.product), proposals=[]),
        )
        if place <= len(told) or candidate not in [proposal.candidate for proposal in one.proposals]:
            one.proposals.append(Proposal(place, candidate))  # a pin, or the rest of the shop
    scoped = selection.scoped(kind)
    for rank, pick in enumerate(picks, start=1):
        found[pick.fact.id].pick, found[pick.fact.id].rank = pick, rank
    full = _full(selection, picks)
    for one in found.values():
        if one.fact is not None:
            one.weight = scoped.boosts.weight(one.fact)
        if one.pick is None:
            one.removal = _removal(selection, one, scoped, full)
    order = sorted(found.values(), key=lambda one: (one.rank is None, one.rank or one.proposals[0].place))
    now, letter = selection.now, person.letter
    return Trace(
        kind=kind,
        person=person,
        state=state,
        picks=picks,
        candidates=order,
        choices=[each for each in state.controls if each.holds(place=kind, letter=letter, now=now)],
        selection=selection,
    )


def _full(selection: Selection, picks: Sequence[Pick]) -> set[int]:
    """Return the categories of which the list has just as many as the cap lets it; none where the cap gave way."""
    cap = selection.cap
    if cap is None:
        return set()
    within = Counter(pick.fact.category for pick in picks if pick.candidate.source != Source.STAFF)
    return {each for each, count in within.items() if each is not None and count == cap}


def _removal(selection: Selection, one: Traced, scoped: controls.Scoped, full: Collection[int]) -> Removal:
    """Return what kept a candidate out: what was noted, what would have, or that others came first."""
    if one.fact is None:
        return Removal.UNKNOWN
    refused = selection.refuse(one.fact, scoped)
    if refused is not None:
        return refused
    if not any(selection.is_new(each.candidate, one.fact) for each in one.proposals):
        return Removal.BOUGHT
    return Removal.CAP if one.fact.category in full else Removal.RANK
