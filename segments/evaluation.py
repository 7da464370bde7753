"""Conditions over everybody: labels of the published run, counts of behaviour, lists; piece by piece.

The labels are sorted by customer, so counts find their rows by binary search instead of a join. A caller may stop
between two pieces.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.shop import columns as c
from segments import conditions
from segments.conditions import Condition, Did, LabelType
from segments.methods.behaviour import TIMES

PIECE: Final = 4_000_000
"""Customers of one piece."""
DTYPES: Final = {LabelType.NUMBER: pl.Float64, LabelType.TEXT: pl.String, LabelType.BOOLEAN: pl.Boolean}
Numbers = NDArray[np.int64]


def _goes_on() -> None:
    """Let it go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Everybody:
    """What conditions are evaluated over."""

    labels: pl.LazyFrame
    """CUSTOMER, sorted, each once, and a column for each label that was computed."""
    types: Mapping[str, LabelType]
    """All labels that conditions may name; one without a column is known of nobody."""
    counts: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    """By key of a behaviour term: CUSTOMER (sorted, each once) and TIMES."""
    lists: Mapping[str, Numbers] = field(default_factory=dict)
    """By key of a static segment: its customers, sorted, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many customers meet a condition."""

    count: int
    of: int
    """Everybody who was looked at."""
    sample: list[int]
    """Some of those who meet it."""


def members(
    everybody: Everybody,
    wanted: Mapping[str, Condition],
    *,
    go_on: Callable[[], None] = _goes_on,
    size: int = PIECE,
) -> Iterator[pl.DataFrame]:
    """Yield CUSTOMER and a Boolean column for each wanted condition, never null, piece by piece.

    The conditions stand in an order in which each comes after those it names. Who is in no row of labels but did or is
    listed comes in the last piece. `go_on` is called before each piece and ends the work by raising.
    """
    labels = frozenset().union(*(conditions.labels_of(each) for each in wanted.values()))
    present = everybody.labels.collect_schema()
    known = [name for name in sorted(labels) if name in present]
    unknown = [
        pl.lit(None, dtype=DTYPES[everybody.types[name]]).alias(name)
        for name in labels
        if name not in present
    ]
    terms = conditions.behaviour_of(*wanted.values())
    numbers = {term.key: _arrays(everybody.counts[term.key]) for term in terms}
    named = frozenset().union(*(conditions.segments_of(each) for each in wanted.values()))
    lists = {key: everybody.lists[key] for key in named if key in everybody.lists}
    met: list[Numbers] = []
    total = everybody.labels.select(pl.len()).collect().item()
    for start in range(0, total, size):
        go_on()
        piece = everybody.labels.slice(start, size).select(c.CUSTOMER, *known).collect()
        met.append(piece[c.CUSTOMER].to_numpy())
        yield _evaluated(piece.with_columns(unknown), wanted, numbers, lists)
    others = _others(met, [ids for ids, _ in numbers.values()] + list(lists.values()))
    if others.size:
        go_on()
        empty = pl.DataFrame(schema={name: present[name] for name in known})
        rest = pl.concat([pl.DataFrame({c.CUSTOMER: others}), empty], how="diagonal").with_columns(unknown)
        yield _evaluated(rest, wanted, numbers, lists)


def count(
    everybody: Everybody,
    condition: Condition,
    *,
    named: Mapping[str, Condition],
    sample: int = 0,
    go_on: Callable[[], None] = _goes_on,
    size: int = PIECE,
) -> Counted:
    """Return how many customers meet a condition; `named` are those it stands on, each after the ones it names."""
    found, seen, some = 0, 0, list[int]()
    # A space stands in no key of a segment.
    for piece in members(everybody, {**named, " ": condition}, go_on=go_on, size=size):
        inside = piece[" "]
        seen += piece.height
        found += int(inside.sum())
        if len(some) < sample:
            some += piece[c.CUSTOMER].filter(inside).head(sample - len(some)).to_list()
    return Counted(count=found, of=seen, sample=some)


def _evaluated(
    piece: pl.DataFrame,
    wanted: Mapping[str, Condition],
    numbers: Mapping[str, tuple[Numbers, Numbers]],
    lists: Mapping[str, Numbers],
) -> pl.DataFrame:
    """Return CUSTOMER and a column for each condition."""
    customers = piece[c.CUSTOMER].to_numpy()
    added = [pl.Series(_count_name(key), _aligned(customers, *each)) for key, each in numbers.items()]
    added += [
        pl.Series(_segment_name(key), _aligned(customers, ids, np.ones(ids.size, dtype=np.int64)) > 0)
        for key, ids in lists.items()
    ]
    frame: Any = nw.from_native(piece.with_columns(added))
    for key, condition in wanted.items():
        expression = conditions.to_expression(
            condition, counts=_count_column, segments=lambda name: nw.col(_segment_name(name))
        )
        frame = frame.with_columns(expression.alias(_segment_name(key)))
    chosen: pl.DataFrame = frame.select(
        c.CUSTOMER, *(nw.col(_segment_name(key)).alias(key) for key in wanted)
    ).to_native()
    return chosen


def _aligned(customers: Numbers, ids: Numbers, values: Numbers) -> Numbers:
    """Return the value of each of the sorted customers, 0 for those who have none."""
    result = np.zeros(customers.size, dtype=np.int64)
    if not customers.size:
        return result
    first, last = np.searchsorted(ids, customers[0]), np.searchsorted(ids, customers[-1], side="right")
    places = np.searchsorted(customers, ids[first:last])
    hit = customers[places] == ids[first:last]
    result[places[hit]] = values[first:last][hit]
    return result


def _others(met: Sequence[Numbers], found: Iterable[Numbers]) -> Numbers:
    """Return whom counts or lists have and no piece, sorted; pieces are sorted, one behind the other."""
    rest = [_missing(met, ids) for ids in found]
    return np.unique(np.concatenate(rest)) if rest else np.zeros(0, dtype=np.int64)


def _missing(met: Sequence[Numbers], ids: Numbers) -> Numbers:
    """Return the sorted ids that are in no piece: each piece is asked for those between its ends only."""
    left: list[Numbers] = []
    place = 0
    for customers in met:
        if not customers.size:
            continue
        first, last = np.searchsorted(ids, customers[0]), np.searchsorted(ids, customers[-1], side="right")
        inside = ids[first:last]
        left += [ids[place:first], inside[customers[np.searchsorted(customers, inside)] != inside]]
        place = int(last)
    return np.concatenate([*left, ids[place:]])


def _arrays(frame: pl.DataFrame) -> tuple[Numbers, Numbers]:
    return frame[c.CUSTOMER].to_numpy(), frame[TIMES].to_numpy()


def _count_name(key: str) -> str:
    return f"did {key}"


def _count_column(term: Did) -> nw.Expr:
    return nw.col(_count_name(term.key))


def _segment_name(key: str) -> str:
    return f"segment {key}"
