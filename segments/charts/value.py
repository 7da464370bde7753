"""Recency × frequency, deciles of value, range, and demand, as charts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from precision import charts
from precision.charts import Axis, Chart
from segments.methods.rfm import GROUPS
from segments.methods.screening import MONTH, RANGES, WEEK

SCORES: Final = (1, 2, 3, 4, 5)
CUSTOMERS: Final = Axis(title="customers")
RECENCY: Final = Axis(title="recency score", unit="5 lately")
FREQUENCY: Final = Axis(title="frequency score", unit="5 often")
DECILE: Final = Axis(title="decile", unit="10 spent most")
SHARE: Final = Axis(title="share", percent=True, places=1)
NOT_YET: Final = "Not computed yet, or nobody has ordered."
MOST_LINES: Final = 6
OTHERS: Final = "all others"
NONE: Final = "no category"


def rfm(
    cells: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]], currency: str
) -> list[Chart]:
    """Return the grid of recency × frequency as customers and as money a customer, and the named groups."""
    found = {(cell["frequency_score"], cell["recency_score"]): cell for cell in cells}
    counts = [[_of(found.get((f, r)), "customers") for r in SCORES] for f in reversed(SCORES)]
    means = [[_mean(found.get((f, r))) for r in SCORES] for f in reversed(SCORES)]
    names = [str(score) for score in SCORES]
    sides: dict[str, Any] = {
        "x": RECENCY, "y": FREQUENCY, "across": names, "down": names[::-1], "empty": NOT_YET
    }  # fmt: skip
    by_key = {group["rfm_group"]: group for group in groups}
    known = [group for group in GROUPS if group.key in by_key]
    money = Axis(title="money", unit=currency)
    return [
        charts.heat_map(
            "rfm-customers", "How many customers stand where: recency × frequency", values=counts, value=CUSTOMERS,
            note="Scores are fifths of all customers: 5 ordered lately, or often. Top right are the best.", **sides,
        ),
        charts.heat_map(
            "rfm-money", "What a customer has spent on average, by recency × frequency", values=means,
            value=Axis(title="money a customer", unit=currency), note="Net of returns, ever.", **sides,
        ),
        charts.bars(
            "rfm-groups", "Customers in each named group", x=Axis(title="group"), y=CUSTOMERS, empty=NOT_YET,
            at=[group.name for group in known], horizontal=True,
            series={"customers": [by_key[group.key]["customers"] for group in known]},
        ),
        charts.bars(
            "rfm-group-money", "What each named group has spent", x=Axis(title="group"), y=money, empty=NOT_YET,
            at=[group.name for group in known], horizontal=True,
            series={"money": [by_key[group.key]["money"] for group in known]},
        ),
    ]  # fmt: skip


def value(report: Mapping[str, Any], ranges: Sequence[Mapping[str, Any]], currency: str) -> list[Chart]:
    """Return the deciles with their shares, the Lorenz curve, big against small customers, and the range."""
    deciles = report.get("deciles", [])
    sizes = report.get("sizes", [])
    at = [str(row["value_decile"]) for row in deciles]
    money = Axis(title="money", unit=currency)
    reason = report.get("reason") or "Not computed yet."
    people, reached = [0.0], [0.0]
    for row in reversed(deciles):
        people.append(people[-1] + row["share_of_customers"])
        reached.append(reached[-1] + (row["share"] or 0.0))
    known = bool(deciles) and deciles[0]["share"] is not None
    gini = report.get("gini")
    return [
        charts.bars(
            "deciles", "Share of revenue that each tenth of the customers brings", x=DECILE, y=SHARE, at=at,
            series={"share of revenue": [row["share"] for row in deciles],
                    "this and those above": [row.get("cumulative") for row in deciles]},
            empty=reason, note="Equal customers are in one decile; a decile may then be missing.",
        ),
        charts.bars(
            "decile-money", "What the customers of each tenth have spent together", x=DECILE, y=money, at=at,
            series={"money": [row["money"] for row in deciles]}, empty=reason,
        ),
        charts.lines(
            "lorenz", "How unequal customers spend: share of revenue of the poorest part",
            x=Axis(title="share of customers, who spent least first", percent=True, places=1), y=SHARE,
            at=people if known else [], empty=reason,
            series={"as it is": reached if known else [], "all equal": people if known else []},
            note="" if gini is None else f"Gini coefficient {gini:.3f}: 0 where all spend the same, near 1 where few "
            "spend all.",
        ),
        charts.bars(
            "sizes", "Big customers, and all small ones as one group", x=Axis(title="group"), y=SHARE, empty=reason,
            at=[_size(row) for row in sizes],
            series={"of customers": [row["share_of_customers"] for row in sizes],
                    "of revenue": [row["share"] for row in sizes]},
            note=" ".join(
                f"{_size(row)}: {row['customers']:,} customers, {row['money']:,.2f} {currency}." for row in sizes
            ),
        ),
        charts.bars(
            "range", "How much of the range people buy: different categories in a year",
            x=Axis(title="categories bought"), y=SHARE, at=[range_name(row["categories"]) for row in ranges],
            series={"of customers": [row["share_of_customers"] for row in ranges],
                    "of revenue": [row["share"] for row in ranges]},
            empty=reason,
        ),
    ]  # fmt: skip


def demand(rows: Sequence[Mapping[str, Any]], *, period: str, currency: str) -> list[Chart]:
    """Return the amounts of the largest categories over time as lines, and all of them as a heat map.

    A row has `start` (a date), `category` (a name, None without one) and `amount`.
    """
    starts = sorted({row["start"] for row in rows})
    amounts: dict[str, dict[Any, float]] = {}
    for row in rows:
        own = amounts.setdefault(row["category"] or NONE, {})
        own[row["start"]] = own.get(row["start"], 0.0) + row["amount"]
    ranked = sorted(amounts, key=lambda name: (-sum(amounts[name].values()), name))
    top = ranked[: MOST_LINES - 1] if len(ranked) > MOST_LINES else ranked
    series = {name: [amounts[name].get(start, 0.0) for start in starts] for name in top}
    if len(top) < len(ranked):
        series[OTHERS] = [
            sum(amounts[name].get(start, 0.0) for name in ranked[len(top) :]) for start in starts
        ]
    time, money = Axis(title=f"first day of the {period}"), Axis(title="amount", unit=currency)
    words = {WEEK: "week", MONTH: "month"}[period]
    shown = ranked[:30]
    return [
        charts.lines(
            "demand", f"Demand by category and {words}", x=time, y=money, at=starts, series=series,
            note="Net of returns. The last point is a period that is not over, unless the night fell on its end.",
            empty="Nothing was sold.",
        ),
        charts.heat_map(
            "demand-map", f"Season of the {len(shown)} largest categories, {words} by {words}", x=time,
            y=Axis(title="category"), value=Axis(title="times its own mean", places=2),
            across=[f"{start:%Y-%m-%d}" for start in starts], down=shown,
            values=[_season([amounts[name].get(start, 0.0) for start in starts]) for name in shown],
            note="1 is the mean of the category over the time shown; from 2.5 on the colour stays.",
            bound=2.5, empty="Nothing was sold.",
        ),
    ]  # fmt: skip


def _season(amounts: Sequence[float]) -> list[float | None]:
    """Return the amounts in parts of their mean; None where that is not above 0."""
    mean = sum(amounts) / len(amounts) if amounts else 0.0
    return [amount / mean if mean > 0 else None for amount in amounts]


def range_name(first: int) -> str:
    """Return the class of range that begins at so many categories, in words."""
    if first not in RANGES:
        return "none known"
    place = RANGES.index(first)
    if place + 1 == len(RANGES):
        return f"{first} and more"
    last = RANGES[place + 1] - 1
    return str(first) if last == first else f"{first} to {last}"


def _size(row: Mapping[str, Any]) -> str:
    return "Big" if row["big"] else "All small ones"


def _of(cell: Mapping[str, Any] | None, name: str) -> Any:
    return cell[name] if cell else None


def _mean(cell: Mapping[str, Any] | None) -> float | None:
    return cell["money"] / cell["customers"] if cell else None
