"""The job `recommendations`: lists for each customer, and how they compare with popularity on days they did not see."""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.models import Run
from precision.engine.results import NOBODY
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop import history
from precision.shop.models import Platform
from recommender.candidates import blend, buy_again, item_item, personal
from recommender.candidates.personal import Sources
from recommender.evaluation import compare, metrics, splits
from recommender.models import CustomerList

LENGTH = 100  # products of a for-you list
BUY_AGAIN_LENGTH = 20
HELD_OUT_DAYS = 30
K = 20  # products compared
SEED = 20_101  # the same input gives the same lists


def compute_recommendations(run: Run, engine: Engine) -> Outcome:
    """Write CustomerList rows (for you, buy again) of the run's platform; measure them against popularity."""
    platform = Platform.objects.get(key=run.scope)
    as_of_day = epoch_day(run.as_of)
    window = Window.before(run.as_of, timezone=platform.timezone)
    lines = history.scan("order_lines", window, platform=platform)
    products = history.scan("products", window, platform=platform).collect("polars").to_native()
    sources = personal.fit(engine, lines, as_of_day=as_of_day, rng=np.random.default_rng(SEED))
    return Outcome(
        rows={"customer_list": _write(run, engine, sources, products)},
        measures={"quality": _quality(engine, lines, as_of_day=as_of_day)},
        parameters={"held_out_days": HELD_OUT_DAYS, "k": K, "seed": SEED},
    )


def _write(run: Run, engine: Engine, sources: Sources, products: pl.DataFrame) -> int:
    """Copy the lists of every customer with a history; return their number."""
    sellable = products.filter(pl.col(c.ACTIVE) & pl.col(c.IN_STOCK))[c.PRODUCT].implode()
    rows = np.arange(len(sources.history.customers))
    found = personal.lists(engine, sources, rows=rows, k=LENGTH, new_only=True)
    mixed = blend.blend(found, weights=blend.NEW_ITEMS, n=LENGTH)
    anchors = item_item.anchors(sources.profiles, sources.neighbours, mixed.items)
    names = np.array([*(personal.method(name) for name in mixed.names), ""])
    for_you = _frame(sources, mixed.items, mixed.scores, names[mixed.sources], anchors)
    again = buy_again.recommend(sources.habits, k=BUY_AGAIN_LENGTH)
    same = np.full(again.items.shape, personal.BUY_AGAIN)
    repeated = _frame(sources, again.items, again.scores, same, np.full_like(again.items, NOBODY))
    return sum(
        copy_rows(
            CustomerList,
            frame.filter(pl.col("items").is_in(sellable))
            .group_by("customer_id", maintain_order=True)
            .agg("items", "scores", "sources", "anchors")
            .with_columns(pl.lit(run.pk).alias("run_id"), pl.lit(kind.value).alias("kind")),
        )
        for kind, frame in ((CustomerList.Kind.FOR_YOU, for_you), (CustomerList.Kind.BUY_AGAIN, repeated))
    )


def _frame(
    sources: Sources,
    items: NDArray[np.int32],
    scores: NDArray[np.float32],
    names: NDArray[np.str_],
    anchors: NDArray[np.int32],
) -> pl.DataFrame:
    """Return one row for each listed product, in order of customer and rank, with inner ids."""
    row, place = np.nonzero(items != NOBODY)
    anchor = anchors[row, place]
    products = sources.history.products
    return pl.DataFrame(
        {
            "customer_id": sources.history.customers[row],
            "items": products[items[row, place]],
            "scores": scores[row, place].astype(np.float64),
            "sources": names[row, place],
            "anchors": products[np.maximum(anchor, 0)],
            "known": anchor != NOBODY,
        }
    ).with_columns(pl.when("known").then("anchors").alias("anchors"))


def _quality(engine: Engine, lines: nw.LazyFrame[Any], *, as_of_day: int) -> dict[str, Any]:
    """Return recall of ours and of popularity on the last HELD_OUT_DAYS days, with the models of the days before.

    Mean over customers with a history who bought something then, over the full catalogue; recall is capped at
    min(K, relevant). Popularity is the best of its windows, chosen with hindsight: the hardest to beat. `all` counts
    whatever was bought, `new` only what the customer had not bought before.
    """
    split = splits.by_time(lines, as_of_day=as_of_day, days=HELD_OUT_DAYS)
    rng = np.random.default_rng(SEED)
    sources = personal.fit(engine, split.train, as_of_day=split.cut_day, rng=rng)
    truth = splits.truth(split, sources.history)
    relevant = {"all": truth.relevant, "new": truth.new_only(sources.bought)}
    measured: dict[str, Any] = {
        "metric": "recall", "k": K, "days": HELD_OUT_DAYS, "newcomers_left_out": truth.newcomers,
    }  # fmt: skip
    for which, wanted in relevant.items():
        new_only = which == "new"
        found = personal.lists(engine, sources, rows=truth.rows, k=LENGTH, new_only=new_only)
        weights = blend.NEW_ITEMS if new_only else blend.ALL_ITEMS
        ours = _recall(blend.blend(found, weights=weights, n=K).items, wanted)
        popular = {name: _recall(found[name].items[:, :K], wanted) for name in personal.POPULAR.values()}
        strongest = max(
            popular, key=lambda name: np.nan_to_num(np.nanmean(popular[name])) if wanted.nnz else 0.0
        )
        difference = compare.paired_bootstrap(ours, popular[strongest], rng=rng)
        measured[which] = {
            "ours": difference.mean_a, "popularity": difference.mean_b, "popularity_window": strongest,
            "difference": difference.difference, "low": difference.low, "high": difference.high,
            "customers": difference.customers,
        }  # fmt: skip
        if difference.difference is None:
            measured[which]["reason"] = (
                f"Too few customers ({difference.customers}) with a history bought something in the held-out days."
            )
    return measured


def _recall(items: NDArray[np.int32], wanted: csr_matrix) -> NDArray[np.float64]:
    """Return the recall of each customer."""
    return metrics.recall(items, wanted)
