"""Text files as they can be read: decompressed, in UTF-8, and none that would fill the disk or the memory."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings

from precision.shop.importing.errors import ImportRefusedError

COMPRESSIONS: Final = {".gz": "gzip", ".zst": "zstd"}
BLOCK: Final = 1 << 20
MOST_BYTES: Final = 32 << 30
"""Bytes that a file may have once it is decompressed; the setting PRECISION_IMPORT_MOST_BYTES says otherwise."""
MOST_RATIO: Final = 200
"""How many times its size a file may have once it is decompressed; the setting PRECISION_IMPORT_MOST_RATIO says
otherwise. Tables of text come to 5 to 50."""
HARMLESS: Final = 64 << 20
"""Bytes up to which the ratio does not matter."""


@contextmanager
def plain_utf8(path: Path, *, encoding: str, lenient: bool = False) -> Iterator[Path]:
    """Give the path of the file's text, decompressed and in UTF-8: the file itself where it is that
    already. With `lenient`, bytes that are no text of the encoding become replacement characters.

    Raises ImportRefusedError when its bytes are no text of that encoding or too many, OSError when the compressed
    stream is broken.
    """
    compression = COMPRESSIONS.get(path.suffix)
    packed = path.stat().st_size
    if compression is None:
        check_expanded(path, packed, packed=packed)
    if compression is None and codecs.lookup(encoding).name == "utf-8":
        try:
            _check_encoding(path, encoding=encoding)
        except ImportRefusedError:
            if not lenient:
                raise
        else:
            yield path
            return
    decoder = codecs.getincrementaldecoder(encoding)("replace" if lenient else "strict")
    read = 0
    with NamedTemporaryFile(prefix="import-", suffix=".txt") as target:
        with pa.input_stream(str(path), compression=compression) as source:
            while True:
                block = source.read(BLOCK)
                target.write(
                    _decoded(decoder, block, path=path, encoding=encoding, offset=read).encode("utf-8")
                )
                read += len(block)
                check_expanded(path, read, packed=packed)
                if not block:
                    break
        target.flush()
        yield Path(target.name)


def _check_encoding(path: Path, *, encoding: str) -> None:
    """Raise ImportRefusedError unless the file is text of that encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    with path.open("rb") as source:
        while block := source.read(BLOCK):
            _decoded(decoder, block, path=path, encoding=encoding, offset=read)
            read += len(block)
    _decoded(decoder, b"", path=path, encoding=encoding, offset=read)


def _decoded(
    decoder: codecs.IncrementalDecoder, block: bytes, *, path: Path, encoding: str, offset: int
) -> str:
    """Return the text of the next block (an empty one ends the file)."""
    try:
        return decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        wrong = error.object[error.start : error.start + 1].hex().upper()
        raise ImportRefusedError(
            f"{path} is not {encoding} (byte 0x{wrong} near position {offset + error.start}); name its "
            'encoding in the mapping, like encoding = "latin-1".'
        ) from error


def check_expanded(path: Path, size: int, *, packed: int) -> None:
    """Raise ImportRefusedError when `size` decompressed bytes are more than a file of `packed` bytes may have."""
    most = getattr(settings, "PRECISION_IMPORT_MOST_BYTES", MOST_BYTES)
    ratio = getattr(settings, "PRECISION_IMPORT_MOST_RATIO", MOST_RATIO)
    if size > most:
        raise ImportRefusedError(
            f"{path} has more than {most:,} bytes once it is decompressed; split it, or raise the setting "
            "PRECISION_IMPORT_MOST_BYTES."
        )
    if size > HARMLESS and size > packed * ratio:
        raise ImportRefusedError(
            f"{path} is more than {ratio} times its size once it is decompressed, which no table of a shop is; if it "
            "is one, decompress it, or raise the setting PRECISION_IMPORT_MOST_RATIO."
        )


def check_parquet(path: Path) -> None:
    """Raise ImportRefusedError when a Parquet file would be too large in memory, OSError when it is none.

    A row takes at least a byte a column, however well the file packs rows that are all alike.
    """
    try:
        told = pq.read_metadata(path)
    except pa.ArrowException as error:
        raise OSError(str(error)) from error
    groups = sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups))
    check_expanded(path, max(groups, told.num_rows * told.num_columns), packed=path.stat().st_size)
