"""May a model be shown? Only one that beats what is simpler, on customers and days that none had seen.

A challenger is promoted when

1. the paired-bootstrap interval of its difference from the best of popularity and the simple baselines lies above 0 as
   a whole, where "the best" is chosen with hindsight on the same customers: the hardest to beat; and
2. it is not worse than the champion of today: the interval of that difference reaches 0, and the mean is at most
   `tolerance` of the champion's below it, so that a row of small losses does not add up.

Where a model is judged in several ways, it has to win in one; in the others (`must_win=False`) it may just not be
worse: a mean at or above that of the best baseline is enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.evaluation.compare import Difference, paired_bootstrap

LEAST_CUSTOMERS = 30
"""With fewer the percentile interval is too narrow to be believed."""
TOLERANCE = 0.02

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `decide` found; `reason` says it in words, with the figures."""

    promoted: bool
    decidable: bool  # False: there were too few customers, so that nothing was found either way
    reason: str
    baseline: str  # name of the best baseline; "" where nobody has a value
    against_baseline: Difference | None  # None where undecidable
    against_champion: Difference | None  # None where there is no champion, or undecidable


def decide(
    challenger: Values,
    baselines: Mapping[str, Values],
    champion: Values | None = None,
    *,
    rng: np.random.Generator,
    least_customers: int = LEAST_CUSTOMERS,
    tolerance: float = TOLERANCE,
    must_win: bool = True,
    samples: int = 2000,
) -> Verdict:
    """Return whether the challenger may take the champion's place.

    Each array holds one value a customer, the same customers in the same order, higher is better; nan where the
    customer has no relevant item.

    Raises:
        ValueError: no baseline, arrays of different lengths, or values that are undefined for different customers: a
            model must not choose on whom it is judged.
    """
    if not baselines:
        raise ValueError("there is no baseline; wanted at least popularity to compare with")
    _check(challenger, {**baselines, **({} if champion is None else {"champion": champion})})
    defined = ~np.isnan(challenger)
    customers = int(defined.sum())
    best = max(baselines, key=lambda name: float(baselines[name][defined].mean())) if customers else ""
    if customers < max(least_customers, 2):
        return Verdict(
            promoted=False, decidable=False, baseline=best, against_baseline=None, against_champion=None,
            reason=f"Undecided: {_people(customers)} bought something in the held-out days; at least "
            f"{max(least_customers, 2)} are wanted.",
        )  # fmt: skip
    gain = paired_bootstrap(challenger, baselines[best], rng=rng, samples=samples)
    behind = None if champion is None else paired_bootstrap(challenger, champion, rng=rng, samples=samples)
    first = f"{_means(gain)} for {best}, the best baseline: {_interval(gain)}"
    even = not must_win and gain.difference is not None and gain.difference >= 0
    if not (gain.a_wins or even):
        clearly = gain.high is not None and gain.high < 0
        why = "it is worse than the baseline" if clearly else "the interval of the difference holds 0"
        return Verdict(
            promoted=False, decidable=True, reason=f"Refused: {first}; {why}.", baseline=best,
            against_baseline=gain, against_champion=behind,
        )  # fmt: skip
    second = "" if behind is None else f"; {_means(behind)} for the champion: {_interval(behind)}"
    second += "" if gain.a_wins else "; no win beyond chance, but not worse, which is enough here"
    worse = behind is not None and _worse(behind, tolerance)
    return Verdict(
        promoted=not worse, decidable=True, baseline=best, against_baseline=gain, against_champion=behind,
        reason=f"Refused: {first}{second}; it is worse than the champion." if worse
        else f"Promoted: {first}{second}.",
    )  # fmt: skip


def _worse(found: Difference, tolerance: float) -> bool:
    """Return whether the difference from the champion is a loss beyond chance, or beyond the tolerance."""
    if found.difference is None or found.high is None or found.mean_b is None:
        return False
    return found.high < 0 or found.difference < -tolerance * abs(found.mean_b)


def _means(found: Difference) -> str:
    return f"{found.mean_a:.4f} against {found.mean_b:.4f}"


def _interval(found: Difference) -> str:
    return (
        f"difference {found.difference:+.4f}, {found.level:.0%} interval {found.low:+.4f} to {found.high:+.4f}, "
        f"{_people(found.customers)}"
    )


def _people(count: int) -> str:
    return f"{count:,} customer" if count == 1 else f"{count:,} customers"


def _check(challenger: Values, others: Mapping[str, Values]) -> None:
    """Refuse values that cannot be compared."""
    if challenger.ndim != 1:
        raise ValueError(f"the challenger has the shape {challenger.shape}; wanted one value a customer")
    undefined = np.isnan(challenger)
    for name, values in others.items():
        if values.shape != challenger.shape:
            raise ValueError(
                f"{name} has the shape {values.shape}, the challenger {challenger.shape}; wanted the same customers"
            )
        if (np.isnan(values) != undefined).any():
            raise ValueError(
                f"{name} is undefined for other customers than the challenger; wanted nan only where a customer has "
                "no relevant item, which is the same for all"
            )
