"""Places on the pages of a product and a customer where later apps show what they computed.

An app adds a panel from its own `admin.py`; this package knows none of them by name.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.contrib.admin import display
from django.http import HttpRequest
from django.utils.safestring import SafeString

Panel = Callable[[Any], SafeString | str]
"""Takes the object of the page and returns what to show."""

PRODUCT: list[Panel] = []
CUSTOMER: list[Panel] = []


def panel(place: list[Panel], title: str) -> Callable[[Panel], Panel]:
    """Return a decorator that adds a function to a place under a title."""

    def add(show: Panel) -> Panel:
        @display(description=title)
        @wraps(show)
        def shown(target: Any) -> SafeString | str:
            # A page asks for each of its values several times; the first answer is kept with the object.
            kept = target.__dict__.setdefault("shown_panels", {})
            if show not in kept:
                kept[show] = show(target)
            return kept[show]  # type: ignore[no-any-return]

        place.append(shown)
        return shown

    return add


class PanelsAdmin:
    """The part of a staff page that shows the panels; goes before the admin class."""

    panels: list[Panel]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        return [*super().get_readonly_fields(request, obj), *self.panels]  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Sequence[Any]:
        """Return the parts of the page, the panels last."""
        parts = super().get_fieldsets(request, obj)  # type: ignore[misc]
        return [*parts, ("Known and computed", {"fields": self.panels})] if obj and self.panels else parts
