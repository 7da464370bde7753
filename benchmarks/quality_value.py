"""Customer value on held-out time: BG/NBD and gamma-gamma fitted to what came before, against what was then ordered.

The rival goes on as before: everybody at their own rate of orders, nobody ever leaves. An order is a day with orders.
"""

from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.quality_shops import Facts, Shops
from precision.shop import columns as c
from segments.methods import held_out, value
from segments.methods import histories as h

HORIZONS = (60, 120, 365)
"""Days that are held out at the end, where at least as many are left; a whole year has no season of its own."""
SEED = 1


def run(shops: Shops) -> dict[str, Any]:
    """Print the table and return the figures of both shops, by the days that were held out."""
    table = Table("shop", title="Orders and value foretold, by the days held out")
    for title in (
        "days", "customers", "orders: foretold", "ordered", "ratio", "rival's ratio", "AUC", "rival's AUC",
        "recency's AUC", "mean error", "rival's", "value: ratio",
    ):  # fmt: skip
        table.add_column(title, justify="right")
    found: dict[str, Any] = {}
    for facts in (shops.gifts, shops.grocer):
        first = facts.frame("lines").select(pl.col(c.DAY).min()).collect().item()
        spans = [days for days in HORIZONS if facts.day - first >= 2 * days]
        found[facts.key] = {str(days): _one(facts, days) for days in spans}
        for days, each in found[facts.key].items():
            table.add_row(
                facts.key, days, f"{each['customers']:,}", f"{each['predicted']:,.0f}", f"{each['actual']:,.0f}",
                f"{each['ratio']:.3f}", f"{each['plain_predicted'] / each['actual']:.3f}", f"{each['auc']:.4f}",
                f"{each['plain_auc']:.4f}", f"{each['recency_auc']:.4f}", f"{each['mean_absolute_error']:.3f}",
                f"{each['plain_mean_absolute_error']:.3f}", f"{each['value_ratio']:.3f}",
            )  # fmt: skip
    Console().print(table)
    return found


def _one(facts: Facts, days: int) -> dict[str, Any]:
    split = facts.day - days
    bought = h.order_days(facts.lines).collect("polars").lazy()
    people = h.histories(bought, as_of=split).collect("polars").sort(c.CUSTOMER)
    orders, paid = _then(people, bought, split)
    buyers = h.buyers(people)
    model = value.fit(buyers, np.random.default_rng(SEED), rounds=0)
    told = value.forecast(model, buyers, days=days)
    found = held_out.judged(told.orders, orders, buyers.repeats / buyers.age * days)
    foretold = float(np.nansum(told.value))
    return {
        **{name: each for name, each in found.items() if name != "deciles"},
        "ratio": found["predicted"] / found["actual"],
        "recency_auc": held_out.auc(buyers.recency - buyers.age, orders > 0),
        "value_predicted": foretold,
        "value_actual": float(paid.sum()),
        "value_ratio": foretold / float(paid.sum()),
        "deciles": found["deciles"],
        "reason": model.reason,
    }


def _then(
    people: "nw.DataFrame[Any]", bought: "nw.LazyFrame[Any]", split: int
) -> tuple[value.Floats, value.Floats]:
    """Return days with an order and money spent from the split on, of the customers in their order."""
    later = bought.filter(nw.col(c.DAY) >= split).group_by(c.CUSTOMER)
    sums = later.agg(nw.len().cast(nw.Int64).alias("_orders"), nw.col(c.AMOUNT_E4).sum().alias("_paid"))
    told: pl.DataFrame = sums.collect("polars").to_native()
    known: pl.DataFrame = people.to_native()
    joined = known.select(c.CUSTOMER).join(told, on=c.CUSTOMER, how="left", maintain_order="left")
    orders, paid = (joined[name].fill_null(0).to_numpy().astype(np.float64) for name in ("_orders", "_paid"))
    return orders, paid / c.MONEY
