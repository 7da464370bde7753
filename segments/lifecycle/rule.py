"""The numbers behind the stages and the value of customers that staff may set."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRule:
    """When a silence is long, and how far value looks ahead; ValueError for a number out of its range."""

    version: int = 0
    """0 is the built-in rule."""
    retention_share: float = 0.8
    """Retention begins when a silence is longer than this share of the gaps expected of the customer."""
    win_back_share: float = 0.95
    """Win-back begins past this share."""
    least_days: int = 3
    """No limit is shorter."""
    most_days: int = 730
    """No limit of retention is longer."""
    fallback_days: int = 90
    """The usual gap of a shop in which too few people have come back to learn it."""
    horizon_days: int = 365
    """Orders and value are told for so many days ahead."""

    def __post_init__(self) -> None:
        if not 0 < self.retention_share < self.win_back_share < 1:
            raise ValueError(
                f"The share of win-back, {self.win_back_share}, must lie above that of retention, "
                f"{self.retention_share}, and both between 0 and 1."
            )
        if not 1 <= self.least_days <= self.most_days <= 3650:
            raise ValueError(
                f"The limits {self.least_days} to {self.most_days} days must be in order, from 1 to 3650."
            )
        if not 1 <= self.fallback_days <= 3650:
            raise ValueError(f"The usual gap of {self.fallback_days} days must be from 1 to 3650.")
        if not 1 <= self.horizon_days <= 3650:
            raise ValueError(f"The horizon of {self.horizon_days} days must be from 1 to 3650.")
