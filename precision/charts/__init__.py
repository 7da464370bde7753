"""How a page draws: charts as pure functions of numbers, each with the same numbers as a table.

Every function returns a `Chart`: a Plotly figure as JSON, and columns and rows for the table beside it and for its CSV
file. The template tag `chart` of `precision_charts` draws it.
"""

from precision.charts.chart import Axis, Chart, Column, Value
from precision.charts.matrix import heat_map
from precision.charts.points import Interval, Point, forest, scatter
from precision.charts.series import bars, flow, lines

__all__ = [
    "Axis",
    "Chart",
    "Column",
    "Interval",
    "Point",
    "Value",
    "bars",
    "flow",
    "forest",
    "heat_map",
    "lines",
    "scatter",
]
