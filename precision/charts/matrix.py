"""Charts of a value for each row and column: heat maps."""

from collections.abc import Sequence
from typing import Any

from precision.charts.chart import Axis, Chart, Number, figure, same_length
from precision.charts.palette import DIVERGING, SEQUENTIAL

MOST_WRITTEN = 400
"""Cells up to which the value is written into each."""
LEAST_HEIGHT, ROW_HEIGHT = 384, 20
"""In pixels: every row keeps its name."""


def heat_map(
    key: str,
    title: str,
    *,
    x: Axis,
    y: Axis,
    value: Axis,
    across: Sequence[str],
    down: Sequence[str],
    values: Sequence[Sequence[Number]],
    diverging: bool = False,
    bound: float | None = None,
    note: str = "",
    empty: str = "There is nothing to draw.",
) -> Chart:
    """Return a heat map of `values`, a row for each of `down` (from the top) with a value for each of `across`.

    `diverging` colours what is below and above 0 apart. Colours end at `bound` (None: the largest value), and begin at
    − `bound` where they diverge, at 0 otherwise. None is a gap. Raises ValueError where the sizes do not fit.
    """
    same_length(len(down), {"values": values})
    same_length(len(across), dict(zip(down, values, strict=True)))
    trace: dict[str, Any] = {
        "type": "heatmap", "x": list(across), "y": list(down), "z": [list(row) for row in values],
        "colorscale": DIVERGING if diverging else SEQUENTIAL, "xgap": 1, "ygap": 1, "hoverongaps": False,
        "colorbar": {"title": {"text": value.title, "side": "right"}, "thickness": 12,
                     **({"tickformat": ".0%"} if value.percent else {})},
        "hovertemplate": f"{y.title} %{{y}}, {x.title} %{{x}}: %{{z:{value.format}}}<extra></extra>",
    }  # fmt: skip
    if diverging:
        known = [abs(each) for row in values for each in row if each is not None]
        most = bound or max(known, default=0) or 1
        trace |= {"zmid": 0, "zmin": -most, "zmax": most}
    elif bound is not None:
        trace |= {"zmin": 0, "zmax": bound}
    if len(across) * len(down) <= MOST_WRITTEN:
        trace["texttemplate"] = f"%{{z:{value.format}}}"
    return Chart(
        key=key, title=title, note=note, empty=empty,
        figure=figure(
            title, [trace],
            xaxis=x.layout(type="category"),
            yaxis=y.layout(type="category", autorange="reversed"),
            height=max(LEAST_HEIGHT, 150 + ROW_HEIGHT * len(down)),
        ),
        columns=(y.column(words=True), *(value.column(name) for name in across)),
        rows=tuple((name, *row) for name, row in zip(down, values, strict=True)),
    )  # fmt: skip
