"""What a shop can sell, as arrays: the products that candidates may come from, also those that nobody bought yet.

Categories and prices are those of today; what lines tell of the past goes before them.
"""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from precision.shop.columns import ACTIVE, CATEGORY, IN_STOCK, PRICE_E4, PRODUCT
from recommender.candidates import content
from recommender.candidates.content import NO_GROUP, Describing
from recommender.candidates.lists import to_sparse
from recommender.interactions import positions
from recommender.ranking import descriptions
from recommender.ranking.descriptions import Catalogue, Descriptions


@dataclass(frozen=True, slots=True)
class Assortment:
    """The products of a platform; the first four run in step."""

    ids: NDArray[np.int64]  # ascending inner ids
    categories: NDArray[np.int64]  # category id, NO_GROUP for none
    prices: NDArray[np.float64]  # 1/10,000, nan where unknown
    sellable: NDArray[np.bool_]  # active and in stock
    catalogue: Catalogue

    @property
    def sellable_ids(self) -> NDArray[np.int64]:
        """The ids of what can be sold, ascending."""
        return self.ids[self.sellable]

    def along(self, products: NDArray[np.int64]) -> "Told":
        """What is known of `products` (ascending ids), in their order; nothing of those that are not here."""
        place, known = positions(products, self.ids)
        categories = np.full(len(products), NO_GROUP, dtype=np.int64)
        prices = np.full(len(products), np.nan)
        sellable = np.zeros(len(products), dtype=np.bool_)
        categories[known] = self.categories[place[known]]
        prices[known] = self.prices[place[known]]
        sellable[known] = self.sellable[place[known]]
        return Told(categories, prices, sellable, descriptions.describe(products, self.catalogue))


@dataclass(frozen=True, slots=True)
class Told:
    """What an assortment tells of some products, in their order."""

    categories: NDArray[np.int64]
    prices: NDArray[np.float64]
    sellable: NDArray[np.bool_]
    described: Descriptions


def collect(products: nw.LazyFrame[Any], catalogue: Catalogue) -> Assortment:
    """The assortment of a frame (PRODUCT, CATEGORY, PRICE_E4, IN_STOCK, ACTIVE): `history.scan("products")`."""
    table = (
        products.select(
            PRODUCT,
            nw.col(CATEGORY).fill_null(NO_GROUP).alias(CATEGORY),
            nw.col(PRICE_E4).fill_null(-1).alias(PRICE_E4),
            (nw.col(ACTIVE) & nw.col(IN_STOCK)).fill_null(value=False).alias(ACTIVE),
        )
        .sort(PRODUCT)
        .collect()
    )
    prices = table.get_column(PRICE_E4).to_numpy().astype(np.float64)
    return Assortment(
        ids=table.get_column(PRODUCT).to_numpy(),
        categories=table.get_column(CATEGORY).to_numpy().astype(np.int64),
        prices=np.where(prices > 0, prices, np.nan),
        sellable=table.get_column(ACTIVE).to_numpy().astype(np.bool_),
        catalogue=catalogue,
    )


def similar(
    told: Told,
    *,
    categories: NDArray[np.int64],
    prices: NDArray[np.float64],
    asked: NDArray[np.integer[Any]],
    quality: NDArray[np.float64],
    how: Describing,
) -> csr_matrix:
    """The sellable products most like each of those at the positions `asked`, by description: (products, products).

    `categories` are numbers from 0; `quality` says which come first among equals. Sparse, `how.k` entries a row.
    """
    described = content.describe(
        told.described.words, categories=categories, brands=told.described.brands, prices=prices
    )
    found = content.similar(described, rows=asked, allowed=told.sellable, quality=quality, how=how)
    size = len(told.sellable)
    spread = to_sparse(found, columns=size).tocoo()
    return csr_matrix((spread.data, (asked[spread.row], spread.col)), shape=(size, size))
