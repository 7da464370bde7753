"""Names of an organisation's products that may mean the same, with the evidence for a person to look at."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from psycopg import sql

from precision.shop import bulk
from precision.shop.methods.alias_suggestions import Suggestion, left_over, never_together, normal
from precision.shop.models import Platform, Product, ProductAlias

SIMILAR = "similar-name"
"""Method of a suggestion: similar names of one platform that no basket holds both of."""
LEFT_OVER = "left-over"
"""Method of a suggestion: names that two catalogues have left once equal names are paired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The names of a platform: numbers and titles of its products, in the same order."""

    platform: Platform
    numbers: list[int]
    titles: list[str]


def catalogue(platform: Platform) -> Catalogue:
    """Return the products that the platform describes."""
    rows = list(
        Product.objects.filter(platform=platform, listed=True).order_by("pk").values_list("pk", "title")
    )
    return Catalogue(platform=platform, numbers=[row[0] for row in rows], titles=[row[1] for row in rows])


def similar_names(
    catalogue: Catalogue,
    *,
    known: set[tuple[int, int]],
    group: dict[int, int],
    spread: Counter[str],
    limit: int,
) -> list[ProductAlias]:
    """Return suggestions within a platform; the name that more catalogues use comes first, then the more
    sold.
    """
    position = {number: index for index, number in enumerate(catalogue.numbers)}
    # No DISTINCT here: its parallel hash aggregate was seen to run for minutes on PostgreSQL 15 (1.5 M lines).
    lines = bulk.fetch(
        sql.SQL(
            "SELECT l.order_id, l.product_id FROM precision_shop_orderline AS l "
            "JOIN precision_shop_order AS o ON o.id = l.order_id WHERE o.platform_id = {} AND l.quantity > 0"
        ).format(sql.Literal(catalogue.platform.pk)),
        {"basket": pl.Int64, "product": pl.Int64},
    )
    places = pl.DataFrame(
        {"product": catalogue.numbers, "place": range(len(position))},
        schema_overrides={"place": pl.Int64, "product": pl.Int64},
    )
    lines = lines.unique().join(places, on="product")
    sold = np.bincount(lines.get_column("place").to_numpy(), minlength=len(position))
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number, root in group.items():
        if number in position:
            members[root].append(position[number])
    joined = [pair for part in members.values() for pair in combinations(part, 2)]
    asked = [(position[a], position[b]) for a, b in known if a in position and b in position]
    found = never_together(
        catalogue.titles, baskets=lines.get_column("basket").to_numpy(),
        products=lines.get_column("place").to_numpy(), known=[*asked, *joined], limit=limit,
    )  # fmt: skip
    made = []
    for one in found:
        first, second = sorted(
            (one.first, one.second),
            key=lambda index: (-spread[normal(catalogue.titles[index])], -sold[index], index),
        )
        made.append(
            _suggestion(
                catalogue.numbers[first],
                catalogue.numbers[second],
                one,
                SIMILAR,
                {
                    "baskets": [int(sold[first]), int(sold[second])],
                    "together": 0,
                    "chance": round(one.chance or 0, 4),
                },
            )
        )
    return made


def left_over_names(
    mine: Catalogue, theirs: Catalogue, *, known: set[tuple[int, int]], group: dict[int, int], limit: int
) -> list[ProductAlias]:
    """Return suggestions between two platforms."""
    here = {number: index for index, number in enumerate(mine.numbers)}
    there = {number: index for index, number in enumerate(theirs.numbers)}
    members: defaultdict[int, list[int]] = defaultdict(list)
    for number, root in group.items():
        if number in there:
            members[root].append(there[number])
    joined = [
        (here[number], other) for number, root in group.items() if number in here for other in members[root]
    ]
    asked = [
        (here[a], there[b]) for a, b in {*known, *((b, a) for a, b in known)} if a in here and b in there
    ]
    found = left_over(
        mine.titles,
        theirs.titles,
        joined=joined,
        known=asked,
        sales=lambda: _both_sales(mine, theirs),
        limit=limit,
    )
    return [
        _suggestion(
            mine.numbers[one.first],
            theirs.numbers[one.second],
            one,
            LEFT_OVER,
            {},
        )
        for one in found
    ]


def _both_sales(mine: Catalogue, theirs: Catalogue) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the units sold of both, shapes (titles, weeks), of the same weeks."""
    sold = [_weekly_sales(each) for each in (mine, theirs)]
    weeks = pl.concat([each.select("week") for each in sold]).unique().sort("week").with_row_index("column")
    matrices = []
    for sales, each in zip(sold, (mine, theirs), strict=True):
        rows = pl.DataFrame({"product": each.numbers}, schema={"product": pl.Int64}).with_row_index("row")
        placed = sales.join(rows, on="product").join(weeks, on="week")
        matrix = np.zeros((len(each.numbers), weeks.height))
        matrix[placed.get_column("row").to_numpy(), placed.get_column("column").to_numpy()] = (
            placed.get_column("units").to_numpy()
        )
        matrices.append(matrix)
    return matrices[0], matrices[1]


def _weekly_sales(catalogue: Catalogue) -> pl.DataFrame:
    """Return product, week (number since 1970) and units sold of the platform."""
    return bulk.fetch(
        sql.SQL(
            "SELECT l.product_id, floor(extract(epoch FROM o.placed_at) / 604800)::bigint AS week, "
            "(sum(l.quantity) / 1000.0)::double precision AS units "
            "FROM precision_shop_orderline AS l JOIN precision_shop_order AS o ON o.id = l.order_id "
            "WHERE o.platform_id = {} AND l.quantity > 0 GROUP BY 1, 2"
        ).format(sql.Literal(catalogue.platform.pk)),
        {"product": pl.Int64, "week": pl.Int64, "units": pl.Float64},
    )


def _suggestion(
    product: int, other: int, one: Suggestion, method: str, evidence: dict[str, object]
) -> ProductAlias:
    pattern = {} if one.pattern is None else {"pattern": round(one.pattern, 4)}
    return ProductAlias(
        product_id=product, other_id=other, method=method, score=round(one.score, 4),
        evidence={"similarity": round(one.similarity, 4), **evidence, **pattern},
    )  # fmt: skip
