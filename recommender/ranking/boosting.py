"""One booster over pairs: learned to order the pairs of each customer, or to tell how likely each is bought.

LightGBM (Ke and others 2017) with LambdaRank (Burges 2010), whose gradient is the change of NDCG that swapping two
items makes, or with the log loss. Its scores become chances by a logistic line (Platt 1999), so that those of two
boosters can be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import lightgbm
import numpy as np
from lightgbm import Booster
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from recommender.ranking.features import Table

RANKING: Final = "lambdarank"
BINARY: Final = "binary"
TRUNCATION = 40  # pairs further down than twice the list teach nothing
FIRM = 1e6  # next to no ridge on the two numbers of the line
SCREENING = 10  # trees that choose what all trees look at
GAP = 1e-3  # log odds between the last pair that passed and the first that did not
FARTHEST = 14.0  # log odds of one in a million: a chance is never 1 in float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How a booster learns."""

    objective: str = RANKING
    trees: int = 100
    leaves: int = 31
    learning_rate: float = 0.08
    least_rows: int = 50
    """Pairs in a leaf at least."""

    def parameters(self, *, seed: int) -> dict[str, Any]:
        """LightGBM's names; one thread and a fixed order, so that the same rows give the same trees."""
        return {
            "objective": self.objective, "num_leaves": self.leaves, "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.least_rows, "feature_fraction": 0.5, "bagging_fraction": 0.8,
            "bagging_freq": 1, "lambda_l2": 5.0, "lambdarank_truncation_level": TRUNCATION, "seed": seed,
            "deterministic": True, "force_row_wise": True, "num_threads": 1, "verbosity": -1,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Examples:
    """Pairs with their answer; the pairs of one customer stand together."""

    values: NDArray[np.float32]  # (pairs, features)
    bought: NDArray[np.bool_]  # (pairs,)
    groups: NDArray[np.int64]  # pairs of each customer in turn, all above 0

    def __len__(self) -> int:
        return len(self.bought)


@dataclass(frozen=True, slots=True)
class Boosted:
    """A booster that has learned, and the line that makes its scores log odds."""

    booster: Booster
    names: tuple[str, ...]
    setting: Setting
    slope: float = 1.0
    constant: float = 0.0

    def scores(self, table: Table, *, trees: int | None = None) -> NDArray[np.float64]:
        """The log odds of each pair by all trees or the first few, finite.

        Raises:
            ValueError: the table has other features than those that were learned from.
        """
        if table.names != self.names:
            missing, further = set(self.names) - set(table.names), set(table.names) - set(self.names)
            raise ValueError(
                f"the features differ from those learned: {sorted(missing)} are missing, {sorted(further)} are "
                "new (or their order changed); let the ranker be learned anew"
            )
        if not len(table.pairs):
            return np.zeros(0)
        raw = self.booster.predict(table.values, raw_score=True, num_threads=1, num_iteration=trees)
        line = self.constant + self.slope * np.nan_to_num(np.asarray(raw, dtype=np.float64))
        return np.clip(line, -FARTHEST, FARTHEST)

    def calibrated(self, table: Table, bought: NDArray[np.bool_]) -> "tuple[Boosted, NDArray[np.float64]]":
        """The same with the line that fits pairs it did not learn from, and the log odds of these pairs by it.

        It stays as it is where all answers are one.
        """
        plain = replace(self, slope=1.0, constant=0.0)
        scores = plain.scores(table)
        if not len(scores) or bought.all() or not bought.any():
            return plain, scores
        line = LogisticRegression(C=FIRM).fit(scores[:, None], bought)
        slope, constant = float(line.coef_[0, 0]), float(line.intercept_[0])
        if not (np.isfinite(slope) and slope > 0):
            return plain, scores
        odds = np.clip(constant + slope * scores, -FARTHEST, FARTHEST)
        return replace(self, slope=slope, constant=constant), odds

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as JSON values."""
        return {
            "trees": self.booster.model_to_string(), "names": list(self.names),
            "setting": asdict(self.setting), "slope": self.slope, "constant": self.constant,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Committee:
    """One booster, or several whose log odds are averaged."""

    members: tuple[Boosted, ...]

    def log_odds(self, table: Table) -> NDArray[np.float64]:
        """The mean log odds of each pair by all trees of all members."""
        return np.asarray(np.mean([each.scores(table) for each in self.members], axis=0))

    def screened(self, table: Table, *, n: int) -> NDArray[np.float64]:
        """`log_odds` of the n best pairs of each customer by the first trees; the others stand below these.

        The first SCREENING trees of the first member know nearly everything of what has no chance, at a tenth of the
        cost. What they turn down keeps their order.
        """
        first = self.members[0].scores(table, trees=SCREENING)
        pairs = table.pairs
        order = np.lexsort((pairs.item, -first, pairs.row))
        starts = np.concatenate(([0], np.cumsum(pairs.lengths)))
        kept = np.zeros(len(pairs), dtype=np.bool_)
        kept[order[np.arange(len(pairs)) - starts[pairs.row] < n]] = True
        odds = self.log_odds(table.kept(kept))
        lowest = np.full(pairs.rows, np.inf)
        np.minimum.at(lowest, pairs.row[kept], odds)
        highest = np.full(pairs.rows, -np.inf)
        np.maximum.at(highest, pairs.row[~kept], first[~kept])
        scores = np.empty(len(pairs))
        scores[kept] = odds
        row = pairs.row[~kept]
        scores[~kept] = lowest[row] - GAP + first[~kept] - highest[row]
        return scores

    def importance(self, *, most: int = 20) -> dict[str, float]:
        """The share of the gain of each feature over the members, the most important first."""
        shares = np.zeros(len(self.members[0].names))
        for each in self.members:
            gain = np.asarray(each.booster.feature_importance("gain"), dtype=np.float64)
            shares += gain / max(gain.sum(), 1e-12) / len(self.members)
        best = np.argsort(-shares, kind="stable")[:most]
        return {self.members[0].names[at]: round(float(shares[at]), 4) for at in best}

    def state(self) -> list[dict[str, Any]]:
        """All that `restore` needs, as JSON values."""
        return [each.state() for each in self.members]


def restore(state: Sequence[Mapping[str, Any]]) -> Committee:
    """Return what `state` was taken from."""
    return Committee(
        tuple(
            Boosted(
                booster=Booster(model_str=each["trees"]), names=tuple(each["names"]),
                setting=Setting(**each["setting"]), slope=each["slope"], constant=each["constant"],
            )
            for each in state
        )
    )  # fmt: skip


def examples(
    parts: Sequence[tuple[Table, NDArray[np.bool_]]], *, share: float, rng: np.random.Generator
) -> Examples:
    """All bought pairs of some tables and a random `share` of the others, customers without one left out."""
    values, bought, groups = [], [], []
    for table, answers in parts:
        kept = answers | (rng.random(len(answers)) < share)
        lengths = np.bincount(table.pairs.row[kept], minlength=table.pairs.rows)
        values.append(table.values[kept])
        bought.append(answers[kept])
        groups.append(lengths[lengths > 0])
    return Examples(
        values=np.concatenate(values), bought=np.concatenate(bought),
        groups=np.concatenate(groups).astype(np.int64),
    )  # fmt: skip


def learn(
    known: Examples, *, names: tuple[str, ...], settings: Sequence[Setting], seed: int
) -> list[Boosted]:
    """A booster for each setting that has learned from the examples; sorted into bins once for all."""
    if not settings:
        return []
    data = lightgbm.Dataset(
        known.values, label=known.bought.astype(np.float32), group=known.groups,
        params=settings[0].parameters(seed=seed), free_raw_data=False,
    )  # fmt: skip
    return [
        Boosted(
            booster=lightgbm.train(setting.parameters(seed=seed), data, num_boost_round=setting.trees),
            names=names,
            setting=setting,
        )
        for setting in settings
    ]
