"""Price classes A/B/C/U: stable between halves of the orders, true of the next half-year, and where planted."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_rand_score

from benchmarks.quality_planted import planted_orders
from benchmarks.quality_shops import Facts, Shops
from precision.shop import columns as c
from segments.methods import agreement, price_classes, price_clusters, price_features, prices
from segments.methods.price_classes import CLASSES, LETTERS, PRICE_CLASS, PriceClassRule
from segments.methods.price_features import LIST_VALUE_E4, POSITIONED_LINES, SAVED_E4
from segments.methods.prices import PRICE_POSITION

GOALS = {
    "kappa_with_u": 0.65,
    "kappa_classified": 0.78,
    "coverage": 0.75,
    "least_share": 0.10,
    "position_of_a_above": 0.07,
    "discounts_of_b_over": 1.6,
    "planted_rand": 0.9,
}
RULE = PriceClassRule()
# What a shop might do without us: thirds of the price position and of the discount share, no shrinking by other buyers.
TERCILES = PriceClassRule(
    share_a=1 / 3, share_b=1 / 3, buyers_weight=0, discount_in_a=0, position_in_b=0, confidence=0,
    least_orders=1, least_lines=1,
)  # fmt: skip
TERCILES_AT_COVERAGE = replace(TERCILES, least_orders=3, least_lines=60)
YEAR, HALF_YEAR = 365, 183
RANDOM_HALVES = 6
INCOMES = (
    "Under 15K", "15-24K", "25-34K", "35-49K", "50-74K", "75-99K", "100-124K", "125-149K", "150-174K", "175-199K",
    "200-249K", "250K+",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Features of some customers with their errors of measurement."""

    features: "nw.DataFrame[pl.DataFrame]"
    noise: dict[str, float | None]

    def classes(self, rule: PriceClassRule) -> pl.DataFrame:
        """Return the classes by a rule that is fitted to these customers alone."""
        thresholds = price_classes.fit_thresholds(self.features, rule, self.noise)
        found: pl.DataFrame = price_classes.classify(self.features, rule, thresholds).to_native()
        return found


def run(shops: Shops) -> dict[str, Any]:
    """Print the table and return the figures of both shops and of planted orders."""
    console = Console()
    table = Table(
        title="Price classes", caption="odd/even: baskets in turn; random: mean of six drawn halves"
    )
    for name in ("shop", "what", "ours", "terciles", "terciles at coverage", "goal"):
        table.add_column(name, justify="left" if name in ("shop", "what") else "right")
    found: dict[str, Any] = {"goals": GOALS}
    for facts in (shops.grocer, shops.gifts):
        found[facts.key] = _shop(facts, table)
    found["planted"] = _planted()
    table.add_row("planted", "adjusted Rand index", f"{found['planted']['rand']:.3f}", "", "", "≥ 0.9")
    table.add_row("planted", "coverage", f"{found['planted']['coverage']:.3f}", "", "", "")
    console.print(table)
    return found


def _shop(facts: Facts, table: Table) -> dict[str, Any]:
    lines = facts.frame("lines").filter(
        pl.col(c.DAY) >= facts.day - YEAR, pl.col(c.DAY) < facts.day
    ).collect()  # fmt: skip
    in_turn = [measured(half, facts.day) for half in halves(lines, None)]
    drawn = [
        [measured(half, facts.day) for half in halves(lines, np.random.default_rng(seed))]
        for seed in range(RANDOM_HALVES)
    ]
    year, middle = measured(lines, facts.day), facts.day - HALF_YEAR
    first = measured(lines.filter(pl.col(c.DAY) < middle), middle)
    later = measured(lines.filter(pl.col(c.DAY) >= middle), facts.day, shrink=0)
    subjects = {"ours": RULE, "terciles": TERCILES, "terciles_at_coverage": TERCILES_AT_COVERAGE}
    figures = {
        name: {
            "odd_even": halves_agree(in_turn, rule),
            "random": _mean(halves_agree(pair, rule) for pair in drawn),
            **sizes(year.classes(rule)),
            **next_half_year(first.classes(rule), later),
        }
        for name, rule in subjects.items()
    }
    ours: dict[str, Any] = figures["ours"]
    if facts.key == "grocer":
        ours["income"] = income(year.classes(RULE), facts)
    ours["clusters"] = _clusters(year)
    _rows(facts.key, figures, table)
    return figures


