"""Charts of how segments overlap."""

from precision.charts import Axis, Chart
from precision.charts.matrix import heat_map
from segments.overlap import Overlap

ROW, COLUMN = Axis(title="segment"), Axis(title="and segment")


def matrices(found: Overlap) -> list[Chart]:
    """Return counts, shares and Jaccard indices as heat maps; rows and columns are keys of segments."""
    keys = [segment.key for segment in found.segments]
    return [
        heat_map(
            "overlap-shares", "Of the members of a row, the share who are in the column too",
            x=COLUMN, y=ROW, value=Axis(title="share", places=0, percent=True), across=keys, down=keys,
            values=found.shares(), bound=1, note="100 % beside the diagonal: the row's segment lies within the other.",
        ),
        heat_map(
            "overlap-jaccard", "In both segments, over in either (Jaccard index)",
            x=COLUMN, y=ROW, value=Axis(title="Jaccard index", places=2), across=keys, down=keys,
            values=found.jaccard(), bound=1, note="1: the same people. 0: nobody is in both.",
        ),
        heat_map(
            "overlap-counts", "Customers in both segments",
            x=COLUMN, y=ROW, value=Axis(title="customers"), across=keys, down=keys,
            values=found.counts.tolist(), note="On the diagonal the sizes.",
        ),
    ]  # fmt: skip
