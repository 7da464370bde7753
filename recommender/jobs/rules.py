"""The job `rules`: pair counts, association rules and what is bought together."""

import math
from dataclasses import dataclass, replace

import narwhals as nw
import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.engine.backends import Engine
from precision.engine.backends.base import ItemsetsTooLargeError
from precision.engine.copying import copy_rows
from precision.engine.models import Run
from precision.engine.results import NOBODY, PairCounts
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import history
from precision.shop.columns import QUANTITY_E3
from precision.shop.models import Platform
from recommender.methods import itemsets, pairs, rules, together
from recommender.methods.pairs import Baskets
from recommender.methods.together import Companionship
from recommender.models import AssociationRule, PairCount, ProductList, RuleSettings
from recommender.models.settings import MOST_BASKET_ITEMS

AUTOMATIC_SHARE = 1 / 2000  # least share of baskets where staff set no count …
AUTOMATIC_LEAST, AUTOMATIC_MOST = 2, 20  # … within these bounds …
AUTOMATIC_PAIRS = 50_000  # … and raised until no more pairs than this make rules: nobody reads a million
LONG_SHARE = 1 / 100  # least share of baskets for sets of three and more: their number explodes below it
STORED_PAIRS = 1_000_000  # pairs kept in the tables at most; what is rarer is "fewer than the floor"
COUNTED_PAIRS = 50_000_000  # pairs counted at most, some 2 GB at the peak
RARE_PAIR = 5  # in a large shop a pair in fewer baskets than this is chance
TOGETHER = 50  # products kept in each bought-together list
RULE_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "antecedent": pl.List(pl.Int64),
    "consequent": pl.List(pl.Int64),
    "count": pl.Int64,
    "support": pl.Float64,
    "confidence": pl.Float64,
    "lift": pl.Float64,
    "leverage": pl.Float64,
}


def compute_rules(run: Run, engine: Engine) -> Outcome:
    """Write AssociationRule, PairCount and ProductList (bought together) rows of the run's platform."""
    platform = Platform.objects.get(key=run.scope)
    wanted = RuleSettings.objects.filter(platform=platform).first() or RuleSettings(platform=platform)
    window = Window.before(run.as_of, days=wanted.window_days, timezone=platform.timezone)
    scanned = history.scan("order_lines", window, platform=platform)
    lines = scanned.filter(nw.col(QUANTITY_E3) > 0)
    baskets = pairs.to_matrix(
        pairs.purchases(lines), max_items=min(wanted.max_basket_items, MOST_BASKET_ITEMS)
    )
    counted, counts = _counted(baskets, engine, wanted)
    long_rules, note = _long_rules(baskets, engine, counts, wanted)
    rows = {
        "association_rule": _write_rules(run, baskets, counted, counts, wanted)
        + copy_rows(AssociationRule, long_rules.with_columns(pl.lit(run.pk).alias("run_id"))),
        "pair_count": _write_pairs(run, baskets, counted),
        "product_list": _write_together(
            run, engine, baskets, counted, together.order_days(lines, baskets.orders)
        ),
    }
    return Outcome(
        rows=rows,
        measures={
            "baskets": len(baskets.orders),
            "left_out": baskets.left_out,
            "products": len(baskets.products),
            "pair_floor": counts.floor,
            "longer_sets": note,
            **_said(baskets, wanted, counts),
        },
        parameters={
            "min_count": counts.rule,
            "min_count_longer_sets": counts.long,
            "min_support": wanted.min_support,
            "min_confidence": wanted.min_confidence,
            "min_lift": wanted.min_lift,
            "window_days": wanted.window_days,
            "max_basket_items": wanted.max_basket_items,
            "max_length": wanted.max_length,
        },
    )


@dataclass(frozen=True, slots=True)
class _Counts:
    """The least numbers of baskets: of a rule, of a longer set, and of a pair that is kept in the tables."""

    rule: int
    long: int
    floor: int
    is_raised: bool
    """Whether rules start above what staff have set, because there would be too many pairs to count."""


def _said(baskets: Baskets, wanted: RuleSettings, counts: _Counts) -> dict[str, str]:
    """Return what staff should know when there are no rules, or not those they asked for."""
    if not len(baskets.orders):
        reason = (
            f"all {baskets.left_out:,} baskets hold more than {wanted.max_basket_items:,} products and are left out; "
            "raise the largest basket in the rule settings"
            if baskets.left_out
            else f"there was no order in the last {wanted.window_days:,} days"
        )
        return {"note": f"No rules: {reason}."}
    if int(np.diff(baskets.matrix.indptr).max()) < 2:
        return {"note": "No rules: no basket holds two different products."}
    if counts.is_raised:
        return {
            "note": f"Rules start at {counts.rule:,} baskets, more than the settings ask for: in a shop of this size "
            "there would be too many pairs to count."
        }
    return {}


