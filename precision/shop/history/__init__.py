"""History lives in Parquet: an append-mostly lake of facts that jobs read instead of the serving database.

`scan` is the only bulk reader; `export` brings the lake up to date; `compact` keeps it small.
"""

from precision.shop.history.errors import (
    HistoryError,
    LakeDamagedError,
    LakeUnwritableError,
    LakeVersionError,
)
from precision.shop.history.exporting import Exported, export
from precision.shop.history.scanning import scan, snapshot

__all__ = [
    "Exported",
    "HistoryError",
    "LakeDamagedError",
    "LakeUnwritableError",
    "LakeVersionError",
    "export",
    "scan",
    "snapshot",
]
