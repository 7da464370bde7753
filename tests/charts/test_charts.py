"""Charts: what they draw is valid Plotly, the table says the same numbers, and everybody can tell colours apart."""

from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from precision import charts
from precision.charts import Axis, Chart, Interval, Point
from precision.charts.palette import COLOURS

CUSTOMERS = Axis(title="customers")
SHARE = Axis(title="share", percent=True, places=1)
WEEKS = [date(2026, 1, 5), date(2026, 1, 12)]


def all_kinds() -> list[Chart]:
    week = Axis(title="week")
    return [
        charts.bars("b", "Bars", x=week, y=CUSTOMERS, at=WEEKS, series={"new": [1, None], "old": [3, 4]}),
        charts.bars(
            "h", "Lying", x=week, y=SHARE, at=["a", "b"], series={"x": [0.5, 1]}, horizontal=True, stacked=True
        ),
        charts.lines(
            "l", "Lines", x=week, y=CUSTOMERS, at=WEEKS, series={"new": [1.0, None]},
            bands={"new": ([0.5, None], [2, None])},
        ),
        charts.flow(
            "f", "Flow", x=week, y=CUSTOMERS, at=WEEKS, entries={"new": [5, 2]}, exits={"lost": [1, 2]},
            stock={"all": [9, 9]},
        ),
        charts.heat_map(
            "m", "Map", x=week, y=week, value=CUSTOMERS, across=["1", "2"], down=["a"], values=[[1, None]]
        ),
        charts.heat_map(
            "d", "Signs", x=week, y=week, value=SHARE, across=["1"], down=["a"], values=[[-0.5]], diverging=True
        ),
        charts.scatter(
            "s", "Points", x=CUSTOMERS, y=SHARE, groups={"g": [Point(x=1, y=0.5, name="p")]}, named=True
        ),
        charts.forest(
            "o", "Forest", x=SHARE, names=Axis(title="label"), reference=0.0,
            intervals=[Interval(name="a", estimate=0.2, low=0.1, high=0.3), Interval(name="b", estimate=None)],
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("chart", all_kinds(), ids=lambda chart: chart.key)
def test_every_figure_is_valid_plotly_with_named_axes(chart: Chart) -> None:
    drawn = go.Figure(chart.figure)  # refuses properties and values that Plotly does not know
    assert drawn.layout.title.text == chart.title
    assert drawn.layout.xaxis.title.text
    assert drawn.layout.yaxis.title.text
    assert chart.to_json()["figure"] == chart.figure


@pytest.mark.parametrize("chart", all_kinds(), ids=lambda chart: chart.key)
def test_every_row_has_a_value_for_each_column(chart: Chart) -> None:
    assert {len(row) for row in chart.rows} == {len(chart.header)}
    assert chart.drawable


def rows_of(key: str) -> tuple[Any, ...]:
    return next(chart for chart in all_kinds() if chart.key == key).rows


def test_tables_by_hand() -> None:
    assert rows_of("b") == ((WEEKS[0], 1, 3), (WEEKS[1], None, 4))
    assert rows_of("l") == ((WEEKS[0], 1.0, 0.5, 2), (WEEKS[1], None, None, None))
    assert rows_of("f") == ((WEEKS[0], 5, 1, 9), (WEEKS[1], 2, 2, 9))
    assert rows_of("m") == (("a", 1, None),)
    assert rows_of("s") == (("g", "p", 1, 0.5),)
    assert rows_of("o") == (("a", 0.2, 0.1, 0.3), ("b", None, None, None))


def test_exits_hang_below_zero() -> None:
    flow = next(chart for chart in all_kinds() if chart.key == "f")
    assert [trace["y"] for trace in flow.figure["data"]] == [[5, 2], [-1, -2], [9, 9]]


def test_only_intervals_without_the_reference_are_filled() -> None:
    found = charts.forest(
        "o", "Forest", x=SHARE, names=Axis(title="label"), reference=0.0,
        intervals=[
            Interval(name="a", estimate=0.2, low=0.1, high=0.3),
            Interval(name="b", estimate=0.2, low=-0.1, high=0.3),
            Interval(name="c", estimate=0.2),
        ],
    )  # fmt: skip
    assert found.figure["data"][0]["marker"]["symbol"] == ["circle", "circle-open", "circle-open"]


def test_uneven_series_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'new' has 1 values for 2 places"):
        charts.bars("b", "t", x=CUSTOMERS, y=CUSTOMERS, at=[1, 2], series={"new": [1]})
    with pytest.raises(ValueError, match="'new, high' has 1 values for 2 places"):
        charts.lines(
            "b",
            "t",
            x=CUSTOMERS,
            y=CUSTOMERS,
            at=[1, 2],
            series={"new": [1, 2]},
            bands={"new": ([1, 2], [1])},
        )
    with pytest.raises(ValueError, match="'a' has 1 values for 2 places"):
        charts.heat_map(
            "b", "t", x=CUSTOMERS, y=CUSTOMERS, value=CUSTOMERS, across=["1", "2"], down=["a"], values=[[1]]
        )


def test_values_as_the_table_writes_them() -> None:
    money = Axis(title="money", unit="GBP", places=2).column()
    assert money.header == "money (GBP)"
    assert [money.text(value) for value in (1234.5, 0.001, 0, None)] == ["1,234.50", "0.001", "0.00", "–"]
    assert SHARE.column().text(0.125) == "12.5%"
    assert Axis(title="week").column(words=True).text(WEEKS[0]) == "2026-01-05"


def test_a_chart_without_numbers_says_so() -> None:
    found = charts.bars(
        "b", "t", x=CUSTOMERS, y=CUSTOMERS, at=["a"], series={"n": [None]}, empty="No orders."
    )
    assert not found.drawable
    assert found.empty == "No orders."


# Machado, Oliveira, Fernandes 2009, severity 1: what red, green and blue light become, in linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def light(colour: str) -> Any:
    values = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def cielab(linear: Any) -> Any:
    x, y, z = np.cbrt(XYZ @ np.clip(linear, 0.009, 1) / XYZ.sum(axis=1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(first: str, second: str) -> float:
    dim, bright = sorted(XYZ[1] @ light(colour) for colour in (first, second))
    return float((bright + 0.05) / (dim + 0.05))


@pytest.mark.parametrize("vision", VISION)
def test_any_two_colours_differ_for_everybody(vision: str) -> None:
    seen = [cielab(np.array(VISION[vision]) @ light(colour)) for colour in COLOURS]
    assert min(np.linalg.norm(first - second) for first, second in combinations(seen, 2)) > 20


@pytest.mark.parametrize("background", ["#ffffff", "#101828"])
def test_colours_stand_out_on_light_and_dark_pages(background: str) -> None:
    assert min(contrast(colour, background) for colour in COLOURS) >= 3
