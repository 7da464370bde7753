"""Clusters in words: what sets one apart from everybody."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

DEGREES: Final = ((1.5, "far"), (0.75, "clearly"), (0.0, "somewhat"))
"""Standard deviations between the means of cluster and everybody from which a word counts."""


def name(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return a short name from the figures that set a cluster apart, the strongest first."""
    parts = [f"{'high' if each['deviations'] > 0 else 'low'}: {each['title']}" for each in figures[:2]]
    return "; ".join(parts) or "like everybody"


def description(figures: Sequence[Mapping[str, Any]]) -> str:
    """Return sentences on the same figures: which way and how far, with the means of cluster and everybody."""
    if not figures:
        return "Close to the mean of everybody in all variables."
    parts = [
        f"{each['title']} {_degree(each['deviations'])} {'above' if each['deviations'] > 0 else 'below'} the mean "
        f"({_figure(each['mean'])} against {_figure(each['everyone'])})"
        for each in figures
    ]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _degree(deviations: float) -> str:
    return next(word for least, word in DEGREES if abs(deviations) >= least)


def _figure(value: float | None) -> str:
    if value is None:
        return "not known"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
