"""What the stages are called, which model belongs to each, and what to do for whoever is in it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from segments.lifecycle.stages import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The line of a stage in the table of stages."""

    title: str
    who: str
    model: str
    action: str


WORDS: Final = MappingProxyType(
    {
        Stage.CONTACT: Words(
            title="contact",
            who="Behaviour, neither inquired, registered nor bought.",
            model="user response",
            action="First impression, early promotion.",
        ),
        Stage.ACQUISITION: Words(
            title="acquisition",
            who="Inquired, registered or cart, not bought.",
            model="purchase propensity",
            action="Products likely to convert.",
        ),
        Stage.DEVELOPMENT: Words(
            title="development",
            who="Bought, within the own repurchase gap.",
            model="product-related sales",
            action="Cross-sell, up-sell.",
        ),
        Stage.RETENTION: Words(
            title="retention",
            who="The gap is longer than expected for this customer.",
            model="churn prediction",
            action="A product-specific offer before the loss.",
        ),
        Stage.WIN_BACK: Words(
            title="win-back",
            who="Silent past a limit.",
            model="silent-customer activation",
            action="A care message, with a stop rule.",
        ),
    }
)

NO_STAGE: Final = (
    "Nothing dated is known of this customer, or nothing of the last {days} days before the run."
)
NEVER_BOUGHT: Final = "Never bought: there is no order to count from."
PAST_LIMIT: Final = "Silent past the limit: whether another order comes is open, so no day is told."
NO_CATEGORY_DUE: Final = "No category that was bought on two days or more is within its own limit."


def title(stage: str) -> str:
    """Return the name of a stage; of the place before the first one, “new”."""
    return WORDS[Stage(stage)].title if stage else "new"
