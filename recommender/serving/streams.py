"""Candidates in their order, read as far as somebody asks, and looked up in blocks."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from recommender.serving.reasons import Candidate

BLOCK = 48


class Stream:
    """Candidates that are read once and can be gone through again and again."""

    __slots__ = ("_learn", "_source", "read")

    def __init__(self, candidates: Iterable[Candidate], learn: Callable[[list[Candidate]], None]) -> None:
        """Take candidates, best first; `learn` looks the products of a block up before anybody sees it."""
        self._source = iter(candidates)
        self._learn = learn
        self.read: list[Candidate] = []
        """Those read so far."""

    def __iter__(self) -> Iterator[Candidate]:
        """Yield all candidates from the first one on."""
        place = 0
        while place < len(self.read) or self.more():
            yield self.read[place]
            place += 1

    def more(self) -> bool:
        """Read the next block; return whether there was one."""
        block = list(islice(self._source, BLOCK))
        if block:
            self._learn(block)
            self.read += block
        return bool(block)

    def reach(self, count: int) -> None:
        """Read on until `count` candidates are there, or all."""
        while len(self.read) < count and self.more():
            pass

    def reorder(self, key: Callable[[int, Candidate], float]) -> None:
        """Put those read so far into the order of a key of place and candidate, the lowest first."""
        order = sorted(range(len(self.read)), key=lambda place: key(place, self.read[place]))
        self.read = [self.read[place] for place in order]
