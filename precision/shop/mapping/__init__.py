"""The mapping of a shop's files to our records: a TOML file, read into frozen values.

What a mapping may say is described in docs/intake.md. Whether the columns that it names exist is checked when the
files are read, because only then are they known.
"""

from precision.shop.mapping.reader import parse, read
from precision.shop.mapping.values import (
    FORMATS,
    KINDS,
    ORDER_OF_LOADING,
    REDUCERS,
    REFUND_LINE,
    ROWWISE,
    DataFile,
    Format,
    Mapping,
    MappingError,
    Origin,
    RecordMapping,
    Reducer,
    RejectRule,
    Source,
)

__all__ = [
    "FORMATS", "KINDS", "ORDER_OF_LOADING", "REDUCERS", "REFUND_LINE", "ROWWISE", "DataFile", "Format", "Mapping",
    "MappingError", "Origin", "RecordMapping", "Reducer", "RejectRule", "Source", "parse", "read",
]  # fmt: skip
