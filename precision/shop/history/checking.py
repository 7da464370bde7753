"""Looking the lake over without changing it."""

from collections import Counter

from precision.shop.history import files, layout, manifest


def check() -> Counter[str]:
    """Read every file of the lake; return the rows of each table's parts, those that changes take back included.

    Raises LakeDamagedError for the first file that does not hold what was written, LakeVersionError for a lake of a
    newer version.
    """
    root = layout.root()
    state = manifest.load(root)
    rows: Counter[str] = Counter()
    if state is not None:
        files.verify(root, state.files())
        for part in state.parts:
            rows[part.table] += part.rows
    return rows
