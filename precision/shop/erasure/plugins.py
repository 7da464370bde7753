"""What other apps have to say when a person is exported or erased, by dotted names: nothing is called upwards.

An eraser is `def erase(subject: Subject) -> dict[str, int]`: it runs within the erasing transaction and returns, for
each of its tables, how many rows it removed or emptied, 0 included. An exporter is
`def export(subject: Subject) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]`: it yields each of its tables by name,
with the rows about the person as JSON values.
"""

from typing import Final

from django.apps import apps
from django.conf import settings

OURS: Final = ("segments", "recommender", "precision.campaigns")
"""Apps of ours that stand above the facts; each has a module `erasure` with both functions."""


def erasers() -> list[str]:
    """Return the setting PRECISION_ERASERS, or the erasers of those of our apps that are installed."""
    return _listed("PRECISION_ERASERS", "erase")


def exporters() -> list[str]:
    """Return the setting PRECISION_EXPORTERS, or the exporters of those of our apps that are installed."""
    return _listed("PRECISION_EXPORTERS", "export")


def _listed(setting: str, function: str) -> list[str]:
    given = getattr(settings, setting, None)
    if given is not None:
        return list(given)
    return [f"{name}.erasure.{function}" for name in OURS if apps.is_installed(name)]
