"""Results of several models on one fold, as rows of a table: one row a model and group of customers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.results import NOBODY
from recommender.evaluation import metrics
from recommender.evaluation.compare import Difference, paired_bootstrap
from recommender.evaluation.groups import EVERYONE, Mask
from recommender.evaluation.metrics import Values
from recommender.evaluation.weighted import weighted_recall

ALL, NEW, WEIGHTED = "all", "new", "weighted"
"""Which purchases count as relevant: all of them, those of what the customer had not bought, or behaviour too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one model reached on one fold for one group; None where a figure is undefined."""

    model: str
    fold: int  # 0 is the latest
    which: str  # ALL, NEW or WEIGHTED
    group: str  # EVERYONE, “class:A”, “history:2-4”
    k: int
    customers: int  # with a relevant item: those of the means
    undefined: int  # judged customers without one
    recall: float | None
    ndcg: float | None = None
    map: float | None = None
    hit_rate: float | None = None
    coverage: float | None = None  # of the sellable catalogue, by the lists of the group
    novelty: float | None = None  # bits
    new_share: float | None = None
    baseline: str = ""  # the best baseline, chosen with hindsight
    gain: float | None = None  # recall above that baseline …
    gain_low: float | None = None  # … with its 95 % interval
    gain_high: float | None = None
    parts: dict[str, float | None] = field(default_factory=dict)  # WEIGHTED: recall of each kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The customers of a fold, and what they bought."""

    fold: int
    which: str
    relevant: csr_matrix  # (customers, products and unseen ones)
    rows: NDArray[np.int64]  # row of each customer in `bought`
    bought: csr_matrix  # (everybody, products) of the training
    sellable: NDArray[np.bool_]  # (products,)
    groups: Mapping[str, Mask] = field(default_factory=dict)  # beside EVERYONE


def rows(
    lists: Mapping[str, NDArray[np.integer[Any]]],
    judged: Judged,
    *,
    baselines: Collection[str],
    rng: np.random.Generator,
    samples: int = 1000,
    only: Collection[str] | None = None,
) -> list[Row]:
    """Return a row for each model of `lists` (or of `only`) and each group, models in their order, everyone first.

    Each list is (customers, k), column positions, -1 where it is short. `baselines` names some models of `lists`: the
    others are compared with the best of them, chosen anew for each group.

    Raises:
        ValueError: a baseline that has no list, lists of different lengths k, or not one list a judged customer.
    """
    _check(lists, judged, baselines)
    held = csr_matrix(judged.bought[judged.rows])
    told = {name: items for name, items in lists.items() if only is None or name in only}
    values = {
        name: {measure: of(items, judged.relevant) for measure, of in metrics.MEASURES.items()}
        | {"novelty": metrics.novelty(items, judged.bought), "new_share": metrics.new_share(items, held)}
        for name, items in told.items()
    }
    found = {
        name: values[name]["recall"] if name in values else metrics.recall(items, judged.relevant)
        for name, items in lists.items()
    }
    made = []
    for group, mask in {EVERYONE: np.ones(len(judged.rows), dtype=np.bool_), **judged.groups}.items():
        recalls = {name: each[mask] for name, each in found.items()}
        best = _best({name: recalls[name] for name in lists if name in set(baselines)})
        for name, items in told.items():
            means = {measure: metrics.mean(each[mask]) for measure, each in values[name].items()}
            figures: dict[str, Any] = {measure: each.value for measure, each in means.items()}
            against = None
            if best and name != best:
                against = paired_bootstrap(recalls[name], recalls[best], rng=rng, samples=samples)
            made.append(
                Row(
                    model=name, fold=judged.fold, which=judged.which, group=group, k=items.shape[1],
                    customers=means["recall"].customers, undefined=means["recall"].undefined,
                    coverage=metrics.coverage(items[mask], judged.sellable), baseline=best,
                    **figures, **_gain(against),
                )
            )  # fmt: skip
    return made


def first(items: NDArray[np.int32], k: int) -> NDArray[np.int32]:
    """Return the first k columns of some lists, -1 where there are fewer."""
    return np.pad(items[:, :k], ((0, 0), (0, max(0, k - items.shape[1]))), constant_values=NOBODY)


def sellable(ids: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which known products are among the ids for sale, then True for each of these that was never sold."""
    never_sold = len(np.setdiff1d(ids, known))
    return np.concatenate([np.isin(known, ids), np.ones(never_sold, dtype=np.bool_)])


def weighted_rows(
    lists: Mapping[str, NDArray[np.integer[Any]]], relevant: Mapping[str, csr_matrix], *, fold: int
) -> list[Row]:
    """Return a row of the weighted recall for each model, of everyone; none where nobody clicked or added to a cart."""
    behaviour = [wanted for kind, wanted in relevant.items() if kind != "orders"]
    if not any(wanted.nnz for wanted in behaviour):
        return []
    made = []
    for name, items in lists.items():
        found = weighted_recall(items, relevant)
        active = np.zeros(len(items), dtype=np.bool_)
        for wanted in relevant.values():
            active |= np.diff(wanted.indptr) > 0
        made.append(
            Row(
                model=name, fold=fold, which=WEIGHTED, group=EVERYONE, k=items.shape[1], customers=int(active.sum()),
                undefined=int((~active).sum()), recall=found.value, parts=found.of_kind,
            )
        )  # fmt: skip
    return made


def _best(recalls: Mapping[str, Values]) -> str:
    """Return the name of the highest mean; "" where there is none, or nobody to judge by."""
    means = {name: metrics.mean(values).value for name, values in recalls.items()}
    told = {name: value for name, value in means.items() if value is not None}
    return max(told, key=lambda name: told[name]) if told else ""


def _gain(found: Difference | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {"gain": found.difference, "gain_low": found.low, "gain_high": found.high}


def _check(lists: Mapping[str, NDArray[np.integer[Any]]], judged: Judged, baselines: Collection[str]) -> None:
    unknown = sorted(set(baselines) - set(lists))
    if unknown:
        raise ValueError(f"the baselines {', '.join(unknown)} have no list; there are {', '.join(lists)}")
    shapes = {name: items.shape for name, items in lists.items()}
    if len(set(shapes.values())) > 1 or any(shape[0] != len(judged.rows) for shape in shapes.values()):
        raise ValueError(
            f"the lists have the shapes {shapes}; wanted ({len(judged.rows)} judged customers, k), k the same in all"
        )
