"""Features of products as of a day: how they sell, to whom, since when, and in which season."""

from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from precision.shop.columns import DAY, LIST_PRICE_E4, ORDER, PRODUCT, QUANTITY_E3, UNIT_PRICE_E4
from recommender.candidates.groups import NO_GROUP
from recommender.candidates.personal import Sources
from recommender.candidates.popularity import YEAR_DAYS
from recommender.interactions import History, positions

NEW_BUYER_DAYS = (7, 14, 30)
SEASON_DAYS = 28
TREND = ((7, 30), (30, 90))
PRIOR_BUYERS = 10.0  # imagined buyers of a product with the rate of all products
LINES_DAYS = 90
OFFER_DAYS = (7, 28)
Floats = NDArray[np.float32]


def features(sources: Sources, lines: nw.LazyFrame[Any]) -> dict[str, Floats]:
    """NAME → (products,) float32, nan where nothing is known. `lines` are those that the sources were fitted on."""
    history = sources.history
    starts = history.pair_starts()
    column = history.column[starts]
    first_bought = history.day[starts]
    size = len(history.products)
    buyers = np.bincount(column, minlength=size).astype(np.float64)
    found: dict[str, NDArray[Any]] = {f"buyers {days}": sources.popular[days] for days in sources.popular}
    found["buyers"] = buyers
    for days in NEW_BUYER_DAYS:
        fresh = first_bought >= history.as_of_day - days
        found[f"new buyers {days}"] = np.bincount(column[fresh], minlength=size)
    for short, long in TREND:
        expected = sources.popular[long] * (short / long)
        found[f"trend {short}"] = (sources.popular[short] + 1) / (expected + 1)
    found["new buyer share"] = found["new buyers 30"] / np.maximum(sources.popular[30], 1)
    found |= _ages(history)
    found |= _repetition(history, starts, buyers)
    found |= _season(sources)
    found |= _quantities(lines, history)
    found |= _offers(lines, history)
    found["price"] = sources.prices
    found |= _categories(sources, found)
    return {name: np.asarray(values, dtype=np.float32) for name, values in found.items()}


def buyers_between(history: History, first: int, last: int) -> NDArray[np.int64]:
    """How many customers bought each product on days of [first, last), (products,)."""
    within = (history.day >= first) & (history.day < last)
    pairs = np.unique(history.row[within].astype(np.int64) * len(history.products) + history.column[within])
    return np.bincount(pairs % max(len(history.products), 1), minlength=len(history.products))


def _ages(history: History) -> dict[str, NDArray[Any]]:
    """Days since the first and the last sale, nan where there was none."""
    first = np.full(len(history.products), np.inf)
    last = np.full(len(history.products), -np.inf)
    np.minimum.at(first, history.column, history.day)
    np.maximum.at(last, history.column, history.day)
    first[np.isinf(first)] = last[np.isinf(last)] = np.nan
    return {"product age": history.as_of_day - first, "product idle": history.as_of_day - last}


def _repetition(
    history: History, starts: NDArray[np.int64], buyers: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """The share of buyers who bought on a second day, held towards that of all products; days a buyer."""
    days = np.diff(np.append(starts, len(history))) if len(starts) else starts
    column = history.column[starts]
    size = len(history.products)
    again = np.bincount(column[days > 1], minlength=size)
    usual = again.sum() / max(buyers.sum(), 1)
    return {
        "repeat rate": (again + PRIOR_BUYERS * usual) / (buyers + PRIOR_BUYERS),
        "days a buyer": np.bincount(column, weights=days, minlength=size) / np.maximum(buyers, 1),
    }


def _season(sources: Sources) -> dict[str, NDArray[Any]]:
    """Buyers in the same weeks of last year, and how they compare with those of the weeks before them."""
    history = sources.history
    year_ago = history.as_of_day - YEAR_DAYS
    before = buyers_between(history, year_ago - SEASON_DAYS, year_ago)
    return {
        "buyers last year": sources.last_year,
        "season": (sources.last_year + 1) / (before + 1),
    }


def _quantities(lines: nw.LazyFrame[Any], history: History) -> dict[str, NDArray[Any]]:
    """The mean quantity of a line, and orders of everybody, in the last LINES_DAYS days."""
    recent = lines.filter(
        nw.col(DAY) >= history.as_of_day - LINES_DAYS,
        nw.col(DAY) < history.as_of_day,
        nw.col(QUANTITY_E3) > 0,
    )
    table = (
        recent.group_by(PRODUCT)
        .agg(nw.col(QUANTITY_E3).sum(), nw.col(ORDER).n_unique().alias("orders"), nw.len().alias("lines"))
        .collect()
    )
    place, known = positions(table.get_column(PRODUCT).to_numpy(), history.products)
    quantity = np.full(len(history.products), np.nan)
    orders = np.zeros(len(history.products))
    total = table.get_column(QUANTITY_E3).to_numpy()[known].astype(np.float64)
    quantity[place[known]] = total / table.get_column("lines").to_numpy()[known]
    orders[place[known]] = table.get_column("orders").to_numpy()[known]
    return {"quantity": quantity, "orders 90": orders}


def _offers(lines: nw.LazyFrame[Any], history: History) -> dict[str, NDArray[Any]]:
    """The mean price paid lately against the usual list price and against the usual price paid; nan if unknown."""
    made: dict[str, NDArray[Any]] = {}
    usual = _mean_price(lines, history, days=LINES_DAYS, column=UNIT_PRICE_E4)
    listed = _mean_price(lines, history, days=LINES_DAYS, column=LIST_PRICE_E4)
    for days in OFFER_DAYS:
        paid = _mean_price(lines, history, days=days, column=UNIT_PRICE_E4)
        made[f"offer {days}"] = paid / usual
        made[f"discount {days}"] = paid / listed
    return made


def _mean_price(lines: nw.LazyFrame[Any], history: History, *, days: int, column: str) -> NDArray[np.float64]:
    """The mean of a price column above 0 in the last days, nan without one."""
    recent = lines.filter(
        nw.col(DAY) >= history.as_of_day - days, nw.col(DAY) < history.as_of_day, nw.col(QUANTITY_E3) > 0,
        ~nw.col(column).is_null(), nw.col(column) > 0,
    )  # fmt: skip
    table = recent.group_by(PRODUCT).agg(nw.col(column).sum(), nw.len().alias("lines")).collect()
    place, known = positions(table.get_column(PRODUCT).to_numpy(), history.products)
    found = np.full(len(history.products), np.nan)
    total = table.get_column(column).to_numpy()[known].astype(np.float64)
    found[place[known]] = total / table.get_column("lines").to_numpy()[known]
    return found


def _categories(sources: Sources, found: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What the category of each product sells, nan without one, and the share of the product in it."""
    known = sources.categories != NO_GROUP
    numbers = np.where(known, sources.categories, 0)
    made: dict[str, NDArray[Any]] = {}
    for name in ("buyers 30", "new buyers 30", "buyers last year"):
        total = np.bincount(numbers[known], weights=found[name][known], minlength=1)
        made[f"category {name}"] = np.where(known, total[numbers], np.nan)
    share = found["buyers 30"] / np.maximum(made["category buyers 30"], 1)
    return {**made, "share of category": share}
