"""What customers will be worth: expected orders (BG/NBD) times expected value of an order (gamma-gamma).

An order here is a day with one: two baskets of a day are one purchase. The value of an order is what was paid for it,
before anything was taken back; the first one of each customer is left out of the means, as the models have it.

**Intervals** come from a bootstrap of customers: resamples with replacement, both models fitted anew to each, from the
maximum of the whole. The 95 % interval of a figure is estimate ± 1.96 standard errors on a scale without borders (the
logit of a chance, the logarithm of a number), the standard error being carried over from the covariance of the
resampled parameters to first order. It covers how well the shop's parameters are known, not how the one customer's
luck turns out: actual orders of one person spread far more. Beyond MOST_RESAMPLED customers a resample has that many,
and deviations shrink by the root of the ratio (the m out of n bootstrap: Bickel, Götze, van Zwet 1997).

**Without the models** (fewer than LEAST_REPEATERS people came back, or a likelihood has no inner maximum) a plain mean
stands in: orders at the rate (x + k λ) / (T + k), λ being the shop's repeat orders per customer-day and k =
PRIOR_DAYS, and the mean value of the shop's orders. It knows no chance of being alive and no interval.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from segments.methods import purchases, spend
from segments.methods.purchases import NotFittedError, Purchases
from segments.methods.spend import Spend

LEAST_REPEATERS: Final = 100
MOST_RESAMPLED: Final = 10_000
ROUNDS: Final = 100
TOLERANCE: Final = 1e-9
"""Of the fits to resamples: the log-likelihood of ten thousand customers is off by some 0.0001."""
PRIOR_DAYS: Final = 365.0
Z: Final = 1.959964
"""Standard errors to either side of a 95 % interval."""
STEP: Final = 1e-4
"""Of the central differences, in logarithms of parameters."""

Floats = NDArray[np.float64]


class Reason(StrEnum):
    """Why figures are plain means, or missing."""

    TOO_FEW = "too_few_came_back"
    NO_MAXIMUM = "no_maximum"
    NOBODY = "nobody_came_back"


REASONS: Final = {
    "": "",
    Reason.TOO_FEW: f"Fewer than {LEAST_REPEATERS} customers came back: plain means stand in for the models.",
    Reason.NO_MAXIMUM: "The likelihood has no maximum: plain means stand in for the models.",
    Reason.NOBODY: "Nobody has come back yet: there is nothing to expect orders from.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyers:
    """The history of customers, arrays of shape (customers,)."""

    repeats: Floats
    """Orders, the first one not counted."""
    recency: Floats
    """Days from the first order to the last."""
    age: Floats
    """Days from the first order to the as-of date, at least 1."""
    valued: Floats
    """Repeat orders of a value above 0."""
    mean: Floats
    """Their mean value; 0 where there is none."""

    def taken(self, rows: NDArray[Any]) -> "Buyers":
        """Return some of them."""
        return Buyers(
            repeats=self.repeats[rows], recency=self.recency[rows], age=self.age[rows],
            valued=self.valued[rows], mean=self.mean[rows],
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueModel:
    """All that the value of a customer is computed with, beside the customer's own history."""

    purchases: Purchases | None
    spend: Spend | None
    covariance: tuple[tuple[float, ...], ...] | None
    """Of ln(r, α, a, b, p, q, v) over the resamples; None: no interval."""
    rounds: int
    """Resamples that both models could be fitted to."""
    daily_repeats: float
    """Repeat orders per customer and day."""
    order_value: float | None
    """Mean value of the shop's repeat orders; None: there is none above 0."""
    reason: str = ""
    """Empty, or one of Reason: the plain means count."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the model that `to_json` wrote."""
        bought, spent, spread = values["purchases"], values["spend"], values["covariance"]
        given = {
            "purchases": Purchases(**bought) if bought else None,
            "spend": Spend(**spent) if spent else None,
            "covariance": tuple(map(tuple, spread)) if spread else None,
        }
        return cls(**{**values, **given})


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is expected of customers, arrays of shape (customers,); NaN where it is not defined."""

    alive: Floats
    alive_low: Floats
    alive_high: Floats
    orders: Floats
    orders_low: Floats
    orders_high: Floats
    order_value: Floats
    value: Floats
    value_low: Floats
    value_high: Floats


def fit(buyers: Buyers, rng: np.random.Generator, *, rounds: int = ROUNDS) -> ValueModel:
    """Return the model of a shop's customers, with `rounds` resamples behind its intervals."""
    came_back, valued = buyers.repeats > 0, buyers.valued > 0
    days = float(buyers.age.sum())
    plain: dict[str, Any] = {
        "daily_repeats": float(buyers.repeats.sum()) / days if days else 0.0,
        "order_value": float(np.dot(buyers.valued, buyers.mean) / buyers.valued.sum())
        if valued.any()
        else None,
    }
    without: dict[str, Any] = {"purchases": None, "spend": None, "covariance": None, "rounds": 0, **plain}
    if came_back.sum() < LEAST_REPEATERS or valued.sum() < LEAST_REPEATERS:
        few = Reason.TOO_FEW if came_back.any() else Reason.NOBODY
        return ValueModel(**without, reason=str(few))
    try:
        # Thousands of small products: threads of BLAS would only wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            bought = purchases.fit(buyers.repeats, buyers.recency, buyers.age)
            spent = spend.fit(buyers.valued[valued], buyers.mean[valued])
            moved = _resampled(buyers, bought, spent, rng, rounds=rounds)
    except NotFittedError:
        return ValueModel(**without, reason=str(Reason.NO_MAXIMUM))
    # Fewer resamples than twice the parameters tell no covariance.
    told = np.cov(moved, rowvar=False) if len(moved) >= 14 else None
    spread = None if told is None else tuple(tuple(row) for row in told.tolist())
    return ValueModel(purchases=bought, spend=spent, covariance=spread, rounds=len(moved), **plain)


