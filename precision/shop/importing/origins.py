"""Where the rows of a data set come from, and on which terms: their sources."""

from precision.shop import sources
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.mapping import DataFile
from precision.shop.models import Platform, Source


def source_of(platform: Platform, data: DataFile) -> Source:
    """Return the source of a data set, made when it is new.

    Licence and basis that the mapping states are noted where none are; what staff wrote stays. Raises
    ImportRefusedError when the source is there and of another kind.
    """
    told = data.origin
    if told is None:
        return sources.default(platform, Source.Kind.FILES)
    source = sources.named(platform, told.key, kind=Source.Kind(told.kind or Source.Kind.FILES))
    if told.kind is not None and source.kind != told.kind:
        raise ImportRefusedError(
            f"files.{data.name}.source: the platform has a source {told.key!r} of the kind {source.kind}, not "
            f"{told.kind}; choose another key, or leave the kind out."
        )
    fresh = {
        name: text
        for name, text in (("licence", told.licence), ("basis", told.basis))
        if text and not getattr(source, name)
    }
    if fresh:
        Source.objects.filter(pk=source.pk).update(**fresh)
        source.refresh_from_db()
    return source
