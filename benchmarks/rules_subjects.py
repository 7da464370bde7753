"""What the benchmark `rules` compares. Of each subject only `work` is measured."""

from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from mlxtend.frequent_patterns import fpgrowth
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, triu

from benchmarks.measuring import Subject
from precision.engine.backends.local import LocalEngine
from precision.shop.columns import ORDER, PRODUCT
from recommender.methods.pairs import to_matrix

# Product ids (lower first) and how many baskets hold both, one entry a pair, in order of the ids.
Pairs = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def equal(one: Pairs, other: Pairs) -> bool:
    """Whether both have the same pairs with the same counts."""
    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))


def _frame(path: Path, min_count: int) -> tuple[pl.DataFrame, int]:
    """The encoded baskets as they come from the facts: order and product ids, Int64."""
    return pl.read_parquet(path), min_count


def _ours(state: tuple[pl.DataFrame, int]) -> Pairs:
    """From the frame to the pairs, as the nightly job does it."""
    frame, min_count = state
    baskets = to_matrix(nw.from_native(frame))
    pairs = LocalEngine().pair_counts(baskets.matrix, min_count=min_count)
    return baskets.products[pairs.a], baskets.products[pairs.b], pairs.count


def _as_it_is(pairs: Pairs, min_count: int) -> Pairs:
    return pairs


def _matrix(path: Path, min_count: int) -> csr_matrix:
    """The baskets as a ready sparse matrix, made without our own code, as a witness."""
    frame = pl.read_parquet(path)
    cells = (np.ones(len(frame), dtype=np.int32), (frame[ORDER].to_numpy(), frame[PRODUCT].to_numpy()))
    return coo_matrix(cells).tocsr()


def _product(matrix: csr_matrix) -> csr_matrix:
    return matrix.T @ matrix


def _frequent(counts: csr_matrix, min_count: int) -> Pairs:
    upper = triu(counts, k=1, format="coo")
    frequent = upper.data >= min_count
    return _sorted(upper.row[frequent], upper.col[frequent], upper.data[frequent])


def _sparse_frame(path: Path, min_count: int) -> tuple[pd.DataFrame, int]:
    """The baskets in the most frugal form that mlxtend takes: a sparse frame of booleans."""
    return pd.DataFrame.sparse.from_spmatrix(_matrix(path, min_count).astype(bool)), min_count


def _fpgrowth(state: tuple[pd.DataFrame, int]) -> pd.DataFrame:
    frame, min_count = state
    # Half a basket below the count: rounding of the quotient must not lose a pair that just reaches it.
    return fpgrowth(frame, min_support=(min_count - 0.5) / len(frame), max_len=2).assign(baskets=len(frame))


def _pairs_of(found: pd.DataFrame, min_count: int) -> Pairs:
    pairs = found[found["itemsets"].str.len() == 2]
    items = np.array([sorted(items) for items in pairs["itemsets"]], dtype=np.int64).reshape(-1, 2)
    counts = np.rint(pairs["support"].to_numpy() * pairs["baskets"].to_numpy())
    return _sorted(items[:, 0], items[:, 1], counts)


def _sorted(a: NDArray[Any], b: NDArray[Any], count: NDArray[Any]) -> Pairs:
    order = np.lexsort((b, a))
    return a[order].astype(np.int64), b[order].astype(np.int64), count[order].astype(np.int64)


OURS = Subject("ours", prepare=_frame, work=_ours, finish=_as_it_is)
PRODUCT_ONLY = Subject("XᵀX", prepare=_matrix, work=_product, finish=_frequent)
MLXTEND = Subject("mlxtend", prepare=_sparse_frame, work=_fpgrowth, finish=_pairs_of)
