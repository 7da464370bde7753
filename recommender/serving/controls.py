"""What staff have decided about one answer: what is pinned, hidden and pushed there, and how much of a category."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from recommender.serving.catalogue import Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A decision of staff, as it is stored (`models.Control`); times are epoch seconds."""

    kind: str
    product: int | None = None
    category: int | None = None
    brand: str = ""
    place: str = ""
    letter: str = ""
    rank: int = 1
    weight: float = 1.0
    start: float | None = None
    end: float | None = None

    def holds(self, *, place: str, letter: str, now: float) -> bool:
        """Return whether it counts at a place, for a class, at a time; the window is half-open."""
        if self.letter and self.letter != letter:
            return False
        if self.place and place != self.place and not place.startswith(f"{self.place}/"):
            return False
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)


class Pin(NamedTuple):
    """A product that has a place of its own."""

    rank: int
    product: int


@dataclass(frozen=True, slots=True)
class Held:
    """Products, categories and brands that a decision is about, each with its weight."""

    products: Mapping[int, float] = field(default_factory=dict)
    categories: Mapping[int, float] = field(default_factory=dict)
    brands: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.products or self.categories or self.brands)

    def weight(self, fact: Fact) -> float | None:
        """Return the product of all weights that concern a product; None where none does."""
        found = None
        for weights, key in (
            (self.products, fact.id), (self.categories, fact.category), (self.brands, fact.brand)
        ):  # fmt: skip
            if weights and key in weights:
                found = (1.0 if found is None else found) * weights[key]  # type: ignore[index]
        return found


@dataclass(frozen=True, slots=True)
class Scoped:
    """The decisions that hold for one list of one answer."""

    pins: Sequence[Pin] = ()
    hidden: Held = field(default_factory=Held)
    boosts: Held = field(default_factory=Held)


NONE = Scoped()


def read(rows: Iterable[Mapping[str, Any]]) -> tuple[Choice, ...]:
    """Return stored decisions, given as JSON of their rows, oldest first."""
    return tuple(
        Choice(
            kind=row["kind"], product=row["product_id"], category=row["category_id"], brand=row["brand"],
            place=row["place"], letter=row["letter"], rank=row["rank"], weight=row["weight"],
            start=_seconds(row["starts_at"]), end=_seconds(row["ends_at"]),
        )
        for row in sorted(rows, key=lambda row: row["id"])
    )  # fmt: skip


def scoped(
    choices: Sequence[Choice],
    *,
    place: str,
    letter: str,
    now: float,
    below: Callable[[int], Iterable[int]],
) -> Scoped:
    """Return what holds at a place; `below` gives a category with all that lie under it.

    Of two pins of one product the older holds; two boosts of one product multiply.
    """
    if not choices:
        return NONE
    pins: dict[int, Pin] = {}
    held: dict[str, tuple[dict[int, float], dict[int, float], dict[str, float]]] = {}
    for choice in choices:
        if not choice.holds(place=place, letter=letter, now=now):
            continue
        if choice.kind == "pin" and choice.product is not None:
            pins.setdefault(choice.product, Pin(choice.rank, choice.product))
            continue
        products, categories, brands = held.setdefault(choice.kind, ({}, {}, {}))
        if choice.product is not None:
            products[choice.product] = products.get(choice.product, 1.0) * choice.weight
        elif choice.category is not None:
            for category in below(choice.category):
                categories[category] = categories.get(category, 1.0) * choice.weight
        elif choice.brand:
            brands[choice.brand] = brands.get(choice.brand, 1.0) * choice.weight
    return Scoped(
        sorted(pins.values()),
        Held(*held.get("hide", ({}, {}, {}))),
        Held(*held.get("boost", ({}, {}, {}))),
    )


def _seconds(text: str | None) -> float | None:
    """Return a time of PostgreSQL's JSON as epoch seconds."""
    return None if text is None else datetime.fromisoformat(text).timestamp()
