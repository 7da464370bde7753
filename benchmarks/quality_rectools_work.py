"""Lists by the models of rectools with their defaults: `python quality_rectools_work.py IN.npz OUT.npz`.

It runs in an environment of its own and imports nothing of ours. IN holds `row`, `column`, `day` (one entry a day on
which a customer bought a product), `judged` (rows), `k`, and the names of `worlds` with `new_only` of each; OUT one
array (judged, k) a world and model, `WORLD MODEL`, -1 where a list is short, and `errors`, the models that failed.
"""

import sys
import time

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import (
    EASEModel,
    ImplicitALSWrapperModel,
    ImplicitBPRWrapperModel,
    ImplicitItemKNNWrapperModel,
    PopularModel,
    PureSVDModel,
)
from rectools.models.base import ModelBase

SEED = 42
DENSE_ITEMS = 10_000
"""EASE is dense: it gets no more than so many of the most-bought products."""

MODELS = {
    "popular": PopularModel,
    "cosine": lambda: ImplicitItemKNNWrapperModel(CosineRecommender()),
    "TF-IDF": lambda: ImplicitItemKNNWrapperModel(TFIDFRecommender()),
    "BM25": lambda: ImplicitItemKNNWrapperModel(BM25Recommender()),
    "ALS": lambda: ImplicitALSWrapperModel(AlternatingLeastSquares(random_state=SEED)),
    "BPR": lambda: ImplicitBPRWrapperModel(BayesianPersonalizedRanking(random_state=SEED)),
    # svds of the locked scipy takes a generator only: it fails on a whole number beside numpy below 2.
    "PureSVD": lambda: PureSVDModel(random_state=np.random.default_rng(SEED)),
    "EASE": EASEModel,
}


def main(source: str, target: str) -> None:
    """Read, fit each model, write."""
    given = np.load(source)
    k, judged = int(given["k"]), given["judged"]
    worlds = dict(zip(given["worlds"].tolist(), given["new_only"].tolist(), strict=True))
    table = pd.DataFrame(
        {
            Columns.User: given["row"],
            Columns.Item: given["column"],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(given["day"], unit="D"),
        }
    )
    out: dict[str, np.ndarray] = {}
    errors = []
    for name, make in MODELS.items():
        started = time.perf_counter()
        try:
            told = _bounded(table) if name == "EASE" else table
            dataset = Dataset.construct(told)
            model = make().fit(dataset)
            for which, new_only in worlds.items():
                out[f"{which} {name}"] = lists(model, dataset, told, judged, k, new_only)
        except Exception as error:  # noqa: BLE001 - one model that fails is told and does not stop the others
            errors.append(f"{name}: {type(error).__name__}: {error}"[:300])
        print(f"rectools {name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
    out["errors"] = np.array(errors, dtype=np.str_)
    np.savez(target, **out)  # type: ignore[arg-type] # its stub takes the arrays for flags


def lists(
    model: ModelBase, dataset: Dataset, table: pd.DataFrame, judged: np.ndarray, k: int, new_only: bool
) -> np.ndarray:
    """Return the lists of the judged users whom the fitted model can tell anything."""
    known = np.intersect1d(judged, table[Columns.User].unique())
    found = model.recommend(users=known, dataset=dataset, k=k, filter_viewed=new_only)
    place = pd.Series(np.arange(len(judged)), index=judged)
    made = np.full((len(judged), k), -1, dtype=np.int32)
    made[place.loc[found[Columns.User]].to_numpy(), found[Columns.Rank].to_numpy() - 1] = found[Columns.Item]
    return made


def _bounded(table: pd.DataFrame) -> pd.DataFrame:
    buyers = table.groupby(Columns.Item)[Columns.User].nunique()
    kept = buyers.sort_values(ascending=False, kind="stable").index[:DENSE_ITEMS]
    return table[table[Columns.Item].isin(kept)]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
