"""The TOML text of a mapping, read and checked: one sentence for its author where it cannot be used."""

import re
import tomllib
from collections.abc import Mapping as Table
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import available_timezones

from precision.shop import records
from precision.shop.mapping.values import (
    FORMATS,
    KINDS,
    ORDER_OF_LOADING,
    REDUCERS,
    REFUND_LINE,
    VERSION,
    DataFile,
    Mapping,
    MappingError,
    Origin,
    RecordMapping,
    RejectRule,
    Source,
)
from precision.shop.models import Source as SourceModel

ORIGINS: Final = tuple(kind.value for kind in SourceModel.Kind)
_SLUG: Final = re.compile(r"[-a-zA-Z0-9_]{1,60}")


def read(path: Path) -> Mapping:
    """Return the mapping in the TOML file; raise MappingError when it cannot be used."""
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise MappingError(f"The mapping {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise MappingError(
            f"The mapping {path} is not UTF-8 (byte {error.start}); save it as UTF-8."
        ) from error
    return parse(text, name=path.name)


def parse(text: str, *, name: str = "mapping") -> Mapping:
    """Return the mapping in the TOML text; raise MappingError when it cannot be used."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"The mapping {name} is no TOML: {error}.") from error
    return _Reader(name).mapping(table)


class _Reader:
    """Turns the tables of one mapping into values; knows the mapping's name for its messages."""

    def __init__(self, name: str) -> None:
        self.name = name

    def mapping(self, table: dict[str, Any]) -> Mapping:
        kinds = ORDER_OF_LOADING
        self.known(table, ("version", "timezone", "files", *kinds), at="the top level")
        if table.get("version") != VERSION:
            raise self.error(f"version is {table.get('version')!r}, but must be {VERSION}")
        timezone = table.get("timezone")
        if timezone is not None and timezone not in available_timezones():
            raise self.error(f"timezone {timezone!r} is no time zone; write one like Europe/London")
        tables = self.table(table.get("files", {}), "files")
        files = {key: self.file(key, self.table(value, f"files.{key}")) for key, value in tables.items()}
        if not files:
            raise self.error("there is no [files.NAME]; name at least one data set")
        made: dict[str, RecordMapping] = {}
        for kind in kinds:
            if kind in table:
                content = dict(self.table(table[kind], kind))
                lines = content.pop("lines", None) if kind in {"order", "refund"} else None
                made[kind] = self.record(KINDS[kind], content, at=kind, files=files)
                if kind == "order":
                    made["line"] = self.lines(lines, made[kind], files=files)
                elif lines is not None:
                    made[kind] = self.with_lines(made[kind], lines, files=files)
        if not made:
            raise self.error(f"it maps no record; add one of {', '.join(f'[{kind}]' for kind in kinds)}")
        unused = sorted(set(files) - {record.source for record in made.values()})
        if unused:
            raise self.error(f"no record is made from files.{unused[0]}; use it or remove it")
        return Mapping(
            name=self.name, files=MappingProxyType(files), records=MappingProxyType(made), timezone=timezone
        )

    def file(self, name: str, table: dict[str, Any]) -> DataFile:
        at = f"files.{name}"
        keys = (
            "format", "separator", "encoding", "source", "explode", "unique", "drop", "derive", "duplicate", "reject",
        )  # fmt: skip
        self.known(table, keys, at=f"[{at}]")
        given = table.get("format")
        if given is not None and given not in FORMATS:
            raise self.error(f"{at}.format is {given!r}, but must be one of {', '.join(FORMATS)}")
        separator = self.text(table.get("separator", ","), f"{at}.separator")
        if len(separator.encode()) != 1:
            raise self.error(f"{at}.separator is {separator!r}, but must be one ASCII character")
        encoding = self.text(table.get("encoding", "utf-8"), f"{at}.encoding")
        try:
            "".encode(encoding)
        except LookupError as error:
            raise self.error(
                f"{at}.encoding is {encoding!r}, which is no encoding; write one like utf-8"
            ) from error
        rules = []
        for number, rule in enumerate(self.items(table.get("reject", []), f"{at}.reject"), start=1):
            where = f"[[{at}.reject]] number {number}"
            rule = self.table(rule, where)
            self.known(rule, ("when", "column", "code", "reason"), at=where)
            rules.append(
                RejectRule(
                    **{key: self.needed(rule, key, where) for key in ("when", "column", "code", "reason")}
                )
            )
        duplicates = []
        for number, rule in enumerate(self.items(table.get("duplicate", []), f"{at}.duplicate"), start=1):
            where = f"[[{at}.duplicate]] number {number}"
            rule = self.table(rule, where)
            self.known(rule, ("when",), at=where)
            duplicates.append(self.needed(rule, "when", where))
        derive = self.table(table.get("derive", {}), f"{at}.derive")
        drop = self.items(table.get("drop", []), f"{at}.drop")
        unique = table.get("unique", False)
        if not isinstance(unique, bool):
            raise self.error(f"{at}.unique is {unique!r}, but must be true or false")
        return DataFile(
            name=name,
            format=given,
            separator=separator,
            encoding=encoding,
            origin=self.origin(table["source"], f"{at}.source") if "source" in table else None,
            explode=self.text(table["explode"], f"{at}.explode") if "explode" in table else None,
            unique=unique,
            drop=tuple(self.text(column, f"{at}.drop") for column in drop),
            derive=MappingProxyType(
                {key: self.text(value, f"{at}.derive.{key}") for key, value in derive.items()}
            ),
            duplicate=tuple(duplicates),
            reject=tuple(rules),
        )

    def origin(self, value: Any, at: str) -> Origin:
        table = self.table(value, at)
        self.known(table, ("key", "kind", "licence", "basis"), at=f"[{at}]")
        key = self.needed(table, "key", f"[{at}]")
        if not _SLUG.fullmatch(key):
            raise self.error(
                f"{at}.key is {key!r}, but must be letters, digits, hyphens and underscores, 60 at most"
            )
        kind = table.get("kind")
        if kind is not None and kind not in ORIGINS:
            raise self.error(f"{at}.kind is {kind!r}, but must be one of {', '.join(ORIGINS)}")
        said = {
            name: self.text(table[name], f"{at}.{name}") for name in ("licence", "basis") if name in table
        }
        for name, text in said.items():
            if len(text) > 200:
                raise self.error(f"{at}.{name} has {len(text)} characters, but must have 200 at most")
        return Origin(key=key, kind=kind, **said)

    def with_lines(self, refund: RecordMapping, table: Any, *, files: dict[str, DataFile]) -> RecordMapping:
        """Return the mapping of refunds whose rows are lines; they have to tell which refund they belong to."""
        table = {"from": refund.source, **self.table(table, "refund.lines")}
        if table["from"] != refund.source:
            raise self.error(
                "refund.lines.from is another data set; lines of refunds stand in their own rows"
            )
        if "refund_id" not in refund.fields:
            raise self.error("[refund.lines] needs refund.refund_id, which tells whose lines the rows are")
        lines = self.record(REFUND_LINE, table, at="refund.lines", files=files)
        return replace(refund, lines=lines)

    def lines(self, table: Any, order: RecordMapping, *, files: dict[str, DataFile]) -> RecordMapping:
        if table is None:
            raise self.error("[order] has no [order.lines]; an order without lines says nothing")
        table = dict(self.table(table, "order.lines"))
        table.setdefault("from", order.source)
        if table["from"] == order.source:
            if "order_id" in table:
                raise self.error(
                    "order.lines.order_id repeats order.order_id; remove it, the rows are the same"
                )
            made = self.record(records.LINE, table, at="order.lines", files=files, given=("order_id",))
            fields = {"order_id": order.fields["order_id"], **made.fields}
            return RecordMapping(kind=records.LINE, source=made.source, fields=MappingProxyType(fields))
        return self.record(records.LINE, table, at="order.lines", files=files)

    def record(
        self,
        kind: records.Kind,
        table: dict[str, Any],
        *,
        at: str,
        files: dict[str, DataFile],
        given: tuple[str, ...] = (),
    ) -> RecordMapping:
        # Lists of records come with the API only; a file has a data set of their own for them.
        allowed = [
            one.name for one in kind.fields if one.name not in given and one.type is not records.Type.RECORDS
        ]
        self.known(table, ("from", *allowed), at=f"[{at}]")
        source = self.needed(table, "from", f"[{at}]")
        if source not in files:
            raise self.error(f"{at}.from is {source!r}, but the data sets are {', '.join(sorted(files))}")
        fields: dict[str, Source] = {}
        paths: dict[str, tuple[Source, ...]] = {}
        objects: dict[str, Table[str, Source]] = {}
        for name, value in table.items():
            if name == "from":
                continue
            where = f"{at}.{name}"
            one = kind.field(name)
            assert one is not None  # `known` has refused everything else
            if one.type is records.Type.OBJECT:
                inner = self.table(value, where)
                objects[name] = MappingProxyType(
                    {key: self.source(item, f"{where}.{key}") for key, item in inner.items()}
                )
            elif isinstance(value, list):
                if one.type not in {records.Type.PATH, records.Type.NAMES}:
                    raise self.error(
                        f"{where} is a list, but the field holds one {one.type}; name one column"
                    )
                paths[name] = tuple(self.source(item, where) for item in value)
            else:
                fields[name] = self.source(value, where, words=name == "category", one=one)
        for one in kind.fields:
            if one.required and one.name not in (*fields, *given):
                raise self.error(f"[{at}] lacks {one.name}; name the column that has it")
        return RecordMapping(
            kind=kind,
            source=source,
            fields=MappingProxyType(fields),
            paths=MappingProxyType(paths),
            objects=MappingProxyType(objects),
        )

    def source(self, value: Any, at: str, *, words: bool = False, one: records.Field | None = None) -> Source:
        if isinstance(value, str):
            return Source(column=value)
        table = self.table(value, at, or_else="a column name or ")
        main = {"column", "expr", "value", *REDUCERS, *(("words",) if words else ())}
        timed = one is not None and one.type in {records.Type.TIME, records.Type.DATE}
        self.known(table, (*sorted(main), "by", *(("format",) if timed else ())), at=at)
        chosen = sorted(main & set(table))
        if len(chosen) != 1:
            raise self.error(f"{at} must say exactly one of {', '.join(sorted(main))}; it says {len(chosen)}")
        what = chosen[0]
        if "by" in table and what not in {"first", "last"}:
            raise self.error(f"{at} says “by”, which goes with first and last only")
        if what == "value":
            if isinstance(table["value"], (dict, list)):
                raise self.error(f"{at}.value must be one value, not a list or table")
            return Source(constant=table["value"])
        given = self.needed(table, what, at)
        time_format = self.needed(table, "format", at) if "format" in table else None
        if what == "expr":
            return Source(expression=given, time_format=time_format)
        if what == "words":
            return Source(column=given, words=True, reducer="mode")
        return Source(
            column=given,
            time_format=time_format,
            reducer=what if what in REDUCERS else None,
            by=self.needed(table, "by", at) if "by" in table else None,
        )

    def known(self, table: Table[str, Any], allowed: tuple[str, ...], *, at: str) -> None:
        unknown = [key for key in table if key not in allowed]
        if unknown:
            raise self.error(f"{at} has an unknown key {unknown[0]!r}; known are {', '.join(allowed)}")

    def needed(self, table: Table[str, Any], key: str, at: str) -> str:
        if key not in table:
            raise self.error(f"{at} lacks {key!r}")
        return self.text(table[key], f"{key} of {at}")

    def text(self, value: Any, at: str) -> str:
        if not isinstance(value, str) or not value:
            raise self.error(f"{at} is {value!r}, but must be a text")
        return value

    def table(self, value: Any, at: str, *, or_else: str = "") -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.error(f"{at} is {value!r}, but must be {or_else}a table")
        return value

    def items(self, value: Any, at: str) -> list[Any]:
        if not isinstance(value, list):
            raise self.error(f"{at} is {value!r}, but must be a list")
        return value

    def error(self, sentence: str) -> MappingError:
        return MappingError(f"Mapping {self.name}: {sentence}.")
