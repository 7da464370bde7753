"""When each term of a condition follows the facts: for the page that shows a segment.

Three paces: at the event (whoever asks about one customer gets the answer of this moment), within a minute (members,
sizes, campaigns), at night. A behaviour term is counted when one customer is asked about, and within a minute for
members; that a window slides on without anybody doing anything shows at night. A label is as fresh as the library says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from precision.shop.scopes import Scope
from segments import conditions
from segments.conditions import Condition, Did, InSegment, Label, Term
from segments.definitions import Definitions
from segments.labels import library, registry
from segments.labels.registry import Refresh


class Pace(StrEnum):
    """When a change of facts shows in members."""

    EVENT = "event"
    MINUTE = "minute"
    NIGHTLY = "nightly"


IN_WORDS: Final = {
    Pace.EVENT: "at once",
    Pace.MINUTE: "within a minute of the event",
    Pace.NIGHTLY: "at the nightly run",
}
_SLOWEST: Final = (Pace.NIGHTLY, Pace.MINUTE, Pace.EVENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """When one term follows the facts."""

    path: str
    """Place in the tree; empty for a condition of one term."""
    term: str
    """In words."""
    pace: Pace
    note: str = ""


def effects(scope: Scope, condition: Condition, known: Definitions) -> list[Effect]:
    """Return the pace of every term of a condition, in order of appearance. One query."""
    own = {} if scope.platform is None else {row.key: row.refresh for row in library.of_staff(scope.platform)}
    paces = {key: Pace(str(each.refresh)) for key, each in registry.definitions().items()}
    paces |= {key: Pace(str(refresh)) for key, refresh in own.items()}
    inner: dict[str, Pace] = {}
    for key, each in known.conditions.items():  # each after those that it names
        found = {_pace(term, inner, paces) for _, term in conditions.terms(each)}
        inner[key] = next(pace for pace in _SLOWEST if pace in found)
    return [
        Effect(path=path, term=in_words(term), pace=_pace(term, inner, paces), note=_note(term))
        for path, term in conditions.terms(condition)
    ]


def in_words(term: Term) -> str:
    """Return a term as people say it."""
    match term:
        case Label(label, "known"):
            return f"{label} is known"
        case Label(label, op, tuple() as values):
            return f"{label} {op} {', '.join(map(_word, values))}"
        case Label(label, op, value):
            return f"{label} {op} {_word(value)}"
        case InSegment(key):
            return f"in the segment {key}"
        case Did():
            where = " and ".join(f"{name} {value}" for name, value in term.where)
            times = "" if term.at_least == 1 else f", {term.at_least} times or more"
            days = {None: "", 1: ", today"}.get(term.within_days, f", in the last {term.within_days} days")
            return f"did {term.event}{f' with {where}' if where else ''}{times}{days}"


def _pace(term: Term, inner: Mapping[str, Pace], paces: Mapping[str, Pace]) -> Pace:
    """Return the pace of a term; `inner` has those of the segments with a condition."""
    match term:
        case Did():
            return Pace.MINUTE
        case InSegment(key):
            return inner.get(key, Pace.EVENT)  # without a condition it is a list
        case Label(label):
            return paces.get(label, Pace(Refresh.NIGHTLY.value))


def _note(term: Term) -> str:
    if isinstance(term, Did) and term.within_days is not None:
        return "who stops meeting it because days pass leaves at the nightly run"
    return ""


def _word(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
