"""Bodies of requests: unpacked by no more than is allowed, and read as JSON."""

import json
import zlib
from typing import Any, Final, NamedTuple, Protocol

import orjson

from precision.shop.api.events.answers import RefusalError

SINGLE_BYTES: Final = 32 * 1024
BATCH_BYTES: Final = 4 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; fewer at the end."""


class Body(NamedTuple):
    """A body that was read."""

    document: dict[str, Any]
    size: int
    """Bytes of JSON."""
    checked: bool
    """It holds neither NUL nor lone surrogates, and only finite numbers."""


def read(stream: Stream, *, length: str, encoding: str, most: int) -> Body:
    """Return the JSON object of a body of at most `most` bytes, also when unpacked; raise RefusalError.

    `length` and `encoding` are the headers Content-Length (may be "") and Content-Encoding.
    """
    if length.isdigit() and int(length) > most:
        raise _too_large(most)
    raw = _take(stream, most + 1 if not length.isdigit() else int(length))
    if len(raw) > most:
        raise _too_large(most)
    encoding = encoding.strip().lower()
    if encoding in {"gzip", "x-gzip"}:
        raw = _unpacked(raw, most=most)
    elif encoding not in {"", "identity"}:
        detail = "A body may be packed with gzip or not at all."
        raise RefusalError(415, "unsupported_media_type", detail, attr="Content-Encoding")
    return parse(raw)


def parse(raw: bytes) -> Body:
    """Return the JSON object of the bytes; raise RefusalError.

    The quick reader refuses NaN and lone surrogates, which SDKs do write. Where it fails the patient one reads, so that
    only the events they stand in are refused.
    """
    try:
        document = orjson.loads(raw)
        checked = b"\\u0000" not in raw
    except orjson.JSONDecodeError:
        try:
            document = json.loads(raw.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            detail = "The body is no JSON, no UTF-8, or nested too deeply."
            raise RefusalError(400, "parse_error", detail) from error
        checked = False
    if not isinstance(document, dict):
        raise RefusalError(400, "parse_error", "The body must be a JSON object.")
    return Body(document, len(raw), checked)


def _take(stream: Stream, wanted: int) -> bytes:
    """Return `wanted` bytes, or what there is."""
    parts: list[bytes] = []
    while wanted > 0 and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _unpacked(raw: bytes, *, most: int) -> bytes:
    """Return the unpacked bytes; stops unpacking as soon as there are too many."""
    made = b""
    while raw:
        unpacker = zlib.decompressobj(_GZIP)
        try:
            made += unpacker.decompress(raw, most + 1 - len(made))
        except zlib.error as error:
            raise RefusalError(
                400, "parse_error", "The body is no gzip, though its header says so."
            ) from error
        if len(made) > most:
            raise _too_large(most)
        if not unpacker.eof:
            raise RefusalError(400, "parse_error", "The gzip body ends too early.")
        raw = unpacker.unused_data  # a file of several members
    return made


def _too_large(most: int) -> RefusalError:
    return RefusalError(
        413, "too_large", f"The body is larger than {most // 1024} KiB; send fewer events at once."
    )
