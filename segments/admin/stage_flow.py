"""Charts and tables of stock and flow: how many customers each stage of the life cycle gained and lost."""

from collections.abc import Sequence
from typing import Any, Final

from precision.charts import Axis, Chart, flow, lines
from precision.engine.models import Run
from precision.shop.admin.reports import Cell, Table, count, headers
from segments.lifecycle import told
from segments.lifecycle.flow import StageWeek
from segments.lifecycle.stages import NEW, Stage
from segments.lifecycle.words import WORDS, title

FILE: Final = "stock-and-flow"
"""Name of the table's file."""


def stock_chart(found: Sequence[StageWeek]) -> Chart:
    """Return how many customers each stage had at the end of each week."""
    weeks = list(dict.fromkeys(line.week for line in found))
    return lines(
        "stock", "Customers in each stage at the end of the week", x=Axis(title="week"),
        y=Axis(title="customers"), at=weeks,
        series={title(stage): [line.closing for line in found if line.stage == stage] for stage in Stage},
        empty="No week yet.",
    )  # fmt: skip


def flow_chart(found: Sequence[StageWeek], stage: Stage) -> Chart:
    """Return who came into a stage and who left it in each week, by the other stage."""
    weeks = [line for line in found if line.stage == stage]
    sources = [key for key in (NEW, *Stage) if any(key in line.entries for line in weeks)]
    goals = [key for key in Stage if any(key in line.exits for line in weeks)]
    return flow(
        "flow", f"Into and out of {title(stage)}", x=Axis(title="week"), y=Axis(title="customers"),
        at=[line.week for line in weeks],
        entries={title(key): [line.entries.get(key, 0) for line in weeks] for key in sources},
        exits={title(key): [line.exits.get(key, 0) for line in weeks] for key in goals},
        empty="Nobody came or left.",
    )  # fmt: skip


HEAD = (
    "week", "stage", "opening", *(f"from {title(key)}" for key in (NEW, *Stage)),
    *(f"to {title(key)}" for key in Stage), "closing",
)  # fmt: skip


def row(line: StageWeek) -> list[Any]:
    """Return the values of one stage and week, as HEAD names them."""
    return [
        line.week, title(line.stage), line.opening, *(line.entries.get(key, 0) for key in (NEW, *Stage)),
        *(line.exits.get(key, 0) for key in Stage), line.closing,
    ]  # fmt: skip


def table(found: Sequence[StageWeek]) -> Table:
    """Return opening, entries, exits and closing, the latest week first."""
    found_rows = [row(line) for line in sorted(found, key=lambda line: line.week, reverse=True)]
    return Table(
        title="Opening + entries − exits = closing",
        headers=headers("week", "stage", numbers=HEAD[2:]),
        rows=[[Cell(text=values[0]), Cell(text=values[1]), *map(count, values[2:])] for values in found_rows],
        file=FILE,
        empty="No week yet.",
    )


def stage_table() -> Table:
    """Return what the stages mean."""
    return Table(
        title="Stages",
        headers=headers("stage", "who is in it", "model", "action"),
        rows=[
            [Cell(text=each.title), Cell(text=each.who), Cell(text=each.model), Cell(text=each.action)]
            for each in WORDS.values()
        ],
    )


def intro(run: Run) -> str:
    """Return what the figures rest on, in two sentences."""
    limits = told.limits(run)
    start = f"As of {run.as_of}, by version {run.parameters['rule']['version']} of the rule (0: built in)."
    if not limits.get("gaps"):
        return start
    return (
        f"{start} Of the {limits['gaps']:,} gaps that ended in the last {limits['days']} days, "
        f"{limits['within_retention']:.1%} were within the own limit ({run.parameters['rule']['retention_share']:.0%} "
        f"wanted) and {limits['within_win_back']:.1%} within that of win-back."
    )
