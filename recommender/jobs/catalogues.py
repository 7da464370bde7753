"""What the jobs of recommendations read: facts with the weights of staff, names of products, price classes."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.engine.windows import Window
from precision.shop import history
from precision.shop.models import Platform
from recommender.candidates import assortment
from recommender.candidates.facts import Facts
from recommender.candidates.personal import Signals
from recommender.models import InteractionSettings
from recommender.ranking import descriptions
from recommender.ranking.descriptions import Catalogue


def facts(platform: Platform, window: Window) -> Facts:
    """Return what the window knows of a platform, within `history.snapshot()`; events only where they count."""
    wanted = InteractionSettings.of(platform)
    weights = wanted.weights
    events = history.scan("events", window, platform=platform) if weights.behaviour_counts else None
    return Facts(
        lines=history.scan("order_lines", window, platform=platform),
        goods=assortment.collect(history.scan("products", window, platform=platform), catalogue(platform)),
        signals=Signals(events=events, weights=weights, half_life_days=wanted.half_life_days),
    )


def catalogue(platform: Platform) -> Catalogue:
    """Return the titles and brands of all products of a platform, as they are today."""
    frame = read_frame(
        f"SELECT id AS product, title, brand FROM precision_shop_product WHERE platform_id = {platform.pk:d} "
        "ORDER BY id"
    )
    return descriptions.of_frame(frame)


def price_classes(platform: Platform) -> dict[str, NDArray[np.int64]]:
    """Return the customers of each price class, ascending, as it is known today."""
    published = runs.published_ids(platform.key).get("price-classes", 0)
    frame = read_frame(
        'SELECT customer_id AS "customer", letter AS "letter" FROM precision_segments_customerclass '
        f"WHERE run_id = {published:d} ORDER BY customer_id"
    )
    return {
        str(letter): frame.filter(pl.col("letter") == letter)["customer"].to_numpy()
        for letter in frame["letter"].unique().sort().to_list()
    }
