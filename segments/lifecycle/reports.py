"""The logistic regression of a target as a statistician reads it: few variables, each for one thing."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segments.lifecycle import features
from segments.methods import learners, logit
from segments.methods.reduction import variable_clusters

Floats = NDArray[np.float64]
MOST_VARIABLES: Final = 12
"""Coefficients that a person reads."""
LEAST_GIVEN: Final = 0.5
"""Share of the rows that must have a value of a variable of the report."""


def statistics(table: Floats, responses: NDArray[np.bool_]) -> tuple[dict[str, Any] | None, str]:
    """Return the report of a logistic regression on a few variables, and why there is none.

    Variables are the representatives of clusters of correlated ones, prepared as in `learners`, so that each
    coefficient is for one standard deviation of the signed logarithm.
    """
    names = np.array(list(features.WORDS))
    given = np.isfinite(table).mean(axis=0) >= LEAST_GIVEN
    prepared = learners.preparation(table).apply(table)
    usable = np.flatnonzero(given & (prepared.std(axis=0) > 0))
    if len(usable) < 2:
        return None, "Fewer than two features differ between the customers."
    correlation = np.asarray(np.corrcoef(prepared[:, usable], rowvar=False))
    clusters = variable_clusters(correlation, names=list(names[usable]))
    chosen = [cluster.representative for cluster in clusters]
    signal = {
        name: abs(float(np.corrcoef(prepared[:, list(names).index(name)], responses)[0, 1]))
        for name in chosen
    }
    chosen = sorted(chosen, key=lambda name: -signal[name])[:MOST_VARIABLES]
    columns = [list(names).index(name) for name in chosen]
    try:
        found = logit.fit(prepared[:, columns], responses, names=chosen)
    except logit.NotFittedError as error:
        return None, str(error)
    subset = chosen[len(chosen) // 2 :]
    try:
        weaker = logit.subset_test(prepared[:, columns], responses, names=chosen, subset=subset)
    except (logit.NotFittedError, ValueError):
        weaker = None
    return _as_data(found, weaker, subset), ""


def _as_data(found: logit.Report, weaker: logit.Test | None, subset: list[str]) -> dict[str, Any]:
    """Return the report as JSON values."""

    def test(each: logit.Test | None) -> dict[str, Any] | None:
        return None if each is None else {"statistic": each.statistic, "degrees": each.degrees, "p": each.p}

    return {
        "rows": found.rows,
        "positives": found.positives,
        "coefficients": [
            {
                "name": each.name, "words": features.WORDS.get(each.name, each.name), "estimate": each.estimate,
                "error": each.error, "wald": each.wald, "p": each.p, "odds_ratio": each.odds_ratio,
                "low": each.low, "high": each.high,
            }
            for each in found.coefficients
        ],
        "likelihood_ratio": test(found.likelihood_ratio),
        "score": test(found.score),
        "wald": test(found.wald),
        "subset": {"names": subset, "test": test(weaker)},
        "minus_2_log_likelihood": [-2 * found.log_likelihood_null, -2 * found.log_likelihood],
        "aic": found.aic,
        "sbc": found.sbc,
        "c": found.pairs.c,
        "concordant": found.pairs.concordant,
        "discordant": found.pairs.discordant,
        "tied": found.pairs.tied,
    }  # fmt: skip