def forecast(model: ValueModel, buyers: Buyers, *, days: float) -> Forecast:
    """Return what is expected of each customer within `days` of the as-of date of the histories."""
    unknown = np.full(len(buyers.repeats), np.nan)
    if model.purchases is None or model.spend is None:
        rate = (buyers.repeats + PRIOR_DAYS * model.daily_repeats) / (buyers.age + PRIOR_DAYS)
        orders = unknown if model.daily_repeats == 0 else rate * days
        each = unknown if model.order_value is None else np.full_like(unknown, model.order_value)
        return Forecast(
            alive=unknown, alive_low=unknown, alive_high=unknown, orders=orders, orders_low=unknown,
            orders_high=unknown, order_value=each, value=orders * each, value_low=unknown, value_high=unknown,
        )  # fmt: skip
    alive, orders, each = _figures(model.purchases, model.spend, buyers, days=days)
    wide = dict.fromkeys(("alive", "orders", "value"), unknown)
    if model.covariance is not None:
        wide = _errors(model, buyers, days=days)
    chance = logit(np.clip(alive, 1e-12, 1 - 1e-12))
    certain = alive >= 1  # nothing to vary: by the model nobody leaves before a second order
    return Forecast(
        alive=alive,
        alive_low=np.where(certain, 1.0, expit(chance - Z * wide["alive"])),
        alive_high=np.where(certain, 1.0, expit(chance + Z * wide["alive"])),
        orders=orders,
        orders_low=orders * np.exp(-Z * wide["orders"]),
        orders_high=orders * np.exp(Z * wide["orders"]),
        order_value=each,
        value=orders * each,
        value_low=orders * each * np.exp(-Z * wide["value"]),
        value_high=orders * each * np.exp(Z * wide["value"]),
    )


def _figures(
    bought: Purchases, spent: Spend, buyers: Buyers, *, days: float
) -> tuple[Floats, Floats, Floats]:
    """Return chance of being alive, expected orders and expected value of an order."""
    alive = bought.alive(buyers.repeats, buyers.recency, buyers.age)
    orders = bought.predicted(days, buyers.repeats, buyers.recency, buyers.age)
    return alive, orders, spent.expected(buyers.valued, buyers.mean)


def _errors(model: ValueModel, buyers: Buyers, *, days: float) -> dict[str, Floats]:
    """Return the standard errors of logit(alive), ln(orders) and ln(value), from the slopes in each parameter."""
    assert model.purchases is not None
    assert model.spend is not None
    bought, spent = model.purchases, model.spend

    def scaled(logs: Floats) -> tuple[Floats, Floats, Floats]:
        alive, orders, each = _figures(bought.moved(logs[:4]), spent.moved(logs[4:]), buyers, days=days)
        return logit(np.clip(alive, 1e-12, 1 - 1e-12)), _log(orders), _log(orders) + _log(each)

    slopes = _slopes(scaled, np.concatenate([bought.logs(), spent.logs()]))
    covariance = np.array(model.covariance)
    variances = [np.einsum("ki,kl,li->i", slope, covariance, slope, optimize=True) for slope in slopes]
    return dict(
        zip(("alive", "orders", "value"), (np.sqrt(np.maximum(each, 0)) for each in variances), strict=True)
    )


def _slopes(figures: Callable[[Floats], tuple[Floats, ...]], logs: Floats) -> list[Floats]:
    """Return the derivatives of each figure in the parameters, each of shape (parameters, customers)."""
    steps = np.eye(len(logs)) * STEP
    ends = [(figures(logs + step), figures(logs - step)) for step in steps]
    count = len(ends[0][0])
    return [np.array([(up[k] - down[k]) / (2 * STEP) for up, down in ends]) for k in range(count)]


def _resampled(
    buyers: Buyers, bought: Purchases, spent: Spend, rng: np.random.Generator, *, rounds: int
) -> Floats:
    """Return the logarithms of the seven parameters for each resample that has a maximum, shape (rounds, 7)."""
    total = len(buyers.repeats)
    size = min(total, MOST_RESAMPLED)
    found = []
    for _ in range(rounds):
        rows, counts = np.unique(rng.integers(0, total, size), return_counts=True)
        part, weights = buyers.taken(rows), counts.astype(np.float64)
        valued = part.valued > 0
        try:
            one = purchases.fit(
                part.repeats, part.recency, part.age, weights=weights, start=bought, tolerance=TOLERANCE
            )
            two = spend.fit(
                part.valued[valued],
                part.mean[valued],
                weights=weights[valued],
                start=spent,
                tolerance=TOLERANCE,
            )
        except NotFittedError:
            continue
        found.append(np.concatenate([one.logs(), two.logs()]))
    centre = np.concatenate([bought.logs(), spent.logs()])
    moved = np.array(found).reshape(-1, len(centre)) - centre
    return np.asarray(centre + moved * np.sqrt(size / total))


def _log(values: Floats) -> Floats:
    """Return the logarithm; NaN where it is not defined."""
    return np.log(np.where(values > 0, values, np.nan))
