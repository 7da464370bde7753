"""Values of JSON made fit for the readers of the wire format and for PostgreSQL.

JSON has types, and callers mix them: 12, 12.0 and "12" are one number. Scalars become text, which the readers of
`precision.shop.importing.values` take from every route; objects become JSON text once nothing in them could break
the database (NUL, half surrogates, numbers that are none, nesting without end).
"""

import json
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import polars as pl

from precision.shop.records import Code, Field, Type

DEEPEST = 32
"""Levels of nesting within one object field."""
LARGEST_OBJECT = 64 * 1024
"""Bytes of JSON text of one object field."""
LARGEST_BITS = 128
"""Bits of a whole number: far more than any field keeps, few enough to be written out quickly."""
WHOLE_FLOAT = 1e15
"""Below this a float without a fraction is written by its digits, as the reader of files does."""
TEXTS = frozenset({Type.ID, Type.TEXT, Type.URL, Type.CURRENCY, Type.CHOICE})
NUMBERS = frozenset({Type.MONEY, Type.QUANTITY, Type.WHOLE, Type.NUMBER})
WRONG = {
    **dict.fromkeys(TEXTS, Code.NOT_TEXT),
    **dict.fromkeys(NUMBERS, Code.NOT_A_NUMBER),
    Type.TIME: Code.NOT_A_TIME,
    Type.DATE: Code.NOT_A_TIME,
    Type.BOOLEAN: Code.NOT_A_BOOLEAN,
    Type.PATH: Code.NOT_A_LIST,
    Type.NAMES: Code.NOT_A_LIST,
}
"""What a value of a wrong JSON type is refused with."""

Refused = dict[int, Code]


def texts(values: Sequence[Any], field: Field) -> tuple[pl.Series, Refused]:
    """Return the values of a scalar field as a String series, and by place the code of those that are none."""
    kinds = {*map(type, values)}
    if kinds <= {str, type(None)}:
        try:
            return pl.Series("raw", values, dtype=pl.String), {}
        except UnicodeEncodeError:
            pass  # one of them holds half a surrogate pair: below, value by value
    refused: Refused = {}
    made: list[str | None] = []
    for place, value in enumerate(values):
        text = _text(value, field)
        if isinstance(text, Code):
            refused[place] = text
            text = None
        made.append(text)
    return pl.Series("raw", made, dtype=pl.String), refused


def lists(values: Sequence[Any], field: Field) -> tuple[pl.Series, Refused]:
    """Return the values of a list field as a List(String) series; a single text stands for a list of one."""
    refused: Refused = {}
    made: list[list[str | None] | None] = []
    element = Field(name=field.name, type=Type.TEXT)
    for place, value in enumerate(values):
        if value is not None and not isinstance(value, list):
            value = [value]
        items: list[str | None] | None = None
        if value is not None:
            items = []
            for item in value:
                text = _text(item, element)
                if isinstance(text, Code):
                    refused.setdefault(place, text)
                else:
                    items.append(text)
        made.append(items)
    return pl.Series("raw", made, dtype=pl.List(pl.String)), refused


def objects(values: Sequence[Any]) -> tuple[pl.Series, Refused]:
    """Return the values of an object field as JSON text; null where there is none or it is empty."""
    refused: Refused = {}
    made: list[str | None] = []
    for place, value in enumerate(values):
        text: str | None = None
        if value is not None and not isinstance(value, dict):
            refused[place] = Code.NOT_AN_OBJECT
        elif value:
            code = fault(value)
            if code is None:
                text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
                if len(text) * 4 > LARGEST_OBJECT and len(text.encode("utf-8")) > LARGEST_OBJECT:
                    code, text = Code.TOO_LARGE, None
            if code is not None:
                refused[place] = code
        made.append(text)
    return pl.Series("json", made, dtype=pl.String), refused


def fault(value: Any) -> Code | None:
    """Return why a JSON value cannot be kept in the database, or None; walks without recursion.

    A value of very many parts is not walked to its end: each part is at least a byte of what is too large anyway.
    """
    waiting = [(value, 0)]
    for _ in range(LARGEST_OBJECT):
        if not waiting:
            return None
        one, depth = waiting.pop()
        if isinstance(one, (dict, list)):
            if depth >= DEEPEST:
                return Code.TOO_DEEP
            if isinstance(one, dict):
                waiting.extend((name, depth) for name in one)
                waiting.extend((item, depth + 1) for item in one.values())
            else:
                waiting.extend((item, depth + 1) for item in one)
        elif isinstance(one, str):
            if "\0" in one:
                return Code.NUL
            if not sound(one):
                return Code.NOT_UNICODE
        elif isinstance(one, float):
            if not math.isfinite(one):
                return Code.NOT_A_NUMBER
        elif isinstance(one, int) and one.bit_length() > LARGEST_BITS:
            return Code.OUT_OF_RANGE
    return Code.TOO_LARGE if waiting else None


def sound(text: str) -> bool:
    """Return whether the text can be written as UTF-8: no half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _text(value: Any, field: Field) -> str | Code | None:
    """Return a scalar as text, None for none, or the code of its refusal."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if sound(value) else Code.NOT_UNICODE
    if isinstance(value, bool):
        return ("true" if value else "false") if field.type is Type.BOOLEAN else WRONG[field.type]
    if isinstance(value, int):
        return str(value) if value.bit_length() <= LARGEST_BITS else Code.OUT_OF_RANGE
    if isinstance(value, float):
        if not math.isfinite(value):
            return Code.NOT_A_NUMBER
        return str(int(value)) if value.is_integer() and abs(value) < WHOLE_FLOAT else repr(value)
    if isinstance(value, Decimal):
        return str(value)
    return WRONG[field.type]
