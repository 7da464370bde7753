"""Charts of series over categories or time: bars, lines, and flows that stack above and below zero."""

from collections.abc import Mapping, Sequence
from typing import Any

from precision.charts.chart import Axis, Category, Chart, Number, figure, same_length
from precision.charts.palette import COLOURS, DASHES, PATTERNS, SYMBOLS, nth

Series = Mapping[str, Sequence[Number]]
Bands = Mapping[str, tuple[Sequence[Number], Sequence[Number]]]


def bars(
    key: str,
    title: str,
    *,
    x: Axis,
    y: Axis,
    at: Sequence[Category],
    series: Series,
    stacked: bool = False,
    horizontal: bool = False,
    note: str = "",
    empty: str = "There is nothing to draw.",
) -> Chart:
    """Return bars of each series at the categories `at`, side by side or stacked; None leaves a gap.

    `x` describes the categories and `y` the values, also when the bars lie. Raises ValueError for uneven series.
    """
    same_length(len(at), series)
    names = [str(each) for each in at]
    traces: list[dict[str, Any]] = []
    for position, (name, values) in enumerate(series.items()):
        sides = {"x": list(values), "y": names} if horizontal else {"x": names, "y": list(values)}
        marker = {
            "color": nth(COLOURS, position),
            "pattern": {"shape": nth(PATTERNS, position), "solidity": 0.2},
        }
        value, place = ("x", "y") if horizontal else ("y", "x")
        hover = f"%{{{place}}}: %{{{value}:{y.format}}}<extra>{name}</extra>"
        traces.append({
            "type": "bar", "name": name, **sides, "marker": marker, "hovertemplate": hover,
            "orientation": "h" if horizontal else "v",
        })  # fmt: skip
    places = x.layout(type="category")
    if horizontal:
        places["autorange"] = "reversed"  # the first on top, as in the table
    sides = {"xaxis": y.layout(), "yaxis": places} if horizontal else {"xaxis": places, "yaxis": y.layout()}
    return Chart(
        key=key, title=title, note=note, empty=empty,
        figure=figure(
            title, traces, **sides, barmode="relative" if stacked else "group", showlegend=len(series) > 1
        ),
        columns=(x.column(words=True), *_columns(y, series)),
        rows=_rows(at, series),
    )  # fmt: skip


def lines(
    key: str,
    title: str,
    *,
    x: Axis,
    y: Axis,
    at: Sequence[Category],
    series: Series,
    bands: Bands | None = None,
    note: str = "",
    empty: str = "There is nothing to draw.",
) -> Chart:
    """Return a line for each series over `at` (numbers, days or names); None breaks it.

    `bands` gives low and high around the line of that name; the table has them beside it. Raises ValueError for uneven
    series.
    """
    bands = bands or {}
    same_length(len(at), series)
    for name, (low, high) in bands.items():
        same_length(len(at), {f"{name}, low": low, f"{name}, high": high})
    traces: list[dict[str, Any]] = []
    many = len(at) > 60
    for position, (name, values) in enumerate(series.items()):
        colour = nth(COLOURS, position)
        if name in bands:
            low, high = bands[name]
            edge = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip",
                    "showlegend": False, "x": list(at), "legendgroup": name}  # fmt: skip
            traces += [
                {**edge, "y": list(low)},
                {**edge, "y": list(high), "fill": "tonexty", "fillcolor": _faint(colour)},
            ]
        traces.append({
            "type": "scatter", "name": name, "x": list(at), "y": list(values), "legendgroup": name,
            "mode": "lines" if many else "lines+markers",
            "line": {"color": colour, "dash": nth(DASHES, position), "width": 2},
            "marker": {"color": colour, "symbol": nth(SYMBOLS, position), "size": 7},
            "hovertemplate": f"%{{x}}: %{{y:{y.format}}}<extra>{name}</extra>",
        })  # fmt: skip
    table: dict[str, Sequence[Number]] = {}
    for name, values in series.items():
        table[name] = values
        if name in bands:
            table[f"{name}, low"], table[f"{name}, high"] = bands[name]
    numbers = all(isinstance(each, int | float) for each in at)
    return Chart(
        key=key, title=title, note=note, empty=empty,
        figure=figure(title, traces, xaxis=x.layout(), yaxis=y.layout(), showlegend=len(series) > 1),
        columns=(x.column(words=not numbers), *_columns(y, table)),
        rows=_rows(at, table),
    )  # fmt: skip


def flow(
    key: str,
    title: str,
    *,
    x: Axis,
    y: Axis,
    at: Sequence[Category],
    entries: Series,
    exits: Series,
    stock: Series | None = None,
    note: str = "",
    empty: str = "There is nothing to draw.",
) -> Chart:
    """Return a stacked flow: `entries` stand above zero and `exits` hang below it, `stock` is drawn as lines.

    Exits are given as positive numbers, and the table has them so. A name may be in entries and exits: it keeps its
    colour. Raises ValueError for uneven series.
    """
    stock = stock or {}
    for given in (entries, exits, stock):
        same_length(len(at), given)
    names = list(dict.fromkeys([*entries, *exits]))
    traces: list[dict[str, Any]] = []
    for values_of, word, sign in ((entries, "in", 1), (exits, "out", -1)):
        for name, values in values_of.items():
            position = names.index(name)
            traces.append({
                "type": "bar", "name": f"{name}, {word}", "x": list(at), "customdata": list(values),
                "y": [None if value is None else sign * value for value in values],
                "marker": {
                    "color": nth(COLOURS, position),
                    "pattern": {"shape": nth(PATTERNS, position), "solidity": 0.2},
                    "opacity": 1 if sign > 0 else 0.7,
                },
                "hovertemplate": f"%{{x}}: %{{customdata:{y.format}}}<extra>{name}, {word}</extra>",
            })  # fmt: skip
    for position, (name, values) in enumerate(stock.items(), start=len(names)):
        traces.append({
            "type": "scatter", "mode": "lines", "name": name, "x": list(at), "y": list(values),
            "line": {"color": nth(COLOURS, position), "dash": nth(DASHES, position), "width": 2},
            "hovertemplate": f"%{{x}}: %{{y:{y.format}}}<extra>{name}</extra>",
        })  # fmt: skip
    table = {
        **{f"{name}, in": values for name, values in entries.items()},
        **{f"{name}, out": values for name, values in exits.items()},
        **stock,
    }
    return Chart(
        key=key, title=title, note=note, empty=empty,
        figure=figure(title, traces, xaxis=x.layout(), yaxis=y.layout(), barmode="relative"),
        columns=(x.column(words=True), *_columns(y, table)),
        rows=_rows(at, table),
    )  # fmt: skip


def _columns(y: Axis, series: Series) -> list[Any]:
    alone = len(series) == 1
    return [y.column("" if alone else name) for name in series]


def _rows(at: Sequence[Category], series: Series) -> tuple[tuple[Any, ...], ...]:
    return tuple(zip(at, *series.values(), strict=True))


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.2)"
