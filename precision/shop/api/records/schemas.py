"""The OpenAPI description of records, made from the wire format itself, so that it stays true."""

from typing import Any, Final

from precision.shop.recording.reading import KEEPS_UNKNOWN
from precision.shop.recording.recorder import JUDGED_LATER
from precision.shop.records import KINDS, LARGEST, Field, Kind, Type

MOST_ROWS: Final = 5_000
"""Rows of one list."""
DECIMAL: Final = r"^-?\d+(\.\d+)?$"
NUMBERS: Final = (Type.MONEY, Type.QUANTITY, Type.WHOLE, Type.NUMBER)
Schema = dict[str, Any]

ANSWER: Final[Schema] = {
    "type": "object",
    "required": ["accepted", "updated", "duplicate", "rejected"],
    "properties": {
        "accepted": {"type": "integer", "description": "Rows with a new id."},
        "updated": {"type": "integer", "description": "Rows whose content differed from what was known."},
        "duplicate": {"type": "integer", "description": "Rows that told nothing new."},
        "rejected": {
            "type": "array",
            "description": "Rows that were not taken; the others were.",
            "items": {
                "type": "object",
                "required": ["index", "code", "detail", "field"],
                "properties": {
                    "index": {"type": "integer", "description": "Place in the list, from 0."},
                    "code": {"type": "string", "description": "For programs, like `missing`."},
                    "detail": {"type": "string", "description": "For people."},
                    "field": {
                        "type": "string",
                        "description": "Where, like `lines[2].quantity`; empty: the whole row.",
                    },
                },
            },
        },
    },
}
"""What a list of rows is answered with."""


def body(kind: Kind, *, replace: bool) -> Schema:
    """Return the schema of what may be sent: one record, or a list of them."""
    one = written(kind, replace=replace)
    return {"oneOf": [one, {"type": "array", "maxItems": MOST_ROWS, "items": one}]}


def written(kind: Kind, *, replace: bool = False, partial: bool = False) -> Schema:
    """Return the schema of a record as it is sent; with `partial` nothing is required."""
    later = frozenset() if replace else JUDGED_LATER.get(kind.name, frozenset())
    skipped = {"order_id"} if kind.name == "line" else set()
    fields = [field for field in kind.fields if field.name not in skipped]
    needed = [field.name for field in fields if field.required and field.name not in later]
    schema: Schema = {
        "type": "object",
        "properties": {
            field.name: _sent(field, optional=partial or field.name not in needed) for field in fields
        },
        "additionalProperties": kind.name in KEEPS_UNKNOWN,
    }
    if needed and not partial:
        schema["required"] = needed
    return schema


def answered(kind: Kind) -> Schema:
    """Return the schema of a record as it is answered: what is empty is left out."""
    return {"type": "object", "properties": {field.name: _answered(field) for field in kind.fields}}


def page(kind: Kind) -> Schema:
    """Return the schema of a page of records."""
    return {
        "type": "object",
        "required": ["next", "results"],
        "properties": {
            "next": {
                "type": "string",
                "format": "uri",
                "nullable": True,
                "description": "The page behind this one.",
            },
            "results": {"type": "array", "items": answered(kind)},
        },
    }


def _sent(field: Field, *, optional: bool) -> Schema:
    schema = _shape(field)
    if optional:
        schema["nullable"] = True
    return schema


def _shape(field: Field) -> Schema:
    """Return the schema of a value as it may be sent; numbers may come as text, ids as numbers."""
    text: Schema = {"type": "string", "maxLength": field.longest}
    if field.type is Type.ID:
        return {"oneOf": [{**text, "minLength": 1}, {"type": "integer"}]}
    if field.type is Type.TEXT:
        return {"oneOf": [text, {"type": "number"}]}
    if field.type in NUMBERS:
        bounds: Schema = {
            "minimum": -LARGEST if field.least is None else field.least,
            "maximum": LARGEST if field.most is None else field.most,
        }
        kind = "integer" if field.type is Type.WHOLE else "number"
        return {"oneOf": [{"type": kind, **bounds}, {"type": "string", "pattern": DECIMAL}]}
    return _plain(field)


def _answered(field: Field) -> Schema:
    if field.type in {Type.MONEY, Type.QUANTITY}:
        return {"type": "string", "pattern": DECIMAL}
    if field.type is Type.WHOLE:
        return {"type": "integer"}
    if field.type is Type.NUMBER:
        return {"type": "number"}
    if field.type is Type.RECORDS:
        return {"type": "array", "items": answered(KINDS[field.of])}
    if field.type in {Type.ID, Type.TEXT}:
        return {"type": "string"}
    return _plain(field)


def _plain(field: Field) -> Schema:
    """Return the schema of a field whose values are sent and answered alike."""
    texts: Schema = {"type": "array", "items": {"type": "string", "maxLength": field.longest}}
    plain: dict[Type, Schema] = {
        Type.TIME: {"type": "string", "format": "date-time"},
        Type.DATE: {"type": "string", "format": "date"},
        Type.BOOLEAN: {"type": "boolean"},
        Type.CHOICE: {"type": "string", "enum": list(field.choices)},
        Type.CURRENCY: {"type": "string", "pattern": "^[A-Z]{3}$"},
        Type.URL: {"type": "string", "format": "uri", "maxLength": field.longest},
        Type.PATH: {**texts, "description": "From the root."},
        Type.NAMES: texts,
        Type.OBJECT: {"type": "object", "additionalProperties": True},
    }
    if field.type is Type.RECORDS:
        return {"type": "array", "items": written(KINDS[field.of])}
    return plain[field.type]
