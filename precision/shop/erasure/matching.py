"""Finding the values of a person in text, whole and in any case, and taking them out."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

SHORTEST: Final = 4
"""Characters from which on a value is looked for within a text; a shorter one would be found everywhere."""
PLACEHOLDER: Final = "(erased)"


class Values:
    """The values of a person."""

    def __init__(self, values: Iterable[str]) -> None:
        self._all = {value.casefold() for value in values if value}
        # JSON within a text may write the same characters in another way.
        spellings = {
            spelling
            for value in self._all
            for spelling in (value, json.dumps(value)[1:-1])
            if len(value) >= SHORTEST
        }
        parts = "|".join(re.escape(spelling) for spelling in sorted(spellings, key=len, reverse=True))
        self._pattern = re.compile(rf"(?<!\w)(?:{parts})(?!\w)", re.IGNORECASE) if parts else None

    def are_in(self, text: str) -> bool:
        """Return whether the text is one of the values, or names one of the longer ones."""
        if text.strip().casefold() in self._all:
            return True
        return self._pattern is not None and self._pattern.search(text) is not None

    def taken_out(self, text: str) -> str:
        """Return the text with a placeholder for each value that it names."""
        if text.strip().casefold() in self._all:
            return PLACEHOLDER
        return self._pattern.sub(PLACEHOLDER, text) if self._pattern else text


def texts(value: Any) -> Iterator[str]:
    """Yield the texts and numbers, as text, of a JSON value, however deep they lie."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
