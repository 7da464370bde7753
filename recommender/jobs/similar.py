"""The job `similar`: products that the same people buy, or put into the cart, wish for and look at, lately."""

import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.models import Run
from precision.engine.results import NOBODY
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import history
from precision.shop.models import Platform
from recommender import signals
from recommender.candidates import item_item
from recommender.interactions import History, collect
from recommender.models import InteractionSettings, ProductList

LENGTH = 50
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
    known = _history(run, platform, wanted.weights)
    matrix = known.matrix(half_life_days=half_life)
    first = signals.first_customer(known)
    near = item_item.similar(
        engine, matrix[first:], guests=matrix[:first], how=item_item.Similarity(k=LENGTH)
    )
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


def _history(run: Run, platform: Platform, weights: signals.Weights) -> History:
    """Return what everybody did; events are read only where they count."""
    as_of_day = epoch_day(run.as_of)
    window = Window.before(run.as_of, timezone=platform.timezone)
    with history.snapshot():
        lines = history.scan("order_lines", window, platform=platform)
        events = history.scan("events", window, platform=platform) if weights.behaviour_counts else None
        frame = signals.of_everyone(lines, events, as_of_day=as_of_day, weights=weights)
        return collect(frame, as_of_day=as_of_day)
