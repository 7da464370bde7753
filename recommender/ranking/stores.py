"""Where customers buy and what sells there: a product that their store does not carry is no offer."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

from precision.shop.columns import CUSTOMER, DAY, PRODUCT, QUANTITY_E3, STORE
from recommender.interactions import History, positions
from recommender.ranking.pairs import Floats, Pairs

CUSTOMER_DAYS = 120
PRODUCT_DAYS = (14, 60)
PAIR_BLOCK = 2_000_000


@dataclass(frozen=True, slots=True)
class Stores:
    """Shares of each customer's lines by store, and buyers of each product by store."""

    visits: csr_matrix  # (customers, stores) rows that sum to 1, or 0
    buyers: dict[int, csr_matrix]  # days → (stores, products) float32


def prepare(lines: nw.LazyFrame[Any], history: History) -> Stores | None:
    """What was bought where in the last days before that of the history; None where no line names a store."""
    as_of = history.as_of_day
    told = lines.filter(
        nw.col(DAY) >= as_of - max(CUSTOMER_DAYS, *PRODUCT_DAYS), nw.col(DAY) < as_of,
        nw.col(QUANTITY_E3) > 0, ~nw.col(STORE).is_null(), ~nw.col(CUSTOMER).is_null(),
    )  # fmt: skip
    table = (
        told.group_by(STORE, CUSTOMER, PRODUCT)
        .agg(nw.col(DAY).max(), nw.len().cast(nw.Int64).alias("lines"))
        .collect()
    )
    if not len(table):
        return None
    store, customer, product, day, count = (
        table.get_column(name).to_numpy() for name in (STORE, CUSTOMER, PRODUCT, DAY, "lines")
    )
    ids, at = np.unique(store, return_inverse=True)
    row, has_row = positions(customer, history.customers)
    column, has_column = positions(product, history.products)
    known = has_row & (day >= as_of - CUSTOMER_DAYS)
    visits = csr_matrix(
        (count[known].astype(np.float32), (row[known], at[known])), shape=(len(history.customers), len(ids))
    )
    total = np.maximum(np.asarray(visits.sum(axis=1)).ravel(), 1)
    buyers = {}
    for days in PRODUCT_DAYS:
        sold = has_column & (day >= as_of - days)
        ones = np.ones(int(sold.sum()), dtype=np.float32)
        buyers[days] = csr_matrix((ones, (at[sold], column[sold])), shape=(len(ids), len(history.products)))
    return Stores(
        visits=csr_matrix(diags(1 / total, shape=(len(total), len(total))) @ visits, dtype=np.float32),
        buyers=buyers,
    )


def features(stores: Stores | None, rows: NDArray[np.int64], pairs: Pairs) -> dict[str, Floats]:
    """Buyers of the product in the customer's stores, each store by its share; nan without stores."""
    if stores is None:
        unknown = np.full(len(pairs), np.nan, dtype=np.float32)
        return {f"store buyers {days}": unknown for days in PRODUCT_DAYS}
    visits = csr_matrix(stores.visits[rows])
    return {
        f"store buyers {days}": pairs.values(csr_matrix(visits @ table))
        for days, table in stores.buyers.items()
    }
