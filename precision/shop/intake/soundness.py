"""Whether PostgreSQL and our readers can keep a value at all, wherever in a call it lies."""

import math
from typing import Any, Final

from precision.shop.intake.verdicts import RefusedError
from precision.shop.records import Code

DEEPEST: Final = 32
"""How deep objects and lists may lie within each other."""
LARGEST_WHOLE: Final = 2**63


def check(call: dict[str, Any]) -> None:
    """Raise RefusedError for the first value, in any depth, that cannot be kept; names the outermost field.

    NUL characters and lone surrogates (also in names), numbers that are not finite or beyond eight bytes, nesting
    deeper than DEEPEST.
    """
    for name, value in call.items():
        _check_text(name, str(name)[:100].replace("\0", "").encode("utf-8", "replace").decode("utf-8"))
        # A stack of our own: thousands of levels must not exhaust Python's.
        heap: list[tuple[Any, int]] = [(value, 1)]
        while heap:
            one, depth = heap.pop()
            if isinstance(one, str):
                _check_text(one, name)
            elif isinstance(one, float):
                if not math.isfinite(one):
                    raise RefusedError(Code.NOT_A_NUMBER, name, found=one)
            elif isinstance(one, int):
                if not -LARGEST_WHOLE <= one < LARGEST_WHOLE:
                    raise RefusedError(Code.OUT_OF_RANGE, name, found=one)
            elif isinstance(one, dict | list):
                if depth > DEEPEST:
                    raise RefusedError(Code.TOO_DEEP, name, found=one)
                if isinstance(one, dict):
                    for key in one:
                        _check_text(key, name)
                    heap.extend((inner, depth + 1) for inner in one.values())
                else:
                    heap.extend((inner, depth + 1) for inner in one)
            elif one is not None:
                raise RefusedError(Code.NOT_TEXT, name, found=one)


def is_shallow(body: bytes) -> bool:
    """Return whether no value of a JSON text can lie deeper than DEEPEST.

    Counts brackets only, those within texts too: False means that one has to look closer.
    """
    return body.count(b"[") + body.count(b"{") <= DEEPEST


def _check_text(text: Any, field: str) -> None:
    if not isinstance(text, str):
        raise RefusedError(Code.NOT_TEXT, field, found=text)
    if "\0" in text:
        raise RefusedError(Code.NUL, field)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise RefusedError(Code.NOT_UNICODE, field) from error
