"""The engine of one machine: Polars, scipy, implicit, scikit-learn and mlxtend in this process."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from implicit.cpu.als import AlternatingLeastSquares
from implicit.cpu.topk import topk
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans, MiniBatchKMeans
from threadpoolctl import threadpool_limits

from precision.engine.backends.base import Engine, Problem, Source
from precision.engine.cooccurrence import nearest_items
from precision.engine.itemsets import find_itemsets
from precision.engine.pairs import count_pairs
from precision.engine.results import NOBODY, Clusters, Factors, Itemsets, PairCounts, TopItems

MIB = 2**20
MINI_BATCH_FROM = 100_000  # points; above it full k-means would take minutes
FORBIDDEN = np.finfo(np.float32).min  # the score that implicit gives to an item it must not recommend


class LocalEngine(Engine):
    """Runs everything here, in blocks, on the given number of threads."""

    reproducible = True

    def __init__(self, *, threads: int | None = None, block_mib: int = 32) -> None:
        """Make an engine.

        Args:
            threads: how many threads a primitive uses; by default as many as this process has processors.
            block_mib: about how much memory one thread takes for intermediate blocks, in MiB.
        """
        if threads is not None and threads < 1:
            raise ValueError(f"threads is {threads}, wanted at least 1 or None for all processors")
        if block_mib < 1:
            raise ValueError(f"block_mib is {block_mib}, wanted at least 1")
        self.threads = threads or _processors()
        self.block_bytes = block_mib * MIB

    def check(self) -> list[Problem]:
        """A problem for more threads than processors: they would wait for each other."""
        if self.threads <= _processors():
            return []
        return [
            Problem(
                f"threads is {self.threads}, but this process may use {_processors()} processors",
                "Lower OPTIONS['threads'] of this engine, or leave it out.",
            )
        ]

    def scan(self, source: Source) -> nw.LazyFrame[Any]:
        """See `Engine.scan`; Parquet is read by Polars, which streams it."""
        if isinstance(source, str | Path):
            return nw.from_native(pl.scan_parquet(_existing(source)))
        if isinstance(source, Sequence):
            if not source:
                raise FileNotFoundError("no Parquet path was given, wanted at least one")
            return nw.from_native(pl.scan_parquet([part for path in source for part in _existing(path)]))
        try:
            frame = nw.from_native(source)
        except TypeError as error:
            raise TypeError(
                f"cannot scan a {type(source).__name__}; wanted Parquet paths or a Polars or Arrow frame"
            ) from error
        if isinstance(frame, nw.LazyFrame):
            return frame
        local: nw.LazyFrame[Any] = nw.from_native(frame.to_polars().lazy())
        return local

    def pair_counts(self, baskets: csr_matrix, *, min_count: int) -> PairCounts:
        """See `Engine.pair_counts`."""
        return count_pairs(baskets, min_count=min_count, threads=self.threads, block_bytes=self.block_bytes)

    def itemsets(
        self, baskets: csr_matrix, *, min_count: int, max_length: int = 3, max_bytes: int = 2**30
    ) -> Itemsets:
        """See `Engine.itemsets`."""
        return find_itemsets(
            baskets,
            self.pair_counts(baskets, min_count=min_count),
            min_count=min_count,
            max_length=max_length,
            max_bytes=max_bytes,
        )

    def neighbours(self, interactions: csr_matrix, *, k: int, shrinkage: float = 0.0) -> TopItems:
        """See `Engine.neighbours`."""
        return nearest_items(
            interactions, k=k, shrinkage=shrinkage, threads=self.threads, block_bytes=self.block_bytes
        )

    def factorise(
        self,
        interactions: csr_matrix,
        *,
        factors: int,
        regularization: float,
        alpha: float,
        iterations: int,
        rng: np.random.Generator,
    ) -> Factors:
        """See `Engine.factorise`; solved by implicit with conjugate gradients (Takács et al. 2011)."""
        matrix = csr_matrix(interactions, dtype=np.float32)
        if not matrix.nnz:
            raise ValueError(f"the {matrix.shape} interactions hold no entry; wanted at least one")
        if not np.isfinite(matrix.data).all():
            raise ValueError("the interactions hold a weight that is not finite; wanted finite weights")
        # implicit runs its own threads, each of which calls BLAS: more threads there slow it down manyfold.
        with threadpool_limits(limits=1, user_api="blas"):
            model = AlternatingLeastSquares(
                factors=factors,
                regularization=regularization,
                alpha=alpha,
                iterations=iterations,
                num_threads=self.threads,
                random_state=rng,
            )
            model.fit(matrix, show_progress=False)
        return Factors(rows=model.user_factors, items=model.item_factors)

    def top_n(
        self,
        user_factors: NDArray[np.float32],
        item_factors: NDArray[np.float32],
        *,
        n: int,
        exclude: csr_matrix | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> TopItems:
        """See `Engine.top_n`; equal scores come in no promised order."""
        users, items = len(user_factors), len(item_factors)
        _check_top_n(user_factors, item_factors, n=n, exclude=exclude, allowed=allowed)
        columns = np.arange(items) if allowed is None else np.flatnonzero(allowed)
        best = np.full((users, n), NOBODY, dtype=np.int32)
        scores = np.zeros((users, n), dtype=np.float32)
        width = min(n, len(columns))
        if not width:
            return TopItems(items=best, scores=scores)
        candidates = np.ascontiguousarray(item_factors[columns], dtype=np.float32)
        forbidden = None
        if exclude is not None:
            forbidden = csr_matrix(exclude, dtype=np.float32)
            forbidden = forbidden if allowed is None else forbidden[:, columns]
        block = max(1, self.block_bytes // (4 * len(columns)))
        with threadpool_limits(limits=1, user_api="blas"):
            for first in range(0, users, block):
                rows = slice(first, min(first + block, users))
                ids, values = topk(
                    candidates,
                    np.ascontiguousarray(user_factors[rows], dtype=np.float32),
                    width,
                    filter_query_items=None if forbidden is None else forbidden[rows],
                    num_threads=self.threads,
                )
                real = values > FORBIDDEN
                best[rows, :width] = np.where(real, columns[ids], NOBODY)
                scores[rows, :width] = np.where(real, values, 0)
        return TopItems(items=best, scores=scores)

    def cluster(self, points: NDArray[np.floating[Any]], *, k: int, rng: np.random.Generator) -> Clusters:
        """See `Engine.cluster`; mini batches (Sculley 2010) from 100,000 points on."""
        if len(points) < k or k < 1:
            raise ValueError(f"k is {k} for {len(points)} points, wanted between 1 and the number of points")
        if not np.isfinite(points).all():
            raise ValueError("the points hold a coordinate that is not finite; fill or drop it first")
        # scikit-learn takes no Generator; the seed is drawn from ours.
        seed = int(rng.integers(2**31))
        kind = KMeans if len(points) < MINI_BATCH_FROM else MiniBatchKMeans
        with threadpool_limits(limits=self.threads):
            model = kind(n_clusters=k, n_init=5, random_state=seed).fit(points)
        return Clusters(
            labels=model.labels_.astype(np.int32),
            centres=model.cluster_centers_.astype(np.float64),
            inertia=float(model.inertia_),
        )


def _processors() -> int:
    """How many processors this process may use (fewer than the machine has, in a container with a set)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _existing(path: str | Path) -> list[str]:
    """The files of a path, glob or folder; refuses what matches nothing before a lazy plan is built on it."""
    found = sorted(Path(path).glob("**/*.parquet")) if Path(path).is_dir() else sorted(glob.glob(str(path)))
    if not found:
        raise FileNotFoundError(f"no Parquet file matches {path}; wanted an existing file, folder or glob")
    return [str(file) for file in found]


def _check_top_n(
    user_factors: NDArray[np.float32],
    item_factors: NDArray[np.float32],
    *,
    n: int,
    exclude: csr_matrix | None,
    allowed: NDArray[np.bool_] | None,
) -> None:
    if n < 1:
        raise ValueError(f"n is {n}, wanted at least 1")
    if user_factors.shape[1] != item_factors.shape[1]:
        raise ValueError(
            f"users have {user_factors.shape[1]} factors, items {item_factors.shape[1]}; wanted as many"
        )
    if not (np.isfinite(user_factors).all() and np.isfinite(item_factors).all()):
        raise ValueError("a factor is not finite; wanted finite factors, see the fit that made them")
    shape = (len(user_factors), len(item_factors))
    if exclude is not None and exclude.shape != shape:
        raise ValueError(f"exclude is {exclude.shape}, wanted (users, items) = {shape}")
    if allowed is not None and (allowed.shape != shape[1:] or allowed.dtype != np.bool_):
        raise ValueError(f"allowed is {allowed.dtype} {allowed.shape}, wanted booleans of shape {shape[1:]}")
