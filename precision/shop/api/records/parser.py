"""Bodies of records: JSON within bounds, refused by name where it is none."""

import json
import zlib
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

LARGEST_BODY: Final = 4 * 1024 * 1024
"""Bytes of a body, and of what a compressed one expands to."""
GZIP: Final = 16 + zlib.MAX_WBITS
PIECE: Final = 64 * 1024
SHOWN: Final = 80
"""Characters of a name that a refusal repeats."""


class TooLargeError(APIException):
    """The body is larger than an endpoint takes."""

    status_code = 413
    default_code = "too_large"
    default_detail = (
        f"A body may have {LARGEST_BODY // 1024 // 1024} MiB, also once it is expanded; send fewer rows."
    )


class EncodingError(APIException):
    """The body comes in an encoding that we do not read."""

    status_code = 415
    default_code = "unsupported_encoding"
    default_detail = "The header Content-Encoding may be gzip or identity."


class RecordParser(BaseParser):
    """Reads JSON of any media type, plain or gzip, as UTF-8.

    Python's own parser and not a faster one, because the faster ones keep the last of two equal keys without a word
    and read whole numbers beyond 64 bits as rounded ones: an order number would become another.
    """

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the JSON value of the body; raises an API error (400, 413, 415) that says what is wrong."""
        headers = parser_context["request"].META
        encoding = headers.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        if encoding not in {"", "identity", "gzip", "x-gzip"}:
            raise EncodingError
        body = stream.read(LARGEST_BODY + 1)
        if len(body) > LARGEST_BODY:
            raise TooLargeError
        return loads(expanded(body) if encoding.endswith("gzip") else body)


def expanded(body: bytes) -> bytes:
    """Return the content of a gzip body; stops as soon as it grows beyond LARGEST_BODY."""
    pieces: list[bytes] = []
    size = 0
    rest = body
    try:
        while rest:  # a gzip file may have several members
            member = zlib.decompressobj(GZIP)
            while not member.eof:
                piece = member.decompress(rest, PIECE)
                rest = member.unconsumed_tail
                size += len(piece)
                if size > LARGEST_BODY:
                    raise TooLargeError
                if not piece and not rest and not member.eof:
                    raise ParseError("The gzip body ends too early.", code="bad_gzip")
                pieces.append(piece)
            rest = member.unused_data
    except zlib.error:
        raise ParseError("The body is no gzip, though Content-Encoding says so.", code="bad_gzip") from None
    return b"".join(pieces)


def loads(body: bytes) -> Any:
    """Return the JSON value of a text in UTF-8; raise ParseError that says what is wrong, and where."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8: byte {error.start}.", code="not_unicode") from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise ParseError(f"JSON parse error: {error}.") from None
    except RecursionError:
        raise ParseError("The body is nested too deep.", code="too_deep") from None
    except ValueError:  # Python refuses to read digits by the thousand
        raise ParseError(
            "The body has a number of more digits than anything keeps.", code="out_of_range"
        ) from None


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of two equal keys one would be lost, so they are refused."""
    listed = list(pairs)
    made = dict(listed)
    if len(made) < len(listed):
        twice = Counter(name for name, _ in listed).most_common(1)[0][0]
        shown = twice[:SHOWN].encode("ascii", "backslashreplace").decode("ascii")
        raise ParseError(f"An object has the key “{shown}” twice.", code="duplicate_key")
    return made


def _constant(name: str) -> NoReturn:
    raise ParseError(f"{name} is no number of JSON.", code="not_a_number")