def measured(lines: pl.DataFrame, as_of: int, *, shrink: float = RULE.shrink_lines) -> Measured:
    """Return the features of the customers of these lines, from nothing but these lines."""
    priced = prices.priced_lines(nw.from_native(lines.lazy()), as_of=as_of).collect("polars").lazy()
    products = prices.product_prices(priced, as_of=as_of).collect("polars").lazy()
    window: dict[str, Any] = {"as_of": as_of, "window_days": YEAR, "shrink_lines": shrink}
    noise = price_features.measurement_noise(priced, products, **window).collect("polars").to_native()
    return Measured(
        features=price_features.customer_features(priced, products, **window).collect("polars"),
        noise=noise.row(0, named=True),
    )


def halves(lines: pl.DataFrame, rng: np.random.Generator | None) -> Iterator[pl.DataFrame]:
    """Yield two halves of the orders of each customer: the odd and the even ones in time, or drawn by `rng`."""
    orders = lines.group_by(c.CUSTOMER, c.ORDER).agg(pl.col(c.SECONDS).min())
    orders = orders.sort(c.CUSTOMER, c.SECONDS, c.ORDER)
    side = (
        orders.select((pl.int_range(pl.len()) % 2).over(c.CUSTOMER).alias("side"))["side"]
        if rng is None
        else pl.Series("side", rng.integers(0, 2, orders.height))
    )
    sided = lines.join(orders.select(c.ORDER, side), on=c.ORDER)
    for half in (0, 1):
        yield sided.filter(pl.col("side") == half).drop("side")


def halves_agree(pair: list[Measured], rule: PriceClassRule) -> dict[str, float | None]:
    """Return kappa with U as a class, kappa among those classified in both halves, and how many a half classifies.

    Who has no order in one half is U there.
    """
    first, second = (half.classes(rule).select(c.CUSTOMER, PRICE_CLASS) for half in pair)
    both = first.join(second, on=c.CUSTOMER, how="full", coalesce=True).fill_null("U")
    one, two = (both[name].to_numpy().astype("<U1") for name in (PRICE_CLASS, f"{PRICE_CLASS}_right"))
    sure = (one != "U") & (two != "U")
    return {
        "kappa_with_u": agreement.compare(one, two, classes=CLASSES).kappa,
        "kappa_classified": agreement.compare(one[sure], two[sure], classes=LETTERS).kappa,
        "coverage": float(((one != "U").mean() + (two != "U").mean()) / 2),
        "both": float(sure.mean()),
    }


def sizes(classes: pl.DataFrame) -> dict[str, Any]:
    """Return the share of customers with a class, and the shares of A, B and C among them."""
    known = classes.filter(pl.col(PRICE_CLASS) != "U")
    shares = {letter: _share(known, pl.col(PRICE_CLASS) == letter) for letter in LETTERS}
    return {"customers": classes.height, "classified": known.height / classes.height, "shares": shares}


def next_half_year(classes: pl.DataFrame, later: Measured) -> dict[str, float | None]:
    """Return what those classified by the first half-year did in the second: means of customers, not shrunk."""
    known = classes.filter(pl.col(PRICE_CLASS) != "U").select(c.CUSTOMER, PRICE_CLASS)
    then = later.features.to_native().filter(pl.col(POSITIONED_LINES) > 0).with_columns(
        (pl.col(SAVED_E4) / pl.col(LIST_VALUE_E4)).alias("saved_share")
    )  # fmt: skip
    both = known.join(then, on=c.CUSTOMER)
    a, b = pl.col(PRICE_CLASS) == "A", pl.col(PRICE_CLASS) == "B"
    above = _average(both, a, PRICE_POSITION), _average(both, ~a, PRICE_POSITION)
    saved = _average(both, b, "saved_share"), _average(both, ~b, "saved_share")
    return {
        "position_of_a_above": None if None in above else above[0] - above[1],  # type: ignore[operator]
        "discounts_of_b_over": None if None in saved or not saved[1] else saved[0] / saved[1],  # type: ignore[operator]
    }


