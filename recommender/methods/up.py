"""Up-marketing: of the goods of the same kind, which one to offer beside, or after, one that somebody chose.

An option is worth offering where it is of a higher quality tier (a greater price position, and dearer) or earns the
shop more (a greater margin, price − cost, at no lower a price), and where the customer accepts it: its position lies
within their accepted price band, or, where no band is known, it costs at most MOST_TIMES what was chosen. A band never
shuts out goods of the tier of what they have just chosen.

Options are ordered by what an offer may bring,

    score = take × (price of the chosen / price)^ELASTICITY × gain

`take` is the share of the kind's sales, (lines + 1) / Σ (lines + 1), and `gain` the margin that the option earns above
the chosen one. A cost that is unknown is taken to be the median share of the price that is known of the kind; where no
cost is known, the gain is the difference of the prices.

A kind may be wide, or no more than a word that titles share. Where it is known how like the chosen one an option is,
the score is multiplied by UNLIKE + likeness: a cake tin before a first aid tin.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ELASTICITY: Final = 2.0  # mean price elasticities of goods: 1.8 (Tellis 1988), 2.6 (Bijmolt et al. 2005)
MOST_TIMES: Final = 2.0  # of the price of what was chosen, where no accepted band is known

UNLIKE: Final = 0.1  # what an option that is unlike the chosen one keeps of its score

Why = Literal["quality", "margin"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """Goods of one kind, and one currency; entry i of each array is good i, nan what is not known."""

    price: Floats  # today's, above 0
    position: Floats  # price position within the kind, 0 the cheapest to 1 the dearest
    cost: Floats
    lines: NDArray[np.int64]  # order lines lately, 0 or more

    def __len__(self) -> int:
        return len(self.price)


@dataclass(frozen=True, slots=True)
class Step:
    """An option worth offering."""

    option: int  # its place among the goods
    score: float  # above 0, in money; see the module
    why: Why


def steps_up(
    goods: Goods, *, chosen: int, accepted: float | None = None, likeness: Floats | None = None
) -> list[Step]:
    """The options above good `chosen`, the best first; equal ones in order of place.

    `accepted` is the upper end of the price band that the customer accepts, a price position; None: not known.
    `likeness` is that of each good with the chosen one, 0 to 1.

    Raises:
        ValueError: `chosen` is no place among the goods.
    """
    if not 0 <= chosen < len(goods):
        raise ValueError(f"the chosen good is {chosen}, wanted a place among {len(goods)} goods")
    price, position = goods.price[chosen], goods.position[chosen]
    if not price > 0:
        return []
    higher = (goods.position > position) & (goods.price > price)
    earns_more = (goods.price - goods.cost > price - goods.cost[chosen]) & (goods.price >= price)
    offered = (higher | earns_more) & accepts(goods, chosen=chosen, accepted=accepted)
    offered[chosen] = False
    take = (goods.lines + 1) / (goods.lines + 1).sum()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        score = take * (price / goods.price) ** ELASTICITY * _gain(goods, chosen)
    if likeness is not None:
        score = score * (UNLIKE + likeness)
    places = np.flatnonzero(offered & np.isfinite(score) & (score > 0))
    order = places[np.argsort(-score[places], kind="stable")]
    return [Step(int(i), float(score[i]), "quality" if higher[i] else "margin") for i in order]


def accepts(goods: Goods, *, chosen: int, accepted: float | None) -> NDArray[np.bool_]:
    """Which goods somebody who chose `chosen` accepts by their price; see the module."""
    times: NDArray[np.bool_] = goods.price <= MOST_TIMES * goods.price[chosen]
    if accepted is None:
        return times
    own = goods.position[chosen]
    within = goods.position <= max(accepted, 0.0 if np.isnan(own) else own)
    return np.asarray(np.where(np.isnan(goods.position), times, within), dtype=np.bool_)


def _gain(goods: Goods, chosen: int) -> Floats:
    """What each good earns more than the chosen one."""
    known = np.isfinite(goods.cost) & (goods.price > 0)
    if not known.any():
        return np.asarray(goods.price - goods.price[chosen])
    share = float(np.median(goods.cost[known] / goods.price[known]))
    margin = goods.price - np.where(np.isfinite(goods.cost), goods.cost, share * goods.price)
    gain: Floats = margin - margin[chosen]
    return gain
