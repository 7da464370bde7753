"""How predictions of orders fared on time that they had not seen."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

DECILES: Final = 10
Floats = NDArray[np.float64]


def calibration(predicted: Floats, actual: Floats) -> list[dict[str, Any]]:
    """Return tenths of the customers by prediction, the lowest first: `customers`, mean `predicted` and `actual`.

    Equal predictions may fall into two tenths; those keep the order of the arrays. Fewer customers than ten make as
    many groups as there are.
    """
    order = np.argsort(predicted, kind="stable")
    parts = [part for part in np.array_split(order, DECILES) if len(part)]
    return [
        {
            "customers": len(part),
            "predicted": float(predicted[part].mean()),
            "actual": float(actual[part].mean()),
        }
        for part in parts
    ]


def auc(predicted: Floats, happened: NDArray[np.bool_]) -> float | None:
    """Return the share of pairs, one who did and one who did not, that the prediction puts in order; ties half.

    None where everybody or nobody did.
    """
    yes = int(happened.sum())
    no = len(happened) - yes
    if not yes or not no:
        return None
    ranks = rankdata(predicted)
    return float((ranks[happened].sum() - yes * (yes + 1) / 2) / (yes * no))


def judged(predicted: Floats, actual: Floats, plain: Floats) -> dict[str, Any]:
    """Return totals, mean absolute error, AUC of ordering at all and calibration; `plain` is the rival prediction."""
    return {
        "customers": len(actual),
        "predicted": float(predicted.sum()),
        "actual": float(actual.sum()),
        "mean_absolute_error": float(np.abs(predicted - actual).mean()) if len(actual) else None,
        "plain_predicted": float(plain.sum()),
        "plain_mean_absolute_error": float(np.abs(plain - actual).mean()) if len(actual) else None,
        "auc": auc(predicted, actual > 0),
        "plain_auc": auc(plain, actual > 0),
        "deciles": calibration(predicted, actual),
    }
