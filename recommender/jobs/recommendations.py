"""The job `recommendations`: lists for each customer, by the learned ranker or, where there is none, by the blend.

Customers are ranked block by block, and each block is written before the next is made, so that memory does not grow
with them.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.models import Run
from precision.engine.results import NOBODY
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import history
from precision.shop.models import Platform
from recommender.candidates import anchoring as anchors
from recommender.candidates import blend, buy_again, personal
from recommender.candidates.anchoring import Anchoring
from recommender.candidates.personal import Sources
from recommender.jobs import catalogues, ranker
from recommender.models import CustomerList
from recommender.ranking import candidates, descriptions, features, serving
from recommender.ranking.serving import Listed, Ranker

KINDS = {
    candidates.NEW: CustomerList.Kind.FOR_YOU,
    candidates.REPEAT: CustomerList.Kind.BUY_AGAIN,
}
OF_EACH = 100  # candidates of each source, for the blend
SEED = 20_101  # the same input gives the same lists
BLOCK_ROWS = serving.BLOCK_ROWS
NOT_LEARNED = "The job recommendation-ranker has not run yet; the blend of candidate lists serves."

Lists = dict[str, Listed]


def compute_recommendations(run: Run, engine: Engine) -> Outcome:
    """Write CustomerList rows (for you, buy again) of the run's platform."""
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, timezone=platform.timezone)
    learned, row = ranker.in_force(run.scope)
    with history.snapshot():
        facts = catalogues.facts(platform, window)
        sources = facts.sources(engine, as_of_day=epoch_day(run.as_of), rng=np.random.default_rng(SEED))
        sellable = np.isin(sources.history.products, facts.goods.sellable_ids)
        known = None
        if learned is not None:
            described = descriptions.describe(sources.history.products, facts.goods.catalogue)
            known = features.prepare(sources, facts.lines, described)
    anchoring = anchors.prepare(sources)
    written = 0
    for block, lists in (
        blended(engine, sources, sellable) if known is None or learned is None
        else ranked(engine, learned, known, sellable)
    ):  # fmt: skip
        written += sum(_write(run, sources, block, kind, found, anchoring) for kind, found in lists.items())
    return Outcome(
        rows={"customer_list": written},
        measures={
            "quality": row.report.get("quality", {"reason": row.reason}) if row else {"reason": NOT_LEARNED},
            "ranker": {
                "used": learned is not None,
                "kinds": [] if learned is None else sorted(learned.boosters),
                "reason": row.reason if row else NOT_LEARNED,
            },
        },
        parameters={
            "seed": SEED,
            **{f"length_{kind}": length for kind, length in candidates.LENGTHS.items()},
        },
    )


def ranked(
    engine: Engine, learned: Ranker, known: features.Known, sellable: NDArray[np.bool_]
) -> Iterator[tuple[slice, Lists]]:
    """Yield blocks of customers and their lists by the ranker; a kind that was not learned comes from its source."""
    rows = np.arange(len(known.sources.history.customers))
    for block, lists in serving.rank(
        engine, learned, known, rows, lengths=candidates.LENGTHS, allowed=sellable
    ):
        missing = (
            {}
            if len(lists) == len(candidates.LENGTHS)
            else _unranked(engine, known.sources, rows[block], sellable)
        )
        yield block, missing | lists


def blended(engine: Engine, sources: Sources, sellable: NDArray[np.bool_]) -> Iterator[tuple[slice, Lists]]:
    """Yield blocks of customers and their lists by the blend of candidate lists."""
    rows = np.arange(len(sources.history.customers))
    for first in range(0, len(rows), BLOCK_ROWS):
        block = slice(first, min(first + BLOCK_ROWS, len(rows)))
        yield block, _unranked(engine, sources, rows[block], sellable)


def _unranked(
    engine: Engine, sources: Sources, rows: NDArray[np.int64], sellable: NDArray[np.bool_]
) -> Lists:
    """Return the lists of a block without a ranker."""
    names = [name for name, weight in blend.NEW_ITEMS.items() if weight > 0]
    found = personal.lists(engine, sources, rows=rows, k=OF_EACH, new_only=True, names=names)
    mixed = blend.blend(found, weights=blend.NEW_ITEMS, n=candidates.LENGTHS[candidates.NEW])
    again = buy_again.recommend(sources.habits[rows], k=candidates.LENGTHS[candidates.REPEAT])
    held = np.where(again.items == NOBODY, NOBODY, 0)
    return {
        candidates.NEW: _sellable(
            Listed(mixed.items, mixed.scores, mixed.sources.astype(np.int64), mixed.names), sellable
        ),
        candidates.REPEAT: _sellable(
            Listed(again.items, again.scores, held, (personal.BUY_AGAIN,)), sellable
        ),
    }


def _sellable(found: Listed, sellable: NDArray[np.bool_]) -> Listed:
    """Return the lists without what cannot be sold; gaps stay."""
    gone = ~sellable[found.items] if len(sellable) else np.ones(found.items.shape, dtype=np.bool_)
    return Listed(
        np.where(gone, NOBODY, found.items).astype(np.int32), found.scores, found.sources, found.names
    )


def _write(run: Run, sources: Sources, block: slice, kind: str, found: Listed, anchoring: Anchoring) -> int:
    """Copy the lists of one kind of a block of customers; return their number."""
    speaking = np.full_like(found.items, NOBODY)
    if kind == candidates.NEW:
        rows = np.arange(len(sources.history.customers))[block]
        speaking = anchoring.of(rows, found.items, found.from_source(personal.CONTENT))
    frame = _frame(sources, block, found, speaking)
    return copy_rows(
        CustomerList,
        frame.group_by("customer_id", maintain_order=True)
        .agg("items", "scores", "sources", "anchors")
        .with_columns(pl.lit(run.pk).alias("run_id"), pl.lit(KINDS[kind].value).alias("kind")),
    )


def _frame(sources: Sources, block: slice, found: Listed, speaking: NDArray[np.int32]) -> pl.DataFrame:
    """Return one row for each listed product, in order of customer and rank, with inner ids."""
    row, place = np.nonzero((found.items != NOBODY) & np.isfinite(found.scores))
    anchor = speaking[row, place]
    products = sources.history.products
    names: NDArray[Any] = np.array([personal.method(name) for name in found.names])
    return pl.DataFrame(
        {
            "customer_id": sources.history.customers[block][row],
            "items": products[found.items[row, place]],
            "scores": found.scores[row, place].astype(np.float64),
            "sources": names[found.sources[row, place]],
            "anchors": products[np.maximum(anchor, 0)],
            "known": anchor != NOBODY,
        }
    ).with_columns(pl.when("known").then("anchors").alias("anchors"))
