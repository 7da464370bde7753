"""What the jobs do with frames."""

import narwhals as nw
import polars as pl


def once(frame: "nw.LazyFrame[pl.LazyFrame]") -> "nw.LazyFrame[pl.LazyFrame]":
    """Return the frame computed and lazy again."""
    return frame.collect("polars").lazy()
