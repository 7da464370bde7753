"""Why a list is as it is: every candidate with who proposed it, and what became of it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from precision.shop.models import Platform
from recommender.serving import answers, controls, marketing
from recommender.serving.catalogue import Fact
from recommender.serving.controls import Choice
from recommender.serving.customers import Person
from recommender.serving.filters import ANY, Filters
from recommender.serving.ladder import Sources
from recommender.serving.reasons import Candidate, Code, Source
from recommender.serving.removals import Removal
from recommender.serving.selection import Pick, Selection
from recommender.serving.state import State

LOOKED_AT: Final = 300
"""So many candidates are told of, beside those that the list itself needed."""
SEARCHED: Final = 3_000
"""So many are gone through in search of a product that was asked for."""
MOST_ABOUT: Final = 50
GUESS: Final = "guess-what-you-like"


@dataclass(frozen=True, slots=True)
class Kind:
    """A list that can be traced, as its endpoint gives it."""

    candidates: Callable[[Sources, Selection, list[int]], Iterable[Candidate]]
    """What proposes, given the products that the list is about."""
    needs: int | None = 0
    """Most products that it is about; at least one is wanted. 0: about none; None: any number, or the purchases."""
    place: str = ""
    """The name of the list that staff's decisions know; empty: that of the kind."""
    catalogue_too: bool = True
    """Whether the rest of the shop fills it."""


KINDS: Final[Mapping[str, Kind]] = {
    "for-you": Kind(lambda sources, selection, _: answers.for_you(sources, selection)),
    "buy-again": Kind(lambda sources, selection, _: answers.buy_again(sources, selection)),
    "trending": Kind(lambda sources, selection, _: answers.trending(sources, selection)),
    "popular": Kind(lambda sources, selection, _: answers.popular(sources, selection, days=30, letter="")),
    "similar": Kind(lambda sources, selection, about: answers.similar(sources, selection, about[0]), 1),
    "bought-together": Kind(answers.together, MOST_ABOUT),
    "cross": Kind(lambda sources, _, about: sources.together(about), None, GUESS, catalogue_too=False),
    "up": Kind(lambda _, selection, about: marketing.up(selection, about), None, GUESS, catalogue_too=False),
}
"""The lists by the name of their endpoint; `cross` and `up` are those of guess-what-you-like."""


def problem(kind: str, products: int) -> str:
    """Return what is wrong with asking for a list about so many products; "" where nothing is."""
    needs = KINDS[kind].needs
    if needs is None or min(needs, 1) <= products <= needs:
        return ""
    wanted = {0: "no products", 1: "one product"}.get(needs, f"1 to {needs} products")
    return f"The list “{kind}” is about {wanted}, not {products}."


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

    @property
    def first(self) -> int:
        """Its rank where it is in the list, else the place of whoever proposed it first."""
        if self.rank is not None:
            return self.rank
        return self.proposals[0].place if self.proposals else 0


@dataclass(slots=True, kw_only=True)
class Trace:
    """A list with all that led to it."""

    kind: str
    person: Person
    state: State
    picks: list[Pick]
    candidates: list[Traced]
    """The shown ones by rank, then the one asked for, then the others in the order in which they came."""
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
    about: Sequence[int] = (),
    named: int | None = None,
) -> Trace:
    """Return the list of KINDS that this person gets now, without trials, and what became of each candidate.

    `about` are the products that the list is about, for the kinds that need some. A `named` product is among the
    candidates in any case, with what keeps it out.
    """
    how = KINDS[kind]
    place_name = how.place or kind
    sources = Sources(platform, person, state)
    selection = Selection(platform=platform, person=person, state=state, filters=filters)
    selection.take(excluded, Removal.EXCLUDED)
    subjects = list(about if about or how.needs is not None else person.bought)[:MOST_ABOUT]
    selection.take(subjects, Removal.SUBJECT)
    if kind == "up":  # what goes with the purchase is chosen before, and not shown twice
        answers.cross(sources, selection, subjects, count)
    told: list[Candidate] = []

    def noted() -> Iterable[Candidate]:
        for candidate in how.candidates(sources, selection, subjects):
            told.append(candidate)
            yield candidate

    stream = selection.stream(noted())
    picks = selection.choose(stream, count, place=place_name, catalogue_too=how.catalogue_too)
    stream.reach(LOOKED_AT)
    while named is not None and len(told) < SEARCHED and all(each.product != named for each in told):
        if not stream.more():
            break
    found: dict[int, Traced] = {}
    shelf = [pick.candidate for pick in picks]
    asked = set() if named is None else {named}
    known = selection.facts(list({each.product for each in (*told, *shelf)} | asked))
    for place, candidate in enumerate((*told, *shelf), start=1):
        one = found.setdefault(
            candidate.product,
            Traced(product=candidate.product, fact=known.get(candidate.product), proposals=[]),
        )
        if place <= len(told) or candidate not in [proposal.candidate for proposal in one.proposals]:
            one.proposals.append(Proposal(place, candidate))  # a pin, or the rest of the shop
    if named is not None and named not in found:
        found[named] = Traced(product=named, fact=known.get(named), proposals=[])
    scoped = selection.scoped(place_name)
    for rank, pick in enumerate(picks, start=1):
        found[pick.fact.id].pick, found[pick.fact.id].rank = pick, rank
    full = _full(selection, picks)
    for one in found.values():
        if one.fact is not None:
            one.weight = scoped.boosts.weight(one.fact)
        if one.pick is None:
            one.removal = _removal(selection, one, scoped, full)
    order = sorted(found.values(), key=lambda one: (one.rank is None, one.product != named, one.first))
    now, letter = selection.now, person.letter
    return Trace(
        kind=kind,
        person=person,
        state=state,
        picks=picks,
        candidates=order,
        choices=[each for each in state.controls if each.holds(place=place_name, letter=letter, now=now)],
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
    if not one.proposals:
        shelf = Candidate(one.product, Source.CATALOGUE, Code.IN_RANGE)
        return Removal.NOT_PROPOSED if selection.is_new(shelf, one.fact) else Removal.BOUGHT
    if not any(selection.is_new(each.candidate, one.fact) for each in one.proposals):
        return Removal.BOUGHT
    return Removal.CAP if one.fact.category in full else Removal.RANK
