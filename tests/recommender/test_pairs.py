"""Baskets and pair counts: two definitions, one answer."""

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.engine.backends.local import LocalEngine
from precision.shop.columns import ORDER, PRODUCT, RETURNED
from recommender.methods.pairs import (
    COUNT,
    FIRST,
    SECOND,
    baskets,
    encode,
    pair_counts_frame,
    purchases,
    to_matrix,
)
from tests.recommender.golden import golden_lines


def lines(*rows: tuple[int | None, int | None, bool | None]) -> nw.LazyFrame:
    schema = {ORDER: pl.Int64, PRODUCT: pl.Int64, RETURNED: pl.Boolean}
    return nw.from_native(pl.DataFrame(rows, schema=schema, orient="row").lazy())


LINES = lines(
    (7, 30, False),
    (7, 10, False),
    (7, 10, False),  # the same product twice
    (7, 20, True),  # came back
    (9, 10, None),  # not known to have come back
    (9, None, False),  # a product that nobody knows
    (8, 10, False),
    (8, 20, False),
    (8, 30, False),
    (8, 40, False),
)


def test_returned_lines_unknown_products_and_repeats_leave():
    found = to_matrix(purchases(LINES))
    assert found.orders.tolist() == [7, 8, 9]
    assert found.products.tolist() == [10, 20, 30, 40]
    assert found.matrix.toarray().tolist() == [[1, 0, 1, 0], [1, 1, 1, 1], [1, 0, 0, 0]]
    assert found.left_out == 0


def test_a_basket_above_the_bound_leaves_whole_and_is_counted():
    found = to_matrix(purchases(LINES), max_items=3)
    assert found.orders.tolist() == [7, 9]
    assert found.left_out == 1
    assert found.matrix.sum(axis=0).tolist() == [[2, 0, 1, 0]]
    assert found.matrix.shape == (2, 4)


def test_the_frame_of_baskets_keeps_the_same_bound():
    kept = baskets(LINES, max_items=3).collect().rows()
    assert sorted(kept) == [(7, 10), (7, 30), (9, 10)]
    assert len(baskets(LINES).collect()) == 7


def test_no_lines_are_no_baskets():
    found = to_matrix(purchases(lines()))
    assert found.matrix.shape == (0, 0)
    assert len(LocalEngine(threads=1).pair_counts(found.matrix, min_count=1)) == 0


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_lines_does_not_matter(seed: int):
    one, other = (
        to_matrix(purchases(golden_lines(seed=seed))),
        to_matrix(purchases(golden_lines(seed=seed + 10))),
    )
    assert (one.matrix != other.matrix).nnz == 0
    assert one.orders.tolist() == other.orders.tolist() == list(range(1_000, 1_006))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pl.DataFrame({ORDER: [1]}), "wanted order and product"),
        (pl.DataFrame({ORDER: [1], PRODUCT: ["x"]}), "product of the basket frame is String"),
        (
            pl.DataFrame({ORDER: [1, None], PRODUCT: [1, 2]}),
            "order of the basket frame is Int64 with 1 nulls",
        ),
    ],
)
def test_a_frame_of_another_kind_is_refused(frame: pl.DataFrame, message: str):
    with pytest.raises(ValueError, match=message):
        to_matrix(nw.from_native(frame))


def test_a_bound_below_one_is_refused():
    with pytest.raises(ValueError, match="max_items is 0"):
        to_matrix(purchases(LINES), max_items=0)


@given(st.lists(st.integers(-(2**60), 2**60) | st.integers(-20, 20)))
def test_encoded_ids_decode_to_themselves(ids: list[int]):
    values = np.array(ids, dtype=np.int64)
    positions, distinct = encode(values)
    assert distinct[positions].tolist() == ids
    assert distinct.tolist() == sorted(set(ids))


rows = st.tuples(st.integers(0, 12), st.integers(0, 9), st.sampled_from([True, False, False, False, None]))


@settings(deadline=None)
@given(st.lists(rows, max_size=120), st.integers(1, 4), st.none() | st.integers(1, 6))
def test_the_self_join_equals_the_sparse_product(
    bought: list[tuple[int, int, bool | None]], min_count: int, max_items: int | None
):
    frame = lines(*bought)
    joined = pair_counts_frame(baskets(frame, max_items=max_items), min_count=min_count).collect()
    found = to_matrix(purchases(frame), max_items=max_items)
    product = LocalEngine(threads=2, block_mib=1).pair_counts(found.matrix, min_count=min_count)
    by_matrix = zip(
        found.products[product.a].tolist(),
        found.products[product.b].tolist(),
        product.count.tolist(),
        strict=True,
    )
    assert sorted(joined.select(FIRST, SECOND, COUNT).rows()) == list(by_matrix)
    assert joined.schema[COUNT] == nw.Int64
