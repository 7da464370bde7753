"""Features of (customer, product) pairs as of a day: one table with stable names for learning and for serving.

Everything comes from what was fitted as of the day; nothing after it is seen. Unknown is nan, which the trees
take as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from precision.engine.results import TopItems
from recommender.candidates.personal import Sources
from recommender.ranking import affinities, customers, pairs, people, products, repeats, stores
from recommender.ranking.affinities import Nearness
from recommender.ranking.descriptions import Descriptions
from recommender.ranking.pairs import Floats, Pairs
from recommender.ranking.people import People
from recommender.ranking.repeats import Habits
from recommender.ranking.stores import Stores

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine


@dataclass(frozen=True, slots=True)
class Known:
    """All that is known as of the day of the sources, of everybody and everything."""

    sources: Sources
    products: dict[str, Floats]  # NAME → (products,)
    customers: dict[str, Floats]  # NAME → (customers,)
    near: Nearness
    habits: Habits
    stores: Stores | None
    people: People


@dataclass(frozen=True, slots=True)
class Table:
    """Pairs and what is known of them."""

    pairs: Pairs
    names: tuple[str, ...]
    values: Floats  # (pairs, names)

    def kept(self, which: NDArray[np.bool_]) -> "Table":
        """Only the pairs where `which` (pairs,) is True."""
        return Table(pairs=self.pairs.kept(which), names=self.names, values=self.values[which])


def prepare(sources: Sources, lines: nw.LazyFrame[Any], described: Descriptions) -> Known:
    """What the features of any customers are taken from; `lines` are those of the sources."""
    return Known(
        sources=sources,
        products=products.features(sources, lines),
        customers=customers.features(sources),
        near=affinities.prepare(sources, described),
        habits=repeats.prepare(sources),
        stores=stores.prepare(lines, sources.history),
        people=people.prepare(sources),
    )


def table(
    engine: "Engine",
    known: Known,
    lists: Mapping[str, TopItems],
    rows: NDArray[np.int64],
    *,
    repeated: bool,
    weights: Mapping[str, float],
    most: int,
) -> Table:
    """The features of the `most` pairs of each customer that the lists of the customers at `rows` speak most for.

    `weights` are those of the blend. `repeated`: with features of what the customer had before, for lists that may
    hold it.
    """
    found, columns = pairs.of_lists(lists, columns=len(known.sources.history.products))
    kept = pairs.strongest(found, columns, weights=weights, n=most)
    found, columns = found.kept(kept), {name: values[kept] for name, values in columns.items()}
    columns |= {name: values[found.item] for name, values in known.products.items()}
    columns |= {name: values[rows[found.row]] for name, values in known.customers.items()}
    columns |= affinities.features(known.near, known.sources, rows, found)
    columns |= stores.features(known.stores, rows, found)
    columns |= people.features(engine, known.people, rows, found)
    columns |= _comparisons(known, rows, found)
    if repeated:
        columns |= repeats.features(known.habits, rows, found)
        columns["predicted"] = affinities.predicted(known.sources, rows, found)
    values = np.empty((len(found), len(columns)), dtype=np.float32)
    for number, column in enumerate(columns.values()):
        values[:, number] = column
    return Table(pairs=found, names=tuple(columns), values=values)


def _comparisons(known: Known, rows: NDArray[np.int64], found: Pairs) -> dict[str, NDArray[Any]]:
    """The price of the product against what the customer usually pays, as ln of the ratio."""
    with np.errstate(divide="ignore", invalid="ignore"):
        price = np.log(known.products["price"])
    price[~np.isfinite(price)] = np.nan
    return {"price ratio": price[found.item] - known.customers["price level"][rows[found.row]]}
