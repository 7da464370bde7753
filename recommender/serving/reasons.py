"""Why an item is in an answer, for programs (code) and for shoppers (text)."""

from enum import StrEnum
from typing import NamedTuple


class Source(StrEnum):
    """The rung of the ladder that an item came from."""

    STAFF = "staff"
    PERSONAL = "personal"
    SESSION = "session"
    SEGMENT = "segment"
    CATEGORY = "category"
    POPULAR = "popular"
    CATALOGUE = "catalogue"
    PRODUCT = "product"
    TRENDING = "trending"


class Code(StrEnum):
    """The kind of reason."""

    PICKED = "picked"
    PEOPLE_LIKE_YOU = "people_like_you"
    BECAUSE_YOU_BOUGHT = "because_you_bought"
    BUY_AGAIN = "buy_again"
    SEEN_LATELY = "seen_lately"
    LOOKED_AT = "looked_at"
    GOES_WITH = "goes_with"
    SIMILAR_TO = "similar_to"
    STEP_UP = "step_up"
    ALTERNATIVE_TO = "alternative_to"
    POPULAR_WITH_GROUP = "popular_with_group"
    POPULAR_IN_CATEGORY = "popular_in_category"
    POPULAR = "popular"
    TRENDING = "trending"
    IN_RANGE = "in_range"


TEXTS = {
    Code.PICKED: "Picked by the shop",
    Code.PEOPLE_LIKE_YOU: "Chosen for you from what customers with similar purchases buy",
    Code.BECAUSE_YOU_BOUGHT: "Because you bought {anchor}",
    Code.BUY_AGAIN: "You bought this before",
    Code.SEEN_LATELY: "Because you looked at {anchor}",
    Code.LOOKED_AT: "You looked at this lately",
    Code.GOES_WITH: "Often bought together with {anchor}",
    Code.SIMILAR_TO: "Similar to {anchor}",
    Code.STEP_UP: "A step up from {anchor}",
    Code.ALTERNATIVE_TO: "An alternative to {anchor}",
    Code.POPULAR_WITH_GROUP: "Popular with customers like you",
    Code.POPULAR_IN_CATEGORY: "Popular in {category}",
    Code.POPULAR: "Popular in this shop",
    Code.TRENDING: "Selling faster than before",
    Code.IN_RANGE: "From our range",
}


METHODS = {
    "buy-again": Code.BUY_AGAIN,
    "popular": Code.POPULAR,
    "popular-7": Code.POPULAR,
    "popular-30": Code.POPULAR,
    "popular-90": Code.POPULAR,
    "popular-last-year": Code.POPULAR,
    "popular-category": Code.POPULAR_IN_CATEGORY,
    "popular-class": Code.POPULAR_WITH_GROUP,
    "trending": Code.TRENDING,
}
"""Methods whose reason does not hang on an anchor."""
ANCHORED = {"rules": Code.GOES_WITH, "content": Code.SIMILAR_TO}
"""Methods whose reason with an anchor is another than that it was bought."""


class Candidate(NamedTuple):
    """A product that may be shown, by our id, with where it came from."""

    product: int
    source: Source
    code: Code
    anchor: int | None = None
    """The product behind it, by our id."""
    method: str = ""
    """What proposed it, more closely than the rung."""
    score: float | None = None
    """What the method gave it; comparable within one list only."""

    @property
    def origin(self) -> str:
        """The rung, with the method where there is one: what exposures keep."""
        return f"{self.source}:{self.method}"[:40] if self.method else self.source.value


def personal_code(method: str, anchor: int | None) -> Code:
    """Return the reason of an item of a stored list from the method that brought it."""
    if method in METHODS:
        return METHODS[method]
    if anchor is None:
        return Code.PEOPLE_LIKE_YOU
    return ANCHORED.get(method, Code.BECAUSE_YOU_BOUGHT)
