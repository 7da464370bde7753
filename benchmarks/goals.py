"""Whether a figure meets its goal, for people and for the last line."""

from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure beside what it should be."""

    name: str
    value: float | None
    """None: not measured."""
    wanted: float
    at_least: bool = False
    """Else at most."""

    @property
    def reached(self) -> bool | None:
        """Whether it is met; None: not measured."""
        if self.value is None:
            return None
        return self.value >= self.wanted if self.at_least else self.value <= self.wanted

    def __str__(self) -> str:
        said = {None: "not measured", True: "reached", False: "missed"}[self.reached]
        figure = "" if self.value is None else f"{self.value:,g}, "
        return f"{self.name}: {figure}goal {'≥' if self.at_least else '≤'} {self.wanted:,g}: {said}"


def told(console: Console, goals: Iterable[Goal]) -> dict[str, bool | None]:
    """Print the goals, and return whether each is reached, by its name."""
    found = {}
    for goal in goals:
        console.print(str(goal))
        found[goal.name] = goal.reached
    return found
