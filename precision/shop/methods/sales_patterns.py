"""Whether two names sell the same way: what else is in their baskets, or in which weeks they sell.

Within one catalogue the *companions* tell: how often each other product stood in the same baskets, weighted by rarity,
log(1 + N / n), of N baskets n with that product; the pattern is the cosine of the two vectors without the pair itself.
Between two catalogues the *weeks* tell: the share of each week's units of the catalogue that the product has, over the
weeks in which both catalogues sold; the pattern is the correlation of the two series, 0 where it is negative. Undefined
is NaN here: fewer than LEAST_BASKETS baskets with companions, LEAST_WEEKS common weeks or LEAST_UNITS units.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

LEAST_BASKETS: Final = 5
LEAST_WEEKS: Final = 12
LEAST_UNITS: Final = 20

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def companions(held: sparse.csc_matrix, first: Integers, second: Integers) -> Floats:
    """Return the pattern of each pair (first, second) of columns of `held`, shape (pairs,), 0 to 1 or NaN.

    `held` tells which basket holds which product, ones in shape (baskets, products).
    """
    if not len(first):
        return np.empty(0)
    several = np.asarray(held.sum(axis=1)).ravel() > 1
    shared = held[several].tocsc()
    often = np.asarray(shared.sum(axis=0)).ravel()
    rarity = np.log1p(shared.shape[0] / np.maximum(often, 1))
    wanted, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    beside = (shared[:, wanted].T @ shared).tocsr() @ sparse.diags(rarity)
    beside = beside.tocsr()
    left, right = places[: len(first)], places[len(first) :]
    squares = np.asarray(beside.multiply(beside).sum(axis=1)).ravel()
    dots = np.asarray(beside[left].multiply(beside[right]).sum(axis=1)).ravel()
    # Neither itself nor the other of the pair is a companion.
    own = [np.asarray(beside[left, one]).ravel() for one in (first, second)]
    others = [np.asarray(beside[right, one]).ravel() for one in (first, second)]
    dots = dots - own[0] * others[0] - own[1] * others[1]
    lengths = (squares[left] - own[0] ** 2 - own[1] ** 2) * (squares[right] - others[0] ** 2 - others[1] ** 2)
    enough = (often[first] >= LEAST_BASKETS) & (often[second] >= LEAST_BASKETS) & (lengths > 0)
    cosine: Floats = np.divide(
        dots, np.sqrt(np.maximum(lengths, 0)), out=np.full(len(dots), np.nan), where=enough
    )
    return np.asarray(np.clip(cosine, 0, 1), dtype=np.float64)


def weeks(mine: Floats, theirs: Floats, first: Integers, second: Integers) -> Floats:
    """Return the pattern of each pair, `first` a row of `mine`, `second` of `theirs`; shape (pairs,), 0 to 1 or NaN.

    Both matrices hold units sold, shape (products, weeks), of the same weeks.
    """
    common = (mine.sum(axis=0) > 0) & (theirs.sum(axis=0) > 0)
    found = np.full(len(first), np.nan)
    if common.sum() < LEAST_WEEKS:
        return found
    sold = [units[:, common] for units in (mine, theirs)]
    shares = [units / units.sum(axis=0) for units in sold]
    for index, (one, other) in enumerate(zip(first, second, strict=True)):
        series = shares[0][one], shares[1][other]
        enough = sold[0][one].sum() >= LEAST_UNITS and sold[1][other].sum() >= LEAST_UNITS
        if enough and all(np.ptp(each) > 0 for each in series):
            found[index] = max(0.0, float(np.corrcoef(*series)[0, 1]))
    return found


def raised(score: Floats, pattern: Floats) -> Floats:
    """Return the scores with the pattern as further evidence: 1 − (1 − score)·(1 − pattern / 2); NaN adds none."""
    return 1 - (1 - score) * (1 - np.nan_to_num(pattern, nan=0.0) / 2)
