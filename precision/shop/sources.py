"""The source that a route's facts are counted under."""

from django.db import connection

from precision.shop.models import Platform, Source

_known: dict[tuple[int, str], Source] = {}


def default(platform: Platform, kind: Source.Kind) -> Source:
    """Return the platform's source of a route that names none, made at the first call; its key is the kind."""
    return named(platform, kind.value, kind=kind)


def named(platform: Platform, key: str, *, kind: Source.Kind) -> Source:
    """Return the platform's source of that key, made with the given kind when it is new."""
    place = (platform.pk, key)
    known = _known.get(place)
    if known is None:
        known, _ = Source.objects.get_or_create(
            platform=platform, key=key, defaults={"kind": kind, "name": kind.label}
        )
        if not connection.in_atomic_block:  # what is made here may yet be rolled back
            _known[place] = known
    return known


def unaccounted(source: Source) -> tuple[str, ...]:
    """Return what a source does not say of the use of its data: `licence`, `basis`; empty when all is said."""
    said = {"licence": source.licence, "basis": source.basis}
    return tuple(name for name, text in said.items() if not text.strip())
