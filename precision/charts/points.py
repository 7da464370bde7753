"""Charts of single points: scatter, and estimates with their intervals (forest)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from precision.charts.chart import Axis, Chart, Column, figure
from precision.charts.palette import COLOURS, SYMBOLS, nth


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point, with a name if it has one."""

    x: float
    y: float
    name: str = ""
    mark: str = ""
    """What stands beside it where names do; empty: the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with the bounds of its interval; None where unknown."""

    name: str
    estimate: float | None
    low: float | None = None
    high: float | None = None


def scatter(
    key: str,
    title: str,
    *,
    x: Axis,
    y: Axis,
    groups: Mapping[str, Sequence[Point]],
    named: bool = False,
    note: str = "",
    empty: str = "There is nothing to draw.",
) -> Chart:
    """Return points, each group in a colour and a symbol of its own; with `named` the names stand beside them."""
    traces: list[dict[str, Any]] = []
    for position, (group, points) in enumerate(groups.items()):
        traces.append({
            "type": "scatter", "mode": "markers+text" if named else "markers", "name": group,
            "x": [each.x for each in points], "y": [each.y for each in points],
            "text": [each.mark or each.name for each in points],
            "customdata": [each.name for each in points], "textposition": "top center", "cliponaxis": False,
            "marker": {"color": nth(COLOURS, position), "symbol": nth(SYMBOLS, position),
                       "size": 8 if len(points) < 500 else 5, "opacity": 0.85 if len(points) < 500 else 0.5},
            "hovertemplate": f"%{{customdata}} (%{{x:{x.format}}}, %{{y:{y.format}}})<extra>{group}</extra>",
        })  # fmt: skip
    named_too = any(each.name for points in groups.values() for each in points)
    words = (Column(title="group"), *((Column(title="name"),) if named_too else ()))
    return Chart(
        key=key, title=title, note=note, empty=empty,
        figure=figure(title, traces, xaxis=x.layout(), yaxis=y.layout(), showlegend=len(groups) > 1),
        columns=(*words, x.column(), y.column()),
        rows=tuple(
            (group, *((each.name,) if named_too else ()), each.x, each.y)
            for group, points in groups.items()
            for each in points
        ),
    )  # fmt: skip


def forest(
    key: str,
    title: str,
    *,
    x: Axis,
    names: Axis,
    intervals: Sequence[Interval],
    reference: float | None = None,
    note: str = "",
    empty: str = "There is nothing to draw.",
) -> Chart:
    """Return estimates with their intervals, one under the other; a line at `reference`, mostly no effect.

    Those whose interval does not hold the reference are filled, the others hollow. Without a bound no bar is drawn.
    """
    drawn = [each for each in intervals if each.estimate is not None]
    whole = [
        (each.estimate, each.low, each.high)
        if each.low is not None and each.high is not None
        else (each.estimate, each.estimate, each.estimate)
        for each in drawn
    ]
    trace: dict[str, Any] = {
        "type": "scatter", "mode": "markers", "name": x.title,
        "x": [estimate for estimate, _, _ in whole], "y": [each.name for each in drawn],
        "error_x": {
            "type": "data", "symmetric": False, "thickness": 2, "width": 5, "color": COLOURS[0],
            "array": [high - estimate for estimate, _, high in whole],  # type: ignore[operator]
            "arrayminus": [estimate - low for estimate, low, _ in whole],  # type: ignore[operator]
        },
        "marker": {"color": COLOURS[0], "size": 9,
                   "symbol": ["circle" if _clear(each, reference) else "circle-open" for each in drawn]},
        "customdata": [[each.low, each.high] for each in drawn],
        "hovertemplate": f"%{{y}}: %{{x:{x.format}}} (%{{customdata[0]:{x.format}}} to "
                         f"%{{customdata[1]:{x.format}}})<extra></extra>",
    }  # fmt: skip
    line = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": reference, "x1": reference,
            "line": {"color": COLOURS[3], "dash": "dash", "width": 1}}  # fmt: skip
    return Chart(
        key=key, title=title, note=note, empty=empty,
        figure=figure(
            title, [trace], xaxis=x.layout(), yaxis=names.layout(type="category", autorange="reversed"),
            shapes=[] if reference is None else [line], height=120 + 28 * max(len(drawn), 3),
        ),
        columns=(names.column(words=True), x.column(), x.column("low"), x.column("high")),
        rows=tuple((each.name, each.estimate, each.low, each.high) for each in intervals),
    )  # fmt: skip


def _clear(interval: Interval, reference: float | None) -> bool:
    """Whether the interval is known and does not hold the reference."""
    if reference is None or interval.low is None or interval.high is None:
        return reference is None
    return not interval.low <= reference <= interval.high
