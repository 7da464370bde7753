"""What a shop knows, as candidates and rankers need it: of today, and as it was on an earlier day."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np

from precision.shop.columns import DAY, PRODUCT, QUANTITY_E3
from recommender.candidates import personal
from recommender.candidates.assortment import Assortment
from recommender.candidates.personal import Signals, Sources

if TYPE_CHECKING:
    from precision.engine.backends.base import Engine

SOLD_DAYS = 120
"""What sold in so many days before a day of the past counts as for sale on it: the past of stocks is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All lines and events, and what can be sold today."""

    lines: nw.LazyFrame[Any]
    """`history.scan("order_lines")`."""
    goods: Assortment
    signals: Signals = field(default_factory=lambda: Signals(events=None))

    def sources(self, engine: "Engine", *, as_of_day: int, rng: np.random.Generator) -> Sources:
        """The sources as they are today; they see nothing of `as_of_day` or later."""
        return personal.fit(
            engine, self.lines, as_of_day=as_of_day, rng=rng, signals=self.signals, goods=self.goods
        )

    def sources_then(self, engine: "Engine", *, as_of_day: int, rng: np.random.Generator) -> Sources:
        """The sources as they were on an earlier day, when nobody knew of what is for sale today."""
        return replace(self, goods=self.goods_then(as_of_day)).sources(engine, as_of_day=as_of_day, rng=rng)

    def goods_then(self, as_of_day: int) -> Assortment:
        """The assortment with what sold in the SOLD_DAYS before a day as all that can be sold."""
        sold = (
            self.lines.filter(
                nw.col(DAY) >= as_of_day - SOLD_DAYS, nw.col(DAY) < as_of_day, nw.col(QUANTITY_E3) > 0
            )
            .select(PRODUCT)
            .drop_nulls()
            .unique()
            .collect()
        )
        return replace(self.goods, sellable=np.isin(self.goods.ids, sold.get_column(PRODUCT).to_numpy()))
