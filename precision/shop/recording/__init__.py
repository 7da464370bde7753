"""Rows of the API into the tables of facts: `record(platform, kind, rows, …)`."""

from precision.shop.recording.answers import Answer, Refusal
from precision.shop.recording.recorder import WRITERS, record

__all__ = ["WRITERS", "Answer", "Refusal", "record"]