def income(classes: pl.DataFrame, facts: Facts) -> dict[str, Any]:
    """Return how price position goes with the income that households told: it is no input of the classes."""
    people = facts.frame("people").filter(pl.col("income").is_in(INCOMES)).collect()
    told = people.select(
        c.CUSTOMER, pl.col("income").replace_strict(INCOMES, range(len(INCOMES))).alias("step")
    )
    both = classes.join(told, on=c.CUSTOMER)
    found = spearmanr(both["step"].to_numpy(), both[PRICE_POSITION].to_numpy())
    steps = both.group_by("step").agg(pl.col(PRICE_POSITION).mean(), pl.len()).sort("step")
    by_class = both.group_by(PRICE_CLASS).agg(pl.col("step").mean()).sort(PRICE_CLASS)
    return {
        "households": both.height,
        "rank_correlation": float(found.statistic),
        "p_value": float(found.pvalue),
        "position_by_income": [round(value, 4) for value in steps[PRICE_POSITION].to_list()],
        "mean_step_by_class": dict(by_class.iter_rows()),
    }


def _clusters(year: Measured) -> dict[str, Any] | None:
    clusters = price_clusters.price_clusters(year.features, RULE, np.random.default_rng(1))
    if clusters is None:
        return None
    found = price_clusters.agreement_with_rule(nw.from_native(year.classes(RULE), eager_only=True), clusters)
    return {"kappa": found.kappa, "rand": found.rand, "people": found.people}


def _planted() -> dict[str, float]:
    lines, truth, as_of = planted_orders(np.random.default_rng(42))
    rule = replace(RULE, share_a=0.4, share_b=0.15)
    classes = measured(lines, as_of).classes(rule).join(truth, on=c.CUSTOMER)
    sure = classes.filter(pl.col(PRICE_CLASS) != "U")
    return {
        "rand": float(adjusted_rand_score(sure["planted"], sure[PRICE_CLASS])),
        "coverage": sure.height / classes.height,
    }


def _rows(shop: str, figures: dict[str, Any], table: Table) -> None:
    """Add the figures of a shop to the table."""
    goals = GOALS if shop == "grocer" else {}

    def row(what: str, path: tuple[str, ...], goal: str = "") -> None:
        cells = []
        for name in ("ours", "terciles", "terciles_at_coverage"):
            value: Any = figures[name]
            for part in path:
                value = value[part]
            cells.append("–" if value is None else f"{value:.3f}")
        wanted = f"≥ {goals[goal]:g}" if goal in goals else ""
        table.add_row(shop, what, *cells, wanted)

    for halves_name, title in (("odd_even", "odd/even"), ("random", "random")):
        row(f"{title}: kappa, U a class", (halves_name, "kappa_with_u"), "kappa_with_u")
        row(f"{title}: kappa of the classified", (halves_name, "kappa_classified"), "kappa_classified")
        row(f"{title}: coverage", (halves_name, "coverage"), "coverage")
    row("whole year: coverage", ("classified",))
    for letter in LETTERS:
        row(f"whole year: share of {letter}", ("shares", letter), "least_share")
    row("next half-year: position of A above the rest", ("position_of_a_above",), "position_of_a_above")
    row("next half-year: discounts of B over the rest", ("discounts_of_b_over",), "discounts_of_b_over")
    ours = figures["ours"]
    if "income" in ours:
        table.add_row(
            shop,
            "rank correlation of income and position",
            f"{ours['income']['rank_correlation']:.3f}",
            "",
            "",
            "> 0",
        )
    if ours["clusters"]:
        kappa = ours["clusters"]["kappa"]
        table.add_row(
            shop, "kappa of rule and clusters", "–" if kappa is None else f"{kappa:.3f}", "", "", ""
        )


def _share(frame: pl.DataFrame, condition: pl.Expr) -> float | None:
    return frame.filter(condition).height / frame.height if frame.height else None


def _average(frame: pl.DataFrame, condition: pl.Expr, name: str) -> float | None:
    value = frame.filter(condition)[name].mean()
    return None if value is None else float(value)  # type: ignore[arg-type]


def _mean(found: Iterator[dict[str, float | None]]) -> dict[str, float | None]:
    every = list(found)
    known = {name: [one[name] for one in every if one[name] is not None] for name in every[0]}
    return {name: sum(values) / len(values) if values else None for name, values in known.items()}  # type: ignore[arg-type]
