"""Two public tables of the UCI repository: sessions of an online shop, and phone calls of a bank.

They are no part of the project: the environment variable PRECISION_QUALITY_DATA names the folder where they lie.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from segments.methods import classifier, learners
from segments.methods.learners import BOOSTING, LOGISTIC, NETWORK

FOLDER = "PRECISION_QUALITY_DATA"
KINDS = (LOGISTIC, BOOSTING, NETWORK)
BASELINE = "one feature alone"
SEED = 1
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def run(console: Console) -> dict[str, dict[str, Any] | None]:
    """Print and return what came out on each table; None for one that is not there."""
    return {name: _one(name, split, console) for name, split in SUBJECTS.items()}


def shoppers(table: pl.DataFrame) -> tuple[pl.DataFrame, Flags, Flags]:
    """Return the inputs, the answers (a purchase), and which rows are held out: November and December."""
    later = table["Month"].is_in(["Nov", "Dec"]).to_numpy()
    return table.drop("Revenue", "Month"), table["Revenue"].cast(pl.Boolean).to_numpy(), later


def bank(table: pl.DataFrame) -> tuple[pl.DataFrame, Flags, Flags]:
    """Return the inputs without the length of the call, the answers, and the last third in time (rows are in order)."""
    later = np.arange(table.height) >= table.height * 2 // 3
    return table.drop("y", "duration"), (table["y"] == "yes").to_numpy(), later


SUBJECTS: dict[str, Callable[[pl.DataFrame], tuple[pl.DataFrame, Flags, Flags]]] = {
    "online_shoppers_intention": shoppers,
    "bank_marketing_additional_full": bank,
}


def _one(
    name: str, split: Callable[[pl.DataFrame], tuple[pl.DataFrame, Flags, Flags]], console: Console
) -> dict[str, Any] | None:
    path = Path(os.environ.get(FOLDER) or os.devnull) / f"{name}.parquet"
    if not path.is_file():
        console.print(f"{name}: left out, {FOLDER} names no folder with {path.name}")
        return None
    inputs, answers, later = split(pl.read_parquet(path))
    names, features = encoded(inputs, ~later)
    known, asked = features[~later], features[later]
    alone, sign = strongest(known, answers[~later])
    scores: dict[str, Floats] = {BASELINE: sign * np.nan_to_num(asked[:, alone])}
    for kind in KINDS:
        scores[kind] = learners.fit(kind, known, answers[~later], seed=SEED).scores(asked)
    rng = np.random.default_rng(SEED)
    scores[BASELINE] = _unit(scores[BASELINE])
    verdict = classifier.judge(scores, answers[later], baseline=BASELINE, rng=rng)
    table = Table("by", title=f"{name}: learned from {len(known):,} rows, {len(asked):,} held out")
    for title in ("AUC", f"above {names[alone]} alone, 95 %", "gate"):
        table.add_column(title, justify="right")
    for each in verdict.scored:
        above = verdict.against_baseline.get(each.name)
        table.add_row(
            each.name,
            "–" if each.auc is None else f"{each.auc:.4f}",
            f"{above.value:+.4f} ({above.low:+.4f} to {above.high:+.4f})" if above else names[alone],
            gate(above) if above else "",
        )
    console.print(table)
    console.print(
        f"came true: {answers[~later].mean():.1%} of the rows to learn from, {answers[later].mean():.1%} of those held "
        f"out; the gate: {verdict.reason}; the network {'adds' if verdict.network_adds else 'adds nothing'}"
    )
    return {
        "learned": len(known),
        "held_out": len(asked),
        "positive_rates": [float(answers[~later].mean()), float(answers[later].mean())],
        "baseline": names[alone],
        "auc": {each.name: each.auc for each in verdict.scored},
        "promoted": verdict.promoted,
        "reason": verdict.reason,
        "refused": {key: gate(each) for key, each in verdict.against_baseline.items() if not each.wins},
    }


def encoded(inputs: pl.DataFrame, known: Flags) -> tuple[list[str], Floats]:
    """Return names and values of the features: numbers as they are, one flag for each word seen in the known rows."""
    names: list[str] = []
    columns: list[Floats] = []
    for column in inputs.iter_columns():
        if column.dtype == pl.String:
            for word in sorted(set(column.filter(pl.Series(known)))):
                names.append(f"{column.name} = {word}")
                columns.append((column == word).to_numpy().astype(np.float64))
        else:
            names.append(column.name)
            columns.append(column.cast(pl.Float64).to_numpy())
    return names, np.column_stack(columns)


def strongest(features: Floats, answers: Flags) -> tuple[int, float]:
    """Return the column that alone tells most on these rows, and the sign with which it rises with a yes."""
    areas = np.array([roc_auc_score(answers, column) for column in features.T])
    best = int(np.abs(areas - 0.5).argmax())
    return best, 1.0 if areas[best] >= 0.5 else -1.0


def gate(difference: classifier.Difference) -> str:
    """Return what the gate says of a model."""
    if difference.wins:
        return "passes"
    return "refused: worse" if difference.high < 0 else "refused: its interval holds zero"


def _unit(values: Floats) -> Floats:
    """Return the values moved into 0 to 1, their order kept."""
    low, high = values.min(), values.max()
    return np.asarray((values - low) / (high - low)) if high > low else np.full(len(values), 0.5)
