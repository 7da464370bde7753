"""What a mapping says about columns, evaluated over a frame; what cannot be is refused in one sentence."""

from collections.abc import Iterable

import polars as pl

from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.reading import FILE, ROW
from precision.shop.mapping import DataFile, Mapping, RecordMapping, Source

RESULT = "__result"


def evaluate(frame: pl.DataFrame, expression: str, *, at: str) -> pl.Series:
    """Return the values of a Polars SQL expression, one for each row of the frame.

    Raises ImportRefusedError when the expression is none, or names a column that is not there; `at` says where
    it stands.
    """
    try:
        made = pl.SQLContext(data=frame.lazy()).execute(f'SELECT *, ({expression}) AS "{RESULT}" FROM data')
        return made.select(RESULT).collect().get_column(RESULT)
    except pl.exceptions.PolarsError as error:
        raise ImportRefusedError(
            f"{at}: the expression {expression!r} cannot be computed: {str(error).strip().splitlines()[0]}."
        ) from error


def condition(frame: pl.DataFrame, expression: str, *, at: str) -> pl.Series:
    """Return for each row whether the SQL condition holds; unknown counts as no."""
    values = evaluate(frame, expression, at=at)
    if values.dtype != pl.Boolean:
        raise ImportRefusedError(f"{at}: {expression!r} is no condition, it gives {values.dtype}.")
    return values.fill_null(value=False)


def raw(frame: pl.DataFrame, source: Source, *, at: str) -> pl.Series:
    """Return the values of a source before they are read."""
    if source.expression is not None:
        return evaluate(frame, source.expression, at=at)
    if source.column is not None:
        return frame.get_column(source.column)
    return pl.Series([source.constant]).new_from_index(0, frame.height)


def check_columns(mapping: Mapping, data: DataFile, frame: pl.DataFrame) -> None:
    """Raise ImportRefusedError when the mapping names a column that the data set does not have."""
    present = {*frame.columns, *data.derive} - {ROW, FILE}
    for name in data.derive:
        if name in frame.columns:
            raise ImportRefusedError(
                f"files.{data.name}.derive: the data set has a column {name!r} already; choose another name."
            )
    named = [(column, f"files.{data.name}.drop") for column in data.drop]
    for record in mapping.records.values():
        if record.source == data.name:
            named.extend(_columns(record))
    for column, at in named:
        if column not in present:
            raise ImportRefusedError(
                f"Mapping {mapping.name}: {at} names the column {column!r}, which the data set {data.name} "
                f"does not have; it has {', '.join(sorted(present))}."
            )


def _columns(record: RecordMapping) -> Iterable[tuple[str, str]]:
    """Yield each column that a record mapping names, and where."""
    for name, source in every_source(record):
        for column in (source.column, source.by):
            if column is not None:
                yield column, f"{record.kind.name}.{name}"


def every_source(record: RecordMapping) -> Iterable[tuple[str, Source]]:
    """Yield the name and source of each field of a record mapping; parts of one field have its name in
    common.
    """
    yield from record.fields.items()
    for name, parts in record.paths.items():
        yield from ((name, part) for part in parts)
    for name, table in record.objects.items():
        yield from ((f"{name}.{key}", source) for key, source in table.items())
