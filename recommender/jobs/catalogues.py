"""What the jobs of recommendations read beside facts: names of products, customers of each price class."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.models import Platform
from recommender.ranking import descriptions
from recommender.ranking.descriptions import Catalogue


def catalogue(platform: Platform) -> Catalogue:
    """Return the titles and brands of all products of a platform, as they are today."""
    frame = read_frame(
        f"SELECT id AS product, title, brand FROM precision_shop_product WHERE platform_id = {platform.pk:d} "
        "ORDER BY id"
    )
    return descriptions.of_frame(frame)


def sellable(products: pl.DataFrame) -> NDArray[np.int64]:
    """Return the inner ids of the products that are for sale, of a frame of `history.scan("products")`."""
    return products.filter(pl.col(c.ACTIVE) & pl.col(c.IN_STOCK))[c.PRODUCT].to_numpy()


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
