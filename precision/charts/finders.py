"""Plotly's own script, from its wheel, as a static file: pages draw without any other server."""

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

FOLDER: Final = "precision_charts"
FILE: Final = "plotly.min.js"
SCRIPT: Final = f"{FOLDER}/{FILE}"
"""What the finder finds."""


class PlotlyFinder(BaseFinder):
    """Finds one file; the wheel's others (data sets, themes) are nobody's business."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Look where the wheel lies; without importing it, which takes a while."""
        super().__init__(*args, **kwargs)
        found = find_spec("plotly")
        places = list(found.submodule_search_locations or ()) if found else []
        self._folder = Path(places[0], "package_data") if places else None

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        """Return where the script lies, as Django asks for it."""
        file = self._folder / FILE if self._folder else None
        if path != SCRIPT or file is None or not file.is_file():
            return []
        return [str(file)] if find_all or kwargs.get("all") else str(file)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        """Yield the script, for `collectstatic`."""
        if self.find(SCRIPT):
            storage = FileSystemStorage(location=str(self._folder))
            storage.prefix = FOLDER  # type: ignore[attr-defined]
            yield FILE, storage
