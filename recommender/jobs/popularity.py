"""The job `popularity`: best-sellers of several windows, and what sells faster than before."""

from collections.abc import Hashable, Iterator
from typing import Any

import narwhals as nw
import polars as pl

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.models import Run
from precision.engine.reading import read_frame
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop import history
from precision.shop.models import Platform
from recommender.candidates import popularity
from recommender.candidates.popularity import Ranked
from recommender.models import PopularList

LENGTH = 200  # products in a list for everyone or a class
CATEGORY_LENGTH = 50
GROUP_DAYS = (30, 90)  # windows of categories and classes: a week holds too few orders of most of them
LOOK_BACK_DAYS = 90


def compute_popularity(run: Run, engine: Engine) -> Outcome:
    """Write PopularList rows of the run's platform: for all, by category, by price class."""
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, days=LOOK_BACK_DAYS, timezone=platform.timezone)
    lines = history.scan("order_lines", window, platform=platform)
    classes = _classes(platform)
    rows = [row for row in _lists(lines, classes, as_of_day=epoch_day(run.as_of)) if len(row[3].products)]
    frame = pl.DataFrame(
        {
            "kind": [kind for kind, _, _, _ in rows],
            "days": [days for _, days, _, _ in rows],
            "group": [group for _, _, group, _ in rows],
            "items": [ranked.products.tolist() for _, _, _, ranked in rows],
            "scores": [ranked.scores.tolist() for _, _, _, ranked in rows],
        },
        schema={
            "kind": pl.String, "days": pl.Int64, "group": pl.String, "items": pl.List(pl.Int64),
            "scores": pl.List(pl.Float64),
        },
    ).with_columns(pl.lit(run.pk).alias("run_id"))  # fmt: skip
    return Outcome(rows={"popular_list": copy_rows(PopularList, frame)})


def _lists(
    lines: nw.LazyFrame[Any], classes: nw.LazyFrame[Any], *, as_of_day: int
) -> Iterator[tuple[str, int, str, Ranked]]:
    """Yield kind, days, group and products of every list."""
    popular, trending = PopularList.Kind.POPULAR.value, PopularList.Kind.TRENDING.value
    for days in popularity.WINDOWS:
        frame = popularity.popular(lines, as_of_day=as_of_day, days=days)
        yield popular, days, "all", popularity.ranked(frame, score=popularity.BUYERS, n=LENGTH)
    for days in GROUP_DAYS:
        by_category = popularity.popular(lines, as_of_day=as_of_day, days=days, by=c.CATEGORY)
        yield from _named(popular, days, "category", by_category, n=CATEGORY_LENGTH)
        by_class = popularity.popular(
            lines, as_of_day=as_of_day, days=days, by=popularity.GROUP, groups=classes
        )
        yield from _named(popular, days, "class", by_class, n=LENGTH)
    growing = _risen(popularity.trending(lines, as_of_day=as_of_day))
    yield trending, 7, "all", popularity.ranked(growing, score=popularity.GROWTH, n=LENGTH)
    in_category = popularity.trending(lines, as_of_day=as_of_day, by=c.CATEGORY)
    yield from _named(
        trending, 7, "category", _risen(in_category), n=CATEGORY_LENGTH, score=popularity.GROWTH
    )
    in_class = popularity.trending(lines, as_of_day=as_of_day, by=popularity.GROUP, groups=classes)
    yield from _named(trending, 7, "class", _risen(in_class), n=LENGTH, score=popularity.GROWTH)


def _risen(growing: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return what sells faster than before: in a small group most of the rest fell."""
    return growing.filter(nw.col(popularity.GROWTH) > 1)


def _named(
    kind: str, days: int, name: str, frame: nw.LazyFrame[Any], *, n: int, score: str = popularity.BUYERS
) -> Iterator[tuple[str, int, str, Ranked]]:
    """Yield the lists of one grouping, named like `class:A`."""
    by = c.CATEGORY if name == "category" else popularity.GROUP
    lists: dict[Hashable, Ranked] = popularity.ranked_by(frame, by=by, score=score, n=n)
    for key, ranked in lists.items():
        yield kind, days, f"{name}:{key}", ranked


def _classes(platform: Platform) -> nw.LazyFrame[Any]:
    """Return CUSTOMER and GROUP, the letter of the published run of price classes."""
    published = runs.published_ids(platform.key).get("price-classes", 0)
    frame = read_frame(
        f'SELECT customer_id AS "{c.CUSTOMER}", letter AS "{popularity.GROUP}" '
        f"FROM precision_segments_customerclass WHERE run_id = {published:d}"
    )
    return nw.from_native(frame.lazy())
