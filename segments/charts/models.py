"""What the models of a target reached, what moves its chance, and what those who did it had in common, as charts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from precision import charts
from precision.charts import Axis, Chart, Interval

NOT_TRAINED: Final = "Nothing was trained."
MOST: Final = 15


def above_baseline(measures: Mapping[str, Any], words: Mapping[str, str]) -> Chart:
    """Return by how much each way exceeds one feature alone on the held-out date; `words` names the ways."""
    against = measures.get("against_baseline", {})
    return charts.forest(
        "above-one-feature", "Area under the curve above that of one feature alone",
        x=Axis(title="AUC above one feature", places=3), names=Axis(title="way"), reference=0.0,
        intervals=[
            Interval(name=words.get(name, name), estimate=each["value"], low=each["low"], high=each["high"])
            for name, each in sorted(against.items(), key=lambda item: -item[1]["value"])
        ],
        note="On time that none had seen, with 95 % intervals (paired bootstrap). Only what lies above 0 may be used.",
        empty=NOT_TRAINED,
    )  # fmt: skip


def importance(weights: Mapping[str, float], words: Mapping[str, str]) -> Chart:
    """Return the features that move the log odds most on average; `words` names the features."""
    ranked = [(name, weight) for name, weight in sorted(weights.items(), key=lambda item: -item[1]) if weight]
    return charts.bars(
        "importance", "What moves the chance", horizontal=True, x=Axis(title="feature"),
        y=Axis(title="mean change of the log odds", places=3),
        at=[words.get(name, name) for name, _ in ranked[:MOST]],
        series={"weight": [weight for _, weight in ranked[:MOST]]}, empty=NOT_TRAINED,
    )  # fmt: skip


def common(patterns: Sequence[Mapping[str, Any]]) -> Chart:
    """Return the features in which those who did it differ from the others, in standard deviations."""
    return charts.forest(
        "patterns", "What those who did it had in common beforehand", reference=0.0,
        x=Axis(title="difference", unit="standard deviations", places=2), names=Axis(title="feature"),
        intervals=[
            Interval(name=each["words"], estimate=each["d"], low=each["low"], high=each["high"])
            for each in patterns[:MOST]
        ],
        note="Right of 0: more of it than the others. The intervals hold for all features together.",
        empty="They differ from the others in nothing that is told.",
    )  # fmt: skip


def odds_ratios(report: Mapping[str, Any] | None, reason: str) -> Chart:
    """Return the odds ratios of the regression with their intervals; `reason` says why there is none."""
    rows = [each for each in (report or {}).get("coefficients", ()) if each["name"] != "constant"]
    return charts.forest(
        "odds-ratios", "Logistic regression: odds ratios of one standard deviation more", reference=1.0,
        x=Axis(title="odds ratio", places=2, log=True), names=Axis(title="feature"),
        intervals=[
            Interval(name=each["words"], estimate=each["odds_ratio"], low=each["low"], high=each["high"])
            for each in rows
        ],
        note="95 % intervals of Wald. Each variable stands for a cluster of correlated ones.",
        empty=reason or NOT_TRAINED,
    )  # fmt: skip
