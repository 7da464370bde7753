"""The label library: definitions, sources of values, and values of everybody."""

from segments.labels import (
    from_activity,
    from_bands,
    from_campaigns,
    from_classes,
    from_context,
    from_interests,
    from_orders,
    from_profiles,
    from_rfm,
    from_visits,
)
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
    "from_activity",
    "from_bands",
    "from_campaigns",
    "from_classes",
    "from_context",
    "from_interests",
    "from_orders",
    "from_profiles",
    "from_rfm",
    "from_visits",
    "register",
    "source_of",
    "sources",
    "wide_frame",
]
