"""Trained classifiers that can be written down as plain values, read back, and asked why.

Three learn from the same table (rows, features), missing values as NaN: logistic regression with a ridge,
gradient-boosted trees (Ke and others 2017, LightGBM) and a small neural network (multilayer perceptron, ReLU). The
first and the last see prepared features: the signed logarithm sign(x)·ln(1 + |x|), missing ones filled with the median,
then standardised. A trained one is numbers and texts only, so that reading it back runs nobody's code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import lightgbm
import numpy as np
from lightgbm import LGBMClassifier
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LOGISTIC: Final = "logistic"
BOOSTING: Final = "boosting"
NETWORK: Final = "network"
CLIP: Final = 10.0
"""Standard deviations beyond which a prepared feature counts as this far: a wholesaler must not decide alone."""


class Trained(Protocol):
    """A classifier that has learned."""

    def scores(self, features: Floats) -> Floats:
        """Return the raw chance of each row, shape (rows,)."""

    def contributions(self, features: Floats) -> Floats:
        """Return how much each feature moves the log odds of each row from the mean, shape (rows, features)."""

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs, as JSON values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """How features are brought into a form that linear models take; arrays of shape (features,)."""

    middle: Floats
    """Median of the signed logarithm, for missing values."""
    mean: Floats
    scale: Floats

    def apply(self, features: Floats) -> Floats:
        """Return the prepared features, finite, shape (rows, features)."""
        logs = _signed_log(features)
        filled = np.where(np.isfinite(logs), logs, self.middle)
        return np.asarray(np.clip((filled - self.mean) / self.scale, -CLIP, CLIP))


def preparation(features: Floats) -> Preparation:
    """Return the preparation learned from a table; a column without values is 0, a constant one too."""
    logs = _signed_log(features)
    logs = np.where(np.isfinite(logs), logs, np.nan)
    given = np.isfinite(logs).any(axis=0)
    middle = np.zeros(features.shape[1])
    if given.any():
        middle[given] = np.nanmedian(logs[:, given], axis=0)
    filled = np.where(np.isfinite(logs), logs, middle)
    scale = filled.std(axis=0)
    return Preparation(middle=middle, mean=filled.mean(axis=0), scale=np.where(scale > 0, scale, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Logistic regression over prepared features."""

    prepared: Preparation
    weights: Floats
    constant: float

    def scores(self, features: Floats) -> Floats:
        """Return the raw chance of each row."""
        return _logistic(self.constant + self.prepared.apply(features) @ self.weights)

    def contributions(self, features: Floats) -> Floats:
        """Return weight times prepared feature: 0 at the mean of the training rows."""
        return np.asarray(self.prepared.apply(features) * self.weights)

    def state(self) -> dict[str, Any]:
        """Return the weights and the preparation."""
        return {
            "kind": LOGISTIC,
            "constant": self.constant,
            "weights": self.weights.tolist(),
            **_preparation_state(self.prepared),
        }


@dataclass(frozen=True, slots=True)
class Trees:
    """Gradient-boosted trees."""

    booster: lightgbm.Booster

    def scores(self, features: Floats) -> Floats:
        """Return the raw chance of each row."""
        return np.asarray(self.booster.predict(features), dtype=np.float64)

    def contributions(self, features: Floats) -> Floats:
        """Return what the splits on the way of each row through the trees change, added up by feature.

        A split changes the mean of the leaves below (weighted by the rows they learned from) from that of its node to
        that of the branch taken (Saabas 2014). With the mean of the roots it adds up to the log odds. Shapley values
        share out joint effects more evenly, but take a hundred times as long for everybody of a shop.
        """
        changes, starts = _leaf_changes(self.booster.dump_model(), features.shape[1])
        leaves = np.asarray(self.booster.predict(features, pred_leaf=True), dtype=np.int32)
        places = (leaves.reshape(len(features), -1) + starts).ravel()
        ends = np.arange(0, len(places) + 1, len(starts), dtype=np.int32)
        # Half the bytes make it five times as fast; the seventh digit of a reason tells nobody anything.
        taken = csr_array(
            (np.ones(len(places), np.float32), places, ends), shape=(len(features), len(changes))
        )
        return np.asarray(taken @ changes.astype(np.float32), dtype=np.float64)

    def state(self) -> dict[str, Any]:
        """Return the trees as LightGBM's text."""
        return {"kind": BOOSTING, "trees": self.booster.model_to_string()}


def _leaf_changes(model: Mapping[str, Any], features: int) -> tuple[Floats, NDArray[np.int32]]:
    """Return what each leaf's way changed by feature, shape (leaves of all trees, features), and where trees begin."""
    blocks = []
    for tree in model["tree_info"]:
        block = np.zeros((max(tree["num_leaves"], 1), features))
        _descend(tree["tree_structure"], np.zeros(features), block)
        blocks.append(block)
    sizes = [len(block) for block in blocks]
    return np.concatenate(blocks), np.cumsum([0, *sizes[:-1]], dtype=np.int32)


