"""The way in for events: calls of the SDK dialect, from whatever route, durable when `receive` returns."""

from precision.shop.intake.receiving import receive
from precision.shop.intake.verdicts import Status, Verdict

__all__ = ["Status", "Verdict", "receive"]