def _counted(baskets: Baskets, engine: Engine, wanted: RuleSettings) -> tuple[PairCounts, _Counts]:
    """Return the pairs to keep, and the counts that they and the rules must reach."""
    total = len(baskets.orders)
    automatic = min(max(AUTOMATIC_LEAST, math.ceil(total * AUTOMATIC_SHARE)), AUTOMATIC_MOST)
    rule = rules.required_count(
        baskets=total, min_count=wanted.min_count or automatic, min_support=wanted.min_support
    )
    sizes = np.diff(baskets.matrix.indptr).astype(np.int64)
    occurrences = int((sizes * (sizes - 1) // 2).sum())
    least = 1 if occurrences <= STORED_PAIRS else min(rule, RARE_PAIR)
    # At most so many pairs can reach a count: what is counted fits into memory, whatever the shop.
    least = max(least, math.ceil(occurrences / COUNTED_PAIRS))
    is_raised = wanted.min_count is not None and rule < least
    rule = max(rule, least)
    found = engine.pair_counts(baskets.matrix, min_count=least)
    floor = min(rule, _least(found.count, found.min_count, most=STORED_PAIRS))
    if wanted.min_count is None:
        rule = _least(found.count, rule, most=AUTOMATIC_PAIRS)
    kept = found.count >= floor
    found = replace(found, a=found.a[kept], b=found.b[kept], count=found.count[kept], min_count=floor)
    return found, _Counts(
        rule=rule, long=max(rule, math.ceil(total * LONG_SHARE)), floor=floor, is_raised=is_raised
    )


def _least(counts: NDArray[np.int64], at_least: int, *, most: int) -> int:
    """Return the smallest threshold from `at_least` on that no more than about `most` of the counts reach."""
    enough = counts[counts >= at_least]
    if len(enough) <= most:
        return at_least
    return int(np.partition(enough, len(enough) - most)[len(enough) - most])


def _write_rules(
    run: Run, baskets: Baskets, counted: PairCounts, counts: _Counts, wanted: RuleSettings
) -> int:
    """Copy the rules of pairs; return their number."""
    found = rules.from_pairs(
        counted,
        min_count=counts.rule,
        min_support=wanted.min_support,
        min_confidence=wanted.min_confidence,
        min_lift=wanted.min_lift,
    )
    frame = pl.DataFrame(
        {
            "antecedent": baskets.products[found.antecedent],
            "consequent": baskets.products[found.consequent],
            "count": found.count,
            "support": found.support,
            "confidence": found.confidence,
            "lift": found.lift,
            "leverage": found.leverage,
        }
    ).with_columns(
        pl.lit(run.pk).alias("run_id"),
        pl.concat_list("antecedent").alias("antecedent"),
        pl.concat_list("consequent").alias("consequent"),
    )
    return copy_rows(AssociationRule, frame)


def _long_rules(
    baskets: Baskets, engine: Engine, counts: _Counts, wanted: RuleSettings
) -> tuple[pl.DataFrame, str]:
    """Return the rules of three and more products, and a note when their search had to be cut short."""
    note = ""
    if wanted.max_length < 3 or not baskets.matrix.nnz:
        return pl.DataFrame(schema=RULE_COLUMNS), note
    least = counts.long
    while True:
        try:
            found = engine.itemsets(baskets.matrix, min_count=least, max_length=wanted.max_length)
            break
        except ItemsetsTooLargeError as error:  # each length has a bound of its own, so there may be several
            note, least = str(error), error.affordable_min_count
    made = itemsets.from_itemsets(found, min_confidence=wanted.min_confidence, min_lift=wanted.min_lift)
    products = baskets.products.tolist()
    frame = pl.DataFrame(
        {
            "antecedent": [[products[item] for item in items] for items in made.antecedent],
            "consequent": [[products[item] for item in items] for items in made.consequent],
            "count": made.count,
            "support": made.support,
            "confidence": made.confidence,
            "lift": made.lift,
            "leverage": made.leverage,
        },
        schema=RULE_COLUMNS,
    )
    return frame, note


def _write_pairs(run: Run, baskets: Baskets, counted: PairCounts) -> int:
    """Copy one row for each product with all it stands together with; return the number of rows."""
    item = np.concatenate([counted.a, counted.b])
    order = np.argsort(item, kind="stable")
    others = baskets.products[np.concatenate([counted.b, counted.a])[order]]
    together = np.concatenate([counted.count, counted.count])[order]
    frame = (
        pl.DataFrame({"item": item[order], "others": others, "counts": together})
        .group_by("item", maintain_order=True)
        .agg("others", "counts")
    )
    everything = pl.DataFrame(
        {
            "item": np.arange(len(baskets.products), dtype=np.int32),
            "product_id": baskets.products,
            "baskets": counted.item_counts,
        }
    ).filter(pl.col("baskets") > 0)
    empty = pl.lit([], dtype=pl.List(pl.Int64))
    rows = everything.join(frame, on="item", how="left").select(
        pl.lit(run.pk).alias("run_id"),
        "product_id",
        "baskets",
        pl.col("others").fill_null(empty),
        pl.col("counts").fill_null(empty),
    )
    return copy_rows(PairCount, rows)


def _write_together(
    run: Run, engine: Engine, baskets: Baskets, counted: PairCounts, days: NDArray[np.int64]
) -> int:
    """Copy the bought-together list of each product that has one; return the number of lists."""
    ages = epoch_day(run.as_of) - days
    found = together.above_chance(
        together.together(engine, baskets.matrix, ages=ages, how=Companionship(k=TOGETHER)), counted
    )
    row, place = np.nonzero(found.items != NOBODY)
    frame = pl.DataFrame(
        {
            "product_id": baskets.products[row],
            "items": baskets.products[found.items[row, place]],
            "scores": found.scores[row, place].astype(np.float64),
        }
    )
    lists = (
        frame.group_by("product_id", maintain_order=True)
        .agg("items", "scores")
        .with_columns(
            pl.lit(run.pk).alias("run_id"), pl.lit(ProductList.Kind.BOUGHT_TOGETHER.value).alias("kind")
        )
    )
    return copy_rows(ProductList, lists)
