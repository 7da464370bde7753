"""The models of recommendations side by side, as charts."""

from collections.abc import Mapping, Sequence
from typing import Final

from precision import charts
from precision.charts import Axis, Chart, Interval, Point
from recommender.models import RecommendationQuality

NOT_COMPUTED: Final = "No model was judged."
MOST_BY_GROUP: Final = 4
Rows = Sequence[RecommendationQuality]


def above_baseline(rows: Rows) -> Chart:
    """Return by how much the recall of each model exceeds that of the best baseline; `rows` of one fold and group."""
    best = next((row.baseline for row in rows if row.baseline), "")
    return charts.forest(
        "above-baseline", f"Recall above that of {best or 'the best baseline'}", reference=0.0,
        x=Axis(title="recall above it", places=4), names=Axis(title="model"),
        intervals=[
            Interval(name=row.model, estimate=row.gain, low=row.gain_low, high=row.gain_high)
            for row in ranked(rows)
            if row.model != best
        ],
        note="On days that none had seen, with 95 % intervals (paired bootstrap over customers). The baseline is the "
        "best one, chosen with hindsight. Only what lies above 0 as a whole may be shown.",
        empty=NOT_COMPUTED,
    )  # fmt: skip


def by_fold(rows: Rows) -> Chart:
    """Return the recall of each model on each fold; `rows` of one group."""
    folds = sorted({(row.fold, row.cut_day) for row in rows})
    at = [
        row.model
        for row in ranked([row for row in rows if row.fold == min((f for f, _ in folds), default=0)])
    ]
    found = {(row.model, row.fold): row.recall for row in rows}
    return charts.bars(
        "by-fold", "Recall on each fold", x=Axis(title="model"), y=Axis(title="recall", places=4), at=at,
        series={f"from {day:%Y-%m-%d}": [found.get((model, fold)) for model in at] for fold, day in folds},
        note="A model that is better on one fold only may have been lucky with a season.", empty=NOT_COMPUTED,
    )  # fmt: skip


def by_group(rows: Rows, *, kind: str, title: str) -> Chart:
    """Return the recall of the best models for each group of a kind (“class”, “history”); `rows` of one fold."""
    everyone = ranked([row for row in rows if row.group == "all"])
    models = [row.model for row in everyone[:MOST_BY_GROUP]]
    groups = sorted({row.group for row in rows if row.group.startswith(f"{kind}:")}, key=_place)
    found = {(row.model, row.group): row.recall for row in rows}
    return charts.bars(
        f"by-{kind}", title, x=Axis(title=kind), y=Axis(title="recall", places=4),
        at=[group.partition(":")[2] for group in groups],
        series={model: [found.get((model, group)) for group in groups] for model in models}, empty=NOT_COMPUTED,
    )  # fmt: skip


def breadth(rows: Rows) -> Chart:
    """Return how much of the catalogue each model shows against what it finds; `rows` of one fold and group."""
    points: Mapping[str, Sequence[Point]] = {
        "models": [
            Point(x=row.coverage, y=row.recall, name=row.model)
            for row in rows
            if row.coverage is not None and row.recall is not None
        ]
    }
    return charts.scatter(
        "breadth", "What is found against how much of the catalogue is shown", groups=points, named=True,
        x=Axis(title="share of the catalogue in some list", percent=True, places=1),
        y=Axis(title="recall", places=4),
        note="Popularity shows everybody the same few products. Further right more of the catalogue gets a chance.",
        empty=NOT_COMPUTED,
    )  # fmt: skip


def ranked(rows: Rows) -> list[RecommendationQuality]:
    """Return the rows by recall, the highest first, unknown last."""
    return sorted(rows, key=lambda row: (row.recall is None, -(row.recall or 0.0), row.model))


def _place(group: str) -> tuple[int, str]:
    """Return what puts groups in order: histories by their least length, classes by letter."""
    name = group.partition(":")[2]
    digits = name.rstrip("+").partition("-")[0]
    return (int(digits) if digits.isdigit() else 0, name)
