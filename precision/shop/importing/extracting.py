"""From the rows of a data set to records: values read and checked, rows of one record made one."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from precision.shop.importing import values
from precision.shop.importing.errors import ImportRefusedError
from precision.shop.importing.expressions import raw
from precision.shop.importing.reading import FILE, ROW
from precision.shop.importing.rejects import LONGEST_VALUE, REASON, Rejects
from precision.shop.mapping import ROWWISE, RecordMapping, Reducer, Source
from precision.shop.records import LINE, ORDER, Code, Field, Type

PERSONAL = "(personal)"
"""Stands for a refused personal value: a rejects file lies about for longer than it should."""
TITLE = Field(name="title", type=Type.TEXT, longest=10_000)
BY = "__by."


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of extracted rows: a field, or a part of a list or object field (`name.part`)."""

    name: str
    source: Source
    field: Field
    untyped: bool = False
    """Part of an object: kept as it is."""
    needed: bool = False
    """A row without a value is refused; else the record is, when no row gives one."""
    reducer: Reducer = "last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What all reading of one import has in common."""

    timezone: str
    now: datetime
    rejects: Rejects

    def rows(
        self, data: pl.DataFrame, record: RecordMapping, *, kind: str, keyless: bool = False
    ) -> pl.DataFrame:
        """Return the rows of `data` that can be used for the record: ROW, FILE and one column a field or
        part.

        The first value of a row that is refused goes to the rejects, and the row with it, counted as
        `kind`. With `keyless`, rows without the key (or anything else that is needed) are no refusals, they only
        tell nothing about this kind (a guest's order).
        """
        kept = data
        made = data.select(ROW, FILE)
        for column in plan(record):
            at = f"{record.kind.name}.{column.name}"
            if column.source.column is None and column.source.expression is None:
                made = made.with_columns(pl.lit(self._constant(column, at=at)).alias(column.name))
                continue
            given = raw(kept, column.source, at=at)
            value, refused = self._read(column, given)
            if keyless and column.needed:
                told = value.is_not_null() | (refused != Code.MISSING.value)
                made, kept = made.filter(told), kept.filter(told)
                given, value, refused = given.filter(told), value.filter(told), refused.filter(told)
            made = made.with_columns(value.alias(column.name))
            if column.source.by is not None:
                made = made.with_columns(kept.get_column(column.source.by).alias(BY + column.name))
            if refused.null_count() < len(refused):
                self.rejects.add(self._refusals(made, given, refused, column), kind=kind)
                made, kept = made.filter(refused.is_null()), kept.filter(refused.is_null())
        return made

    def _read(self, column: Column, given: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Return the values of a column and the code of refusal of each, null where it is fine."""
        if column.untyped:
            return given, _untyped_refusals(given)
        read = values.read(
            given, column.field, timezone=self.timezone, now=self.now, time_format=column.source.time_format
        )
        if column.needed:
            lacking = pl.col("value").is_null() & pl.col("code").is_null()
            read = read.with_columns(
                pl.when(lacking).then(pl.lit(Code.MISSING.value)).otherwise("code").alias("code")
            )
        return read.get_column("value"), read.get_column("code")

    def _constant(self, column: Column, *, at: str) -> object:
        """Return the constant of a field as the record keeps it."""
        given = pl.Series([column.source.constant])
        if column.untyped:
            return given.item()
        read = values.read(given, column.field, timezone=self.timezone, now=self.now, time_format=None)
        if read.get_column("code").item() is not None:
            reason = REASON[read.get_column("code").item()]
            raise ImportRefusedError(
                f"{at}: the constant {column.source.constant!r} cannot be used. {reason}"
            )
        return read.get_column("value").item()

    def _refusals(
        self, rows: pl.DataFrame, given: pl.Series, code: pl.Series, column: Column
    ) -> pl.DataFrame:
        """Return the refusals of one column, as Rejects takes them."""
        bad = code.is_not_null()
        shown = values.as_text(given.filter(bad)).str.slice(0, LONGEST_VALUE).fill_null("")
        codes = code.filter(bad)
        return rows.filter(bad).select(
            pl.col(FILE).alias("file"),
            pl.col(ROW).alias("row"),
            column=pl.lit(column.source.label or column.name),
            value=pl.lit(PERSONAL) if column.field.personal else pl.lit(shown),
            code=pl.lit(codes),
            reason=pl.lit(codes).replace_strict(REASON, default=None),
        )


def plan(record: RecordMapping) -> Iterator[Column]:
    """Yield the columns to read for a record, its key first."""
    default: Reducer = "min" if record.kind in {ORDER, LINE} else "last"
    for name, source in sorted(record.fields.items(), key=lambda item: item[0] != record.kind.key):
        field = record.kind.field(name)
        assert field is not None
        if source.words:
            field = TITLE
        yield Column(
            name=name,
            source=source,
            field=field,
            reducer=source.reducer or default,
            needed=field.required and (name == record.kind.key or record.kind.name in ROWWISE),
        )
    for name, parts in record.paths.items():
        field = record.kind.field(name)
        assert field is not None
        for number, source in enumerate(parts):
            yield Column(
                name=f"{name}.{number}",
                source=source,
                reducer=source.reducer or default,
                field=replace(field, type=Type.TEXT),
            )
    for name, table in record.objects.items():
        field = record.kind.field(name)
        assert field is not None
        for key, source in table.items():
            yield Column(
                name=f"{name}.{key}",
                source=source,
                field=field,
                untyped=True,
                reducer=source.reducer or default,
            )


def records(rows: pl.DataFrame, record: RecordMapping) -> pl.DataFrame:
    """Return one row a record: ROW and FILE of its first row, its fields, lists and objects (as JSON text).

    Several rows of one key are reduced field by field, leaving out nulls; of the kinds that are ROWWISE each row stays.
    """
    key = record.kind.key
    columns = list(plan(record))
    if record.kind.name not in ROWWISE and rows.get_column(key).is_duplicated().any():
        first = [pl.col(ROW, FILE).first()]
        reduced = [_reduce(column, rows) for column in columns if column.name != key]
        rows = rows.lazy().group_by(key, maintain_order=True).agg(*first, *reduced).collect()
    made = rows.select(ROW, FILE, *record.fields)
    for name, parts in record.paths.items():
        path = pl.concat_list(pl.lit(rows.get_column(f"{name}.{number}")) for number in range(len(parts)))
        path = path.list.drop_nulls()
        made = made.with_columns(pl.when(path.list.len() > 0).then(path).alias(name))
    for name, table in record.objects.items():
        members = rows.select(pl.col(f"{name}.{key}").alias(key) for key in table)
        made = made.with_columns(json_objects(members).alias(name))
    return made


def _reduce(column: Column, rows: pl.DataFrame) -> pl.Expr:
    """Return how the rows of one record give the value of the column."""
    value = pl.col(column.name)
    if column.source.by is not None:
        value = value.sort_by(BY + column.name, nulls_last=column.reducer == "first")
    value = value.drop_nulls()
    nested = rows.schema[column.name].is_nested()
    if column.reducer == "mode" and not nested:
        return value.mode().min().alias(column.name)  # a tie goes to the smallest: the same for any row order
    if column.reducer == "min" and not nested:
        return value.min()
    if column.reducer == "max" and not nested:
        return value.max()
    return value.last() if column.reducer == "last" else value.first()


def json_objects(parts: pl.DataFrame) -> pl.Series:
    """Return each row as the text of a JSON object, leaving out nulls; null where nothing is left."""
    if not parts.width:
        return pl.Series("json", [None], dtype=pl.String).new_from_index(0, parts.height)
    members = []
    for name, kind in parts.schema.items():
        part = pl.col(name).fill_nan(None) if kind in {pl.Float32, pl.Float64} else pl.col(name)
        if kind == pl.String:
            part = pl.when(part != "").then(part)
        text = pl.struct(part.alias(name)).struct.json_encode()
        members.append(pl.when(part.is_not_null()).then(text.str.slice(1, text.str.len_chars() - 2)))
    joined = pl.concat_str(members, separator=",", ignore_nulls=True)
    return parts.select(
        pl.when(joined != "").then(pl.concat_str(pl.lit("{"), joined, pl.lit("}"))).alias("json")
    ).to_series()


def _untyped_refusals(given: pl.Series) -> pl.Series:
    """Return the code of refusal of each untyped value: text with NUL cannot be kept."""
    if given.dtype != pl.String:
        return pl.Series("code", [None], dtype=pl.String).new_from_index(0, len(given))
    return (
        given.to_frame("v")
        .select(pl.when(pl.col("v").str.contains("\x00", literal=True)).then(pl.lit(Code.NUL.value)))
        .to_series()
    )


def refuse_records(
    made: pl.DataFrame,
    rows: pl.DataFrame,
    record: RecordMapping,
    *,
    rejects: Rejects,
    kind: str,
    every_row: bool,
) -> pl.DataFrame:
    """Return the records that have all they need; the others go to the rejects, by every row or by their
    first.
    """
    key = record.kind.key
    for field in record.kind.fields:
        if not field.required or field.name == key or record.kind is LINE:
            continue
        empty = made.get_column(field.name).is_null()
        if not empty.any():
            continue
        lacking = made.filter(empty)
        where = rows.join(lacking.select(key), on=key, how="semi") if every_row else lacking
        source = record.fields[field.name]
        rejects.add(
            where.select(
                pl.col(FILE).alias("file"),
                pl.col(ROW).alias("row"),
                column=pl.lit(source.label or field.name),
                value=pl.lit(""),
                code=pl.lit(Code.MISSING.value),
                reason=pl.lit(REASON[Code.MISSING]),
            ),
            kind=kind,
        )
        made = made.filter(~empty)
    return made
