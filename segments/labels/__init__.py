"""The label library: definitions, sources of values, and values of everybody."""

from segments.labels import from_classes
from segments.labels.registry import (
    Definition,
    Evidence,
    Kind,
    Refresh,
    Sensitivity,
    Source,
    definitions,
    register,
    source_of,
    sources,
)
from segments.labels.wide import wide_frame

__all__ = [
    "Definition",
    "Evidence",
    "Kind",
    "Refresh",
    "Sensitivity",
    "Source",
    "definitions",
    "from_classes",
    "register",
    "source_of",
    "sources",
    "wide_frame",
]
