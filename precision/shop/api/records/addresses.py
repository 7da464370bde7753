"""Where each kind of record is found below /api/v1/: the one table of resources."""

from typing import Any, Final

from django.urls import URLPattern, path

from precision.shop.api.records.catalogue import Products, StoreMonths, Stores
from precision.shop.api.records.contacts import Assignments, Exposures, Responses, Sends
from precision.shop.api.records.events import Events, Happenings
from precision.shop.api.records.orders import Orders, Refunds
from precision.shop.api.records.people import Customers
from precision.shop.api.records.resources import Resource
from precision.shop.api.records.views import collection, detail

RESOURCES: Final[tuple[tuple[Resource[Any], tuple[str, ...]], ...]] = (
    (Customers(), ()),  # one of them: see privacy.py, which can erase them
    (Products(), ("get", "patch", "delete")),
    (Stores(), ("get", "patch", "delete")),
    (StoreMonths(), ()),
    (Orders(), ("get", "patch", "delete")),
    (Refunds(), ()),
    (Events(), ("get", "delete")),
    (Happenings("shipment"), ()),
    (Happenings("ticket"), ()),
    (Assignments(), ()),
    (Exposures(), ("get", "delete")),
    (Sends(), ()),
    (Responses(), ()),
)
"""Each kind, and what can be done to one of its records by its id."""
SCOPES: Final = {"event": {"POST": frozenset({"write", "events"})}}
"""Other scopes than usual: events may come from a browser, with a write key."""


def addresses() -> list[URLPattern]:
    """Return the addresses of all kinds, to be put behind those that begin alike and go on.

    An id may contain slashes, so that `customers/<id>/` would catch `customers/<id>/portrait/` as well.
    """
    found = []
    for resource, methods in RESOURCES:
        base = f"api/v1/{resource.plural}/"
        found.append(
            path(base, collection(resource, scopes=SCOPES.get(resource.name)).as_view(), name=resource.plural)
        )
        if methods:
            view = detail(resource, methods=methods).as_view()
            found.append(path(f"{base}<path:record_id>/", view, name=resource.name))
    return found
