"""History lives in Parquet: an append-mostly lake of facts that jobs read instead of the serving database.

`scan` is the only bulk reader; `export` brings the lake up to date; `compact` keeps it small.
"""

from precision.shop.history.checking import check
from precision.shop.history.compaction import Compacted, compact
from precision.shop.history.errors import (
    HistoryError,
    LakeDamagedError,
    LakeUnwritableError,
    LakeVersionError,
)
from precision.shop.history.exporting import Exported, export
from precision.shop.history.retention import Dropped, drop_exported, exported_until
from precision.shop.history.scanning import horizon, scan, snapshot

__all__ = [
    "Compacted",
    "Dropped",
    "Exported",
    "HistoryError",
    "LakeDamagedError",
    "LakeUnwritableError",
    "LakeVersionError",
    "check",
    "compact",
    "drop_exported",
    "export",
    "exported_until",
    "horizon",
    "scan",
    "snapshot",
]
