"""The second method of the price classes: a mixture of three groups, named A, B and C by where their centres lie.

It knows no borders and no shares, so it says how far the rule's classes are there without the rule.
"""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from precision.shop import columns as col
from segments.methods import agreement
from segments.methods.agreement import Agreement
from segments.methods.clusters import mixture
from segments.methods.price_classes import LETTERS, PRICE_CLASS, PriceClassRule, measures
from segments.methods.price_features import ORDERS, POSITIONED_LINES

GROUPS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceGroups:
    """The customers with enough evidence, by the mixture."""

    customers: NDArray[np.int64]
    letters: NDArray[np.str_]
    """The most probable group of each, shape (customers,)."""
    membership: NDArray[np.float64]
    """Share in A, B and C, shape (customers, 3)."""
    centres: NDArray[np.float64]
    """Mean price position, buyer position and discount share of A, B and C, shape (3, 3)."""


def price_groups(
    features: nw.DataFrame[Any], rule: PriceClassRule, rng: np.random.Generator
) -> PriceGroups | None:
    """Return the groups of the customers with the evidence that the rule wants; None below `least_customers`.

    Gaussian mixture with diagonal covariances over the three measures, standardised. B is the group whose centre has
    the largest discount share, A that of the larger blended price position of the other two, C the last.
    """
    known = features.filter(nw.col(ORDERS) >= rule.least_orders, nw.col(POSITIONED_LINES) >= rule.least_lines)
    if len(known) < max(rule.least_customers, GROUPS):
        return None
    values = measures(known)
    found = mixture(values, k=GROUPS, rng=rng)
    sd = values.std(axis=0)
    centres = (found.centres - values.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    blend = (1 - rule.buyers_weight) * centres[:, 0] + rule.buyers_weight * centres[:, 1]
    b = int(np.argmax(centres[:, 2]))
    a, c = sorted((group for group in range(GROUPS) if group != b), key=lambda group: -blend[group])
    order = [a, b, c]
    membership = found.membership[:, order]
    return PriceGroups(
        customers=known[col.CUSTOMER].to_numpy(),
        letters=np.array(LETTERS)[membership.argmax(axis=1)],
        membership=membership,
        centres=found.centres[order],
    )


def agreement_with_rule(classes: nw.DataFrame[Any], groups: PriceGroups) -> Agreement:
    """Return how the rule's classes (rows) and the mixture's (columns) agree, over the customers with a class by both.

    `classes` comes from `price_classes.classify`; who is U there is left out.
    """
    rule = dict(zip(classes[col.CUSTOMER].to_list(), classes[PRICE_CLASS].to_list(), strict=True))
    letters = np.array([rule.get(customer, "U") for customer in groups.customers.tolist()], dtype="<U1")
    sure = letters != "U"
    return agreement.compare(letters[sure], groups.letters[sure], classes=LETTERS)