def _descend(node: Mapping[str, Any], changed: Floats, block: Floats) -> None:
    """Write the changes of each leaf below a node into its row of the block."""
    if "split_feature" not in node:
        block[node.get("leaf_index", 0)] = changed
        return
    here = _mean(node)[0]
    for branch in (node["left_child"], node["right_child"]):
        further = changed.copy()
        further[node["split_feature"]] += _mean(branch)[0] - here
        _descend(branch, further, block)


def _mean(node: Mapping[str, Any]) -> tuple[float, float]:
    """Return the mean of the leaves below a node, weighted by their rows, and how many rows these are."""
    if "split_feature" not in node:
        return node["leaf_value"], max(node.get("leaf_count", 1), 1)
    (left, few), (right, many) = _mean(node["left_child"]), _mean(node["right_child"])
    return (left * few + right * many) / (few + many), few + many


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A multilayer perceptron over prepared features."""

    prepared: Preparation
    layers: tuple[tuple[Floats, Floats], ...]
    """Weights (in, out) and constants (out,) of each layer; ReLU between them."""

    def scores(self, features: Floats) -> Floats:
        """Return the raw chance of each row."""
        return _logistic(self._odds(self.prepared.apply(features)))

    def contributions(self, features: Floats) -> Floats:
        """Return how the log odds fall when one feature is set to its mean, one after the other."""
        x = self.prepared.apply(features)
        whole = self._odds(x)
        found = np.zeros_like(x)
        for column in range(x.shape[1]):
            without = x.copy()
            without[:, column] = 0
            found[:, column] = whole - self._odds(without)
        return found

    def state(self) -> dict[str, Any]:
        """Return the layers and the preparation."""
        layers = [
            {"weights": weights.tolist(), "constants": constants.tolist()}
            for weights, constants in self.layers
        ]
        return {"kind": NETWORK, "layers": layers, **_preparation_state(self.prepared)}

    def _odds(self, prepared: Floats) -> Floats:
        x = prepared
        for weights, constants in self.layers[:-1]:
            x = np.maximum(x @ weights + constants, 0)
        weights, constants = self.layers[-1]
        return np.asarray((x @ weights + constants)[:, 0])


def fit(kind: str, features: Floats, responses: Flags, *, seed: int) -> Trained:
    """Return a trained classifier of one of the three kinds; the same seed gives the same one.

    `features` is (rows, features) with NaN for what is missing; `responses` must hold both yes and no.
    """
    if kind == BOOSTING:
        model = LGBMClassifier(
            n_estimators=200, learning_rate=0.05, num_leaves=15, min_child_samples=40, subsample=0.8,
            subsample_freq=1, colsample_bytree=0.8, reg_lambda=1.0, random_state=seed, deterministic=True,
            force_row_wise=True, n_jobs=1, verbose=-1,
        )  # fmt: skip
        return Trees(model.fit(features, responses).booster_)
    prepared = preparation(features)
    x = prepared.apply(features)
    if kind == LOGISTIC:
        linear = LogisticRegression(C=1.0, max_iter=1_000).fit(x, responses)
        return Linear(
            prepared=prepared, weights=np.asarray(linear.coef_[0]), constant=float(linear.intercept_[0])
        )
    if kind == NETWORK:
        network = MLPClassifier((32, 16), alpha=1e-2, early_stopping=True, max_iter=200, random_state=seed)
        # Here and above one thread: on tables this small several wait for each other, all the more beside other work.
        with threadpool_limits(limits=1, user_api="blas"):
            network.fit(x, responses)
        layers = tuple(zip(network.coefs_, network.intercepts_, strict=True))
        return Network(prepared=prepared, layers=layers)
    raise ValueError(f"There is no classifier {kind!r}; there are {LOGISTIC}, {BOOSTING} and {NETWORK}.")


def restore(state: Mapping[str, Any]) -> Trained:
    """Return the trained classifier that `state` wrote down."""
    kind = state.get("kind")
    if kind == BOOSTING:
        return Trees(lightgbm.Booster(model_str=state["trees"]))
    if kind == LOGISTIC:
        return Linear(
            prepared=_read_preparation(state),
            weights=_array(state["weights"]),
            constant=float(state["constant"]),
        )
    if kind == NETWORK:
        layers = tuple((_array(each["weights"]), _array(each["constants"])) for each in state["layers"])
        return Network(prepared=_read_preparation(state), layers=layers)
    raise ValueError(f"There is no classifier {kind!r}; there are {LOGISTIC}, {BOOSTING} and {NETWORK}.")


def _preparation_state(prepared: Preparation) -> dict[str, Any]:
    return {
        "middle": prepared.middle.tolist(),
        "mean": prepared.mean.tolist(),
        "scale": prepared.scale.tolist(),
    }


def _read_preparation(state: Mapping[str, Any]) -> Preparation:
    return Preparation(
        middle=_array(state["middle"]), mean=_array(state["mean"]), scale=_array(state["scale"])
    )


def _array(values: Sequence[Any]) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _signed_log(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -35, 35))))
