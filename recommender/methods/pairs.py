"""Baskets from order lines, and the pairs of products that stand together in them.

The same definition twice: as a sparse matrix (for an engine's `pair_counts`) and as a self-join in the frame
dialect (for an engine that has no matrices). A test holds them together.

A basket is the set of distinct products of one order, returned lines left out. A basket with more than
`max_items` products is left out whole: a wholesale order of a thousand products says little about what goes
together, and costs half a million pairs. It counts neither in the pairs nor in the number of baskets.
"""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix

from precision.shop.columns import ORDER, PRODUCT, RETURNED

FIRST = "product_a"  # Int64, the lower product id of a pair
SECOND = "product_b"  # Int64, the higher one
COUNT = "count"  # Int64, baskets that hold both
ITEMS = "items"  # Int64, distinct products of a basket

Positions = NDArray[np.signedinteger[Any]]  # int32; int64 from 2³¹ lines on

# A table from id to position is used where the ids span at most this many times as many numbers as there are.
DENSE_SPAN = 8


@dataclass(frozen=True, slots=True)
class Baskets:
    """Baskets as a binary matrix: row r is the order `orders[r]`, column c the product `products[c]`."""

    matrix: csr_matrix  # (orders, products) int32, 1 where the order holds the product; rows sorted
    orders: NDArray[np.int64]  # ascending
    products: NDArray[np.int64]  # ascending; also those only in baskets that were left out
    left_out: int  # orders with more than `max_items` products, not in the matrix


def purchases(lines: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The columns ORDER and PRODUCT of the lines that count for baskets: not returned, product known.

    `lines` needs ORDER and PRODUCT (Int64) and RETURNED (Boolean; null counts as not returned).
    """
    return (
        lines.filter(~nw.col(RETURNED).fill_null(value=False))
        .select(nw.col(ORDER), nw.col(PRODUCT))
        .drop_nulls()
    )


def baskets(lines: nw.LazyFrame[Any], *, max_items: int | None = None) -> nw.LazyFrame[Any]:
    """One row (ORDER, PRODUCT) a distinct product of a basket; baskets above `max_items` are left out."""
    distinct = purchases(lines).unique([ORDER, PRODUCT])
    if max_items is None:
        return distinct
    sizes = distinct.group_by(ORDER).agg(nw.len().cast(nw.Int64).alias(ITEMS))
    small = sizes.filter(nw.col(ITEMS) <= max_items).select(ORDER)
    return distinct.join(small, on=ORDER, how="semi")


def pair_counts_frame(distinct: nw.LazyFrame[Any], *, min_count: int = 1) -> nw.LazyFrame[Any]:
    """The columns FIRST < SECOND and COUNT of all pairs in at least `min_count` baskets, unordered.

    `distinct` has one row (ORDER, PRODUCT) for each product of each basket, as `baskets` gives it.
    """
    other = distinct.select(nw.col(ORDER), nw.col(PRODUCT).alias(SECOND))
    return (
        distinct.select(nw.col(ORDER), nw.col(PRODUCT).alias(FIRST))
        .join(other, on=ORDER, how="inner")
        .filter(nw.col(FIRST) < nw.col(SECOND))
        .group_by(FIRST, SECOND)
        .agg(nw.len().cast(nw.Int64).alias(COUNT))
        .filter(nw.col(COUNT) >= min_count)
    )


def to_matrix(frame: nw.LazyFrame[Any] | nw.DataFrame[Any], *, max_items: int | None = None) -> Baskets:
    """The baskets of a frame with ORDER and PRODUCT (Int64, no nulls); repeated rows count once.

    Give it `purchases(lines)`; a distinct before it would be double work.

    Raises:
        ValueError: `max_items` is below 1, or a column is missing, is no Int64 or holds a null.
    """
    if max_items is not None and max_items < 1:
        raise ValueError(f"max_items is {max_items}, wanted at least 1 or None for no bound")
    order_ids, product_ids = _ids(frame)
    order, orders = encode(order_ids)
    product, products = encode(product_ids)
    once = _distinct(order, product, shape=(len(orders), len(products)))
    lengths = np.diff(once.indptr)
    small = lengths <= (len(products) if max_items is None else max_items)
    if not small.all():
        once, orders = once[small], orders[small]
    return Baskets(matrix=once, orders=orders, products=products, left_out=int((~small).sum()))


def _distinct(order: Positions, product: Positions, *, shape: tuple[int, int]) -> csr_matrix:
    """A binary matrix with sorted rows; a cell that is given several times is 1 as well."""
    # One byte a cell while it moves: the sum of repeats may wrap, but nobody reads it.
    cells = coo_matrix((np.ones(len(order), dtype=np.int8), (order, product)), shape=shape)
    # Two conversions sort by row and column in linear time; the flag keeps scipy from sorting each row.
    cells.has_canonical_format = True
    matrix = cells.tocsc().tocsr()
    matrix.has_canonical_format = False
    matrix.has_sorted_indices = True
    matrix.sum_duplicates()
    matrix.data = np.ones(matrix.nnz, dtype=np.int32)
    return matrix


def encode(ids: NDArray[np.int64]) -> tuple[Positions, NDArray[np.int64]]:
    """Positions and the distinct ids, ascending: `ids == distinct[positions]`."""
    if not len(ids):
        return ids.astype(np.int32), ids
    lowest, highest = int(ids.min()), int(ids.max())
    if highest - lowest > DENSE_SPAN * len(ids):
        distinct, positions = np.unique(ids, return_inverse=True)
        return positions.astype(_width(ids)), distinct
    # Row ids lie close together: a table over their span is several times faster than a sort.
    offset = ids - lowest
    present = np.zeros(highest - lowest + 1, dtype=np.bool_)
    present[offset] = True
    position_of: Positions = (np.cumsum(present) - 1).astype(_width(ids))
    return position_of[offset], np.flatnonzero(present).astype(np.int64) + lowest


def _width(ids: NDArray[np.int64]) -> type[np.int32] | type[np.int64]:
    return np.int32 if len(ids) < 2**31 else np.int64


def _ids(frame: nw.LazyFrame[Any] | nw.DataFrame[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    names = frame.collect_schema().names()
    missing = [name for name in (ORDER, PRODUCT) if name not in names]
    if missing:
        raise ValueError(f"the basket frame has the columns {names}; wanted {ORDER} and {PRODUCT} too")
    chosen = frame.select(ORDER, PRODUCT)
    table = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    return _values(table, ORDER), _values(table, PRODUCT)


def _values(table: nw.DataFrame[Any], name: str) -> NDArray[np.int64]:
    column = table.get_column(name)
    if column.dtype != nw.Int64 or column.null_count():
        raise ValueError(
            f"the column {name} of the basket frame is {column.dtype} with {column.null_count()} nulls; "
            "wanted Int64 without nulls, as `purchases` gives it"
        )
    values: NDArray[np.int64] = column.to_numpy()
    return values
