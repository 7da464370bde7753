"""The second method of the price classes: three clusters, named A, B and C by where their centres lie.

They know no borders and no shares, so they say how far the rule's classes are there without the rule. k-means and not a
mixture of Gaussians: discount shares have a long tail, which a mixture makes a group of its own.
"""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from precision.shop import columns as col
from segments.methods import agreement
from segments.methods.agreement import Agreement
from segments.methods.clusters import kmeans, nearest
from segments.methods.price_classes import LETTERS, PRICE_CLASS, PriceClassRule, measures
from segments.methods.price_features import ORDERS, POSITIONED_LINES

CLUSTERS = len(LETTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceClusters:
    """The customers with enough evidence, by cluster."""

    customers: NDArray[np.int64]
    letters: NDArray[np.str_]
    """The cluster of each, shape (customers,)."""
    centres: NDArray[np.float64]
    """Mean price position, buyer position and discount share of A, B and C, shape (3, 3)."""


def price_clusters(
    features: nw.DataFrame[Any], rule: PriceClassRule, rng: np.random.Generator
) -> PriceClusters | None:
    """Return the clusters of the customers with the evidence that the rule wants.

    None below `least_people`, and where fewer than three of them differ. k-means over two axes, standardised: the
    blend of the two price positions by `buyers_weight`, and the discount share. B is the cluster of the largest mean
    discount share, A that of the larger blend of the other two, C the last.
    """
    enough = (nw.col(ORDERS) >= rule.least_orders) & (nw.col(POSITIONED_LINES) >= rule.least_lines)
    # Engines give rows in no particular order; the clusters must not depend on it.
    known = features.filter(enough).sort(col.CUSTOMER)
    if len(known) < max(rule.least_people, CLUSTERS):
        return None
    values = measures(known)
    sd = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.where(sd > 0, sd, 1.0)
    blend = (1 - rule.buyers_weight) * scaled[:, 0] + rule.buyers_weight * scaled[:, 1]
    axes = np.stack([blend, scaled[:, 2]], axis=1)
    if len(np.unique(axes, axis=0)) < CLUSTERS:
        return None
    found = kmeans(axes, ks=[CLUSTERS], rng=rng)
    b = int(np.argmax(found.centres[:, 1]))
    a, c = sorted((each for each in range(CLUSTERS) if each != b), key=lambda each: -found.centres[each, 0])
    names = np.empty(CLUSTERS, dtype="<U1")
    names[[a, b, c]] = LETTERS
    letters = names[nearest(axes, found.centres)]
    return PriceClusters(
        customers=known[col.CUSTOMER].to_numpy(),
        letters=letters,
        centres=np.stack([values[letters == letter].mean(axis=0) for letter in LETTERS]),
    )


def agreement_with_rule(classes: nw.DataFrame[Any], clusters: PriceClusters) -> Agreement:
    """Return how the rule's classes (rows) and the clusters (columns) agree, over the customers with a class by both.

    `classes` comes from `price_classes.classify` of the features that the clusters are made of; who is U there is left
    out.
    """
    customers = classes[col.CUSTOMER].to_numpy()
    order = np.argsort(customers)
    place = order[np.searchsorted(customers, clusters.customers, sorter=order)]
    letters = classes[PRICE_CLASS].to_numpy().astype("<U1")[place]
    sure = letters != "U"
    return agreement.compare(letters[sure], clusters.letters[sure], classes=LETTERS)
