"""What a chart is: a title that says what it shows, a Plotly figure, and the same numbers as a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

NOTHING: Final = "–"
Value = str | int | float | date | None
Number = int | float | None
Category = str | int | float | date


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of the table beside a chart."""

    title: str
    unit: str = ""
    places: int | None = None
    """Decimals of its numbers; None where it holds words or dates."""
    percent: bool = False
    """Shares of one, written as percentages."""

    @property
    def number(self) -> bool:
        """Whether it holds numbers."""
        return self.places is not None

    @property
    def header(self) -> str:
        """The title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def text(self, value: Value) -> str:
        """Return a value as the table writes it; a dash for None."""
        if value is None or value == "":
            return NOTHING
        if self.places is None or isinstance(value, str | date):
            return str(value)
        if self.percent:
            return f"{value:.{max(self.places, 0)}%}"
        small = 0 < abs(value) < 10**-self.places
        return f"{value:.2g}" if small else f"{value:,.{self.places}f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What an axis, a colour or an interval measures."""

    title: str
    unit: str = ""
    places: int = 0
    """Decimals that its numbers have in the table."""
    percent: bool = False
    """Shares of one, written as percentages."""
    log: bool = False
    """Equal steps are equal ratios; for what is above 0."""

    def column(self, title: str = "", *, words: bool = False) -> Column:
        """Return the column of its values, under another title if one is given."""
        unit = "" if self.percent else self.unit
        places = None if words else self.places
        return Column(title=title or self.title, unit=unit, places=places, percent=self.percent)

    @property
    def format(self) -> str:
        """How Plotly writes its values beside the pointer."""
        return f".{self.places}%" if self.percent else f",.{self.places}f"

    def layout(self, **more: Any) -> dict[str, Any]:
        """Return the axis as Plotly describes it."""
        unit = "" if self.percent or not self.unit else f" ({self.unit})"
        kind = {"type": "log"} if self.log else {}
        tick = {"tickformat": ".0%"} if self.percent else {}
        return {
            "title": {"text": f"{self.title}{unit}", "standoff": 12},
            "automargin": True,
            **kind,
            **tick,
            **more,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart; made by the functions of this package."""

    key: str
    """Names it on its page and in the name of its file: letters, digits and hyphens."""
    title: str
    figure: dict[str, Any] = field(repr=False)
    """`data` and `layout` of Plotly, as JSON values."""
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...] = field(repr=False)
    note: str = ""
    """How to read it, in a sentence or two."""
    empty: str = "There is nothing to draw."
    """Stands in its place when there are no numbers."""

    @property
    def drawable(self) -> bool:
        """Whether any number is known."""
        return any(
            column.number and value is not None
            for row in self.rows
            for column, value in zip(self.columns, row, strict=True)
        )

    @property
    def header(self) -> tuple[str, ...]:
        """The heads of the columns, with units."""
        return tuple(column.header for column in self.columns)

    def to_json(self) -> dict[str, Any]:
        """Return title, note, figure, and the table as header and rows, as JSON values."""
        rows = [[_plain(value) for value in row] for row in self.rows]
        return {
            "key": self.key, "title": self.title, "note": self.note, "figure": self.figure,
            "header": list(self.header), "rows": rows,
        }  # fmt: skip


def figure(title: str, data: Sequence[Mapping[str, Any]], **layout: Any) -> dict[str, Any]:
    """Return a Plotly figure; backgrounds are left to the page, which follows its theme."""
    return {
        "data": [_plain(trace) for trace in data],
        "layout": {
            "title": {"text": title},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hovermode": "closest",
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0},
            "margin": {"l": 56, "r": 16, "t": 32, "b": 48},
            **layout,
        },
    }


def same_length(wanted: int, series: Mapping[str, Sequence[Any]]) -> None:
    """Raise ValueError where a series has not one value for each place."""
    for name, values in series.items():
        if len(values) != wanted:
            raise ValueError(
                f"The series {name!r} has {len(values)} values for {wanted} places; give one each."
            )


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; days as ISO texts."""
    match value:
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
    return value
