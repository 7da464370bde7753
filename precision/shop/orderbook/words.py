"""Words about an order, and the state they add up to, in whatever order they come.

Each field of an order remembers when it was last told, and whether by the shop itself (a register). A word replaces a
field unless that was told later; a word of the shop's own server always beats one of a browser. So the state is a
function of the set of words and not of their order (a map of last-writer-wins registers: Shapiro, Preguiça, Baquero,
Zawirski 2011, “Conflict-free replicated data types”). Two words of the very same time and trust are the exception:
the one that came last stands.

An order is confirmed once the shop itself told its lines; from then on nothing that a browser said counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

WHOLE: Final = "*"
"""Name of the register of a word that told everything there is, fields without a value included."""
LINES: Final = "lines"
CONTEXT: Final = "context."
"""Before the name of a member of the context: each is a field of its own."""
DEFAULTS: Final[Mapping[str, Any]] = {
    "person": None, "placed_at": None, "status": None, "currency": None, "channel": "", "store": None, "coupon": "",
    "payment_method": "", LINES: (),
}  # fmt: skip
"""Fields of every order, with what stands there while nobody told any other."""


class Line(NamedTuple):
    """A line of an order, amounts in the parts of `columns.py`."""

    product: int
    quantity: int
    unit_price: int
    list_price: int | None = None


class Rank(NamedTuple):
    """When a field was told; words of the shop itself rank above those of a browser."""

    trusted: bool
    at: int  # microseconds since 1970, UTC


NEVER: Final = Rank(trusted=False, at=-(2**62))


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What somebody said about one order at one time."""

    rank: Rank
    fields: Mapping[str, Any]
    """The fields given, by the names of DEFAULTS or CONTEXT + name."""
    whole: bool = False
    """It replaces the order: what it does not give is empty."""
    timed: bool = True
    """The time is its own and not that of its receipt: a repetition without one says nothing new."""
    fingerprint: int = 0
    """Digest of the content; kept where the word makes or replaces the order."""


class Merged(StrEnum):
    """What a word did to the state."""

    CHANGED = "changed"
    NOTED = "noted"  # the content is as before, but now it is told later, or by the shop itself
    NOTHING = "nothing"
    OLDER = "older"  # every field was told later
    UNTRUSTED = "untrusted"  # a browser's word about an order that the shop itself told


@dataclass(slots=True, kw_only=True)
class State:
    """An order as its words so far make it."""

    fields: dict[str, Any] = field(default_factory=lambda: dict(DEFAULTS))
    told: dict[str, Rank] = field(default_factory=dict)

    @property
    def confirmed(self) -> bool:
        """Whether the shop itself told the lines."""
        return self.rank(LINES).trusted

    @property
    def version(self) -> int:
        """Time of the latest word that counts, microseconds since 1970."""
        return max((rank.at for rank in self.told.values()), default=0)

    def rank(self, name: str) -> Rank:
        """Return when the field was told."""
        return max(self.told.get(name, NEVER), self.told.get(WHOLE, NEVER))

    def context(self) -> dict[str, Any]:
        """Return the members of the context."""
        return {
            name.removeprefix(CONTEXT): value
            for name, value in sorted(self.fields.items())
            if name.startswith(CONTEXT)
        }

    def merge(self, word: Word) -> Merged:
        """Take a word in; return what it did."""
        if self.confirmed and not word.rank.trusted:
            return Merged.UNTRUSTED
        before, ranks, confirmed = dict(self.fields), dict(self.told), self.confirmed
        heard = False
        for name, value in list(self._told_by(word)):
            if word.rank >= self.rank(name):
                heard = True
                self._set(name, value, word.rank)
        if word.whole and word.rank >= self.told.get(WHOLE, NEVER):
            self.told[WHOLE] = word.rank
            self.told = {name: rank for name, rank in self.told.items() if name == WHOLE or rank > word.rank}
        if self.confirmed and not confirmed:
            self._forget_untrusted()
        if self.fields != before or self.confirmed != confirmed:
            return Merged.CHANGED
        if not heard:
            return Merged.OLDER
        if self.told == ranks or not word.timed:
            self.told = ranks
            return Merged.NOTHING
        return Merged.NOTED

    def _told_by(self, word: Word) -> Iterator[tuple[str, Any]]:
        yield from word.fields.items()
        if word.whole:
            for name in (*DEFAULTS, *self.fields):
                if name not in word.fields:
                    yield name, DEFAULTS.get(name)

    def _set(self, name: str, value: Any, rank: Rank) -> None:
        if name not in DEFAULTS and value is None:
            self.fields.pop(name, None)
        else:
            self.fields[name] = DEFAULTS[name] if value is None else value
        self.told[name] = rank

    def _forget_untrusted(self) -> None:
        """Leave only what the shop itself told."""
        for name in list(self.fields):
            if not self.rank(name).trusted:
                if name in DEFAULTS:
                    self.fields[name] = DEFAULTS[name]
                else:
                    del self.fields[name]
        self.told = {name: rank for name, rank in self.told.items() if rank.trusted}
