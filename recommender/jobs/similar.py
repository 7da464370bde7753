"""The job `similar`: products that the same people buy, or put into the cart, wish for and look at, lately.

Where these are few, as of a product that nobody bought yet, what it is called and what it is like fill the list.
"""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.models import Run
from precision.engine.results import NOBODY, TopItems
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import history
from precision.shop.models import Platform
from recommender import signals
from recommender.candidates import content, item_item
from recommender.candidates.assortment import Assortment
from recommender.candidates.content import NO_GROUP
from recommender.candidates.lists import followed
from recommender.interactions import History, collect, positions
from recommender.jobs import catalogues
from recommender.models import InteractionSettings, ProductList

LENGTH = 50
ENOUGH = 20
"""Lists shorter than this are filled by description, to this length at most."""
HALF_LIFE_DAYS = 90.0  # longer than for what one person may want next: what resembles what changes slowly
NOTHING_COUNTS = (
    "The interaction settings give purchases, carts, wish lists and views a weight of 0, so nothing is similar to "
    "anything; best-sellers answer instead. Give one of them a weight above 0."
)


def compute_similar(run: Run, engine: Engine) -> Outcome:
    """Write ProductList rows (similar) of the run's platform."""
    platform = Platform.objects.get(key=run.scope)
    wanted = InteractionSettings.of(platform)
    half_life = wanted.half_life_days or HALF_LIFE_DAYS
    known, goods = _read(run, platform)
    matrix = known.matrix(half_life_days=half_life)
    first = signals.first_customer(known)
    near = item_item.similar(
        engine, matrix[first:], guests=matrix[:first], how=item_item.Similarity(k=LENGTH)
    )
    unknown = int((near.items[:, 0] == NOBODY).sum())
    near = _filled(near, known, goods)
    frame = (
        pl.DataFrame(
            {"product_id": known.products, "position": near.items, "scores": near.scores.astype("float64")},
            schema_overrides={"position": pl.Array(pl.Int32, LENGTH), "scores": pl.Array(pl.Float64, LENGTH)},
        )
        .explode("position", "scores")
        .filter(pl.col("position") != NOBODY)
    )
    rows = (
        frame.with_columns(pl.Series("items", known.products[frame["position"].to_numpy()]))
        .group_by("product_id", maintain_order=True)
        .agg("items", "scores")
        .with_columns(pl.lit(run.pk).alias("run_id"), pl.lit(ProductList.Kind.SIMILAR.value).alias("kind"))
    )
    return Outcome(
        rows={"product_list": copy_rows(ProductList, rows)},
        measures={
            "customers": len(known.customers) - first,
            "guests": first,
            "products": len(known.products),
            "by_description_only": unknown - int((near.items[:, 0] == NOBODY).sum()),
            **({"note": NOTHING_COUNTS} if wanted.weights.nothing_counts else {}),
        },
        parameters={"half_life_days": half_life, **weights_of(wanted)},
    )


def weights_of(wanted: InteractionSettings) -> dict[str, float]:
    """Return the weights by name, as a run keeps them."""
    return {
        f"weight_{kind}": getattr(wanted, kind)
        for kind in ("purchase", "cart", "wishlist", "view", "removal")
    }


def _read(run: Run, platform: Platform) -> tuple[History, Assortment]:
    """Return what everybody did, with columns for all that can be sold; events are read only where they count."""
    as_of_day = epoch_day(run.as_of)
    window = Window.before(run.as_of, timezone=platform.timezone)
    with history.snapshot():
        facts = catalogues.facts(platform, window)
        told = facts.signals
        frame = signals.of_everyone(facts.lines, told.events, as_of_day=as_of_day, weights=told.weights)
        known = collect(frame, as_of_day=as_of_day)
    every = np.union1d(known.products, facts.goods.sellable_ids)
    return known.numbered(customers=known.customers, products=every), facts.goods


def _filled(near: TopItems, known: History, goods: Assortment) -> TopItems:
    """Return the lists, those shorter than ENOUGH followed by what is like their product by description."""
    told = goods.along(known.products)
    short = np.flatnonzero((near.items[:, :ENOUGH] == NOBODY).any(axis=1))
    described = content.describe(
        told.described.words, categories=_numbers(told.categories), brands=told.described.brands,
        prices=told.prices,
    )  # fmt: skip
    found = content.similar(
        described, rows=short, allowed=told.sellable, how=content.Describing(k=ENOUGH),
        quality=np.bincount(known.column, minlength=len(known.products)).astype(np.float64),
    )  # fmt: skip
    items, scores = near.items.copy(), near.scores.copy()
    both = followed(TopItems(near.items[short, :ENOUGH], near.scores[short, :ENOUGH]), found)
    items[short, :ENOUGH], scores[short, :ENOUGH] = both.items, both.scores
    return TopItems(items=items, scores=scores)


def _numbers(categories: NDArray[Any]) -> NDArray[np.int64]:
    """Return the numbers of category ids from 0, NO_GROUP where there is none."""
    place, known = positions(categories, np.unique(categories[categories != NO_GROUP]))
    return np.where(known, place, NO_GROUP).astype(np.int64)
