"""The job `similar`: products that the same people buy, lately."""

import polars as pl

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.models import Run
from precision.engine.results import NOBODY
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import history
from precision.shop.models import Platform
from recommender import interactions
from recommender.candidates import item_item
from recommender.models import ProductList

LENGTH = 50
HALF_LIFE_DAYS = 90.0  # longer than for what one person may want next: what resembles what changes slowly


def compute_similar(run: Run, engine: Engine) -> Outcome:
    """Write ProductList rows (similar) of the run's platform."""
    platform = Platform.objects.get(key=run.scope)
    as_of_day = epoch_day(run.as_of)
    lines = history.scan(
        "order_lines", Window.before(run.as_of, timezone=platform.timezone), platform=platform
    )
    known = interactions.collect(interactions.purchase_days(lines, as_of_day=as_of_day), as_of_day=as_of_day)
    guests = interactions.collect(
        interactions.guest_days(lines, as_of_day=as_of_day), as_of_day=as_of_day, products=known.products
    )
    near = item_item.similar(
        engine,
        known.matrix(half_life_days=HALF_LIFE_DAYS),
        guests=guests.matrix(half_life_days=HALF_LIFE_DAYS),
        how=item_item.Similarity(k=LENGTH),
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
    return Outcome(rows={"product_list": copy_rows(ProductList, rows)})
