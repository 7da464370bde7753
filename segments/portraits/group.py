"""The portrait of a group of customers: how it differs from everyone, the most distinctive first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import polars as pl

from precision.shop import columns as c
from precision.shop.api.freshness import Cache
from precision.shop.scopes import Scope
from segments import masking
from segments.conditions import LabelType
from segments.labels import registry
from segments.masking import Sight
from segments.methods import habits as h
from segments.methods import lifts
from segments.portraits import habits, labels

TOP: Final = 10
"""Values of one label or dimension that are shown."""
PER_LABEL: Final = 2
"""Sentences about one label."""
PER_KIND: Final = 6
"""Sentences about means, and about shares."""
FEWER: Final = "rarer values"
"""Stands for the values of a sensitive label that too few people have."""
_NAMES: Final = (
    lifts.GROUP, lifts.EVERYONE, lifts.GROUP_SHARE, lifts.EVERYONE_SHARE, lifts.LIFT, lifts.LOW, lifts.HIGH,
)  # fmt: skip

# Sums over everyone's habits of a run, which never change.
_sums: Cache[tuple[int, str], pl.DataFrame] = Cache(seconds=None, most=100)


def group_portrait(
    scope: Scope, members: pl.Series, *, sight: Sight, defined_by: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return how the customers `members` (our numbers) of a scope differ from all of its customers.

    `size`, `of` and `share`; `summary`: the most distinctive differences in words; `labels`: of each label of a text
    or yes and no how large a part has each value, of the people of whom it is known (`known`); `numbers`: means;
    `goods` and `contacts`: shares of what they buy and of when and by what they are in contact. Everything beside
    everyone's, with lift and 95 % interval. `withheld`: labels that are not told, and why. `defined_by` are the labels
    by which the group was chosen: that it differs there is no news, so the summary leaves them out. Before the first
    run of the jobs a part is empty.
    """
    found = labels.table(scope)
    everyone = 0
    texts: list[dict[str, Any]] = []
    numbers: list[dict[str, Any]] = []
    withheld: dict[str, str] = {}
    size = members.len()
    if found is not None:
        _, frame = found
        everyone = frame.select(pl.len()).collect().item()
        known = labels.types(scope)
        present = [name for name in frame.collect_schema().names() if name in known]
        shown, withheld = _shown(present, size, sight)
        counted_names = [name for name in shown if known[name] is LabelType.NUMBER]
        others = [name for name in shown if name not in counted_names]
        texts = _texts(frame, others, members)
        numbers = _numbers(frame, counted_names, members)
    counted = habits.published(scope.key)
    goods, contacts = _habits(*counted, members) if counted else ({}, {})
    return {
        "scope": scope.key,
        "size": size,
        "of": everyone,
        "share": size / everyone if everyone else None,
        "summary": _summary(texts, numbers, {**goods, **contacts}, defined_by),
        "labels": texts,
        "numbers": numbers,
        "goods": goods,
        "contacts": contacts,
        "withheld": withheld,
    }


def _shown(names: Sequence[str], size: int, sight: Sight) -> tuple[list[str], dict[str, str]]:
    """Return the labels that may describe a group of this size, and for the others why not."""
    shown, withheld = [], {}
    for name in names:
        if not masking.sees_label(name, sight):
            withheld[name] = masking.MASKED
        elif not masking.describable(size, masking.sensitivity_of_label(name)):
            withheld[name] = f"sensitive, and fewer than {masking.smallest_group()} people"
        else:
            shown.append(name)
    return shown, withheld


def _texts(frame: pl.LazyFrame, names: Sequence[str], members: pl.Series) -> list[dict[str, Any]]:
    """Return an entry for each value of each label, the most distinctive first, at most TOP of a label."""
    if not names:
        return []
    inside = "_inside"
    long = frame.select(
        _among(members).alias(inside), *(pl.col(name).cast(pl.String) for name in names)
    ).unpivot(index=inside, on=list(names), variable_name="label", value_name="value")
    counts = (
        long.drop_nulls("value")
        .group_by("label", "value")
        .agg(
            pl.col(inside).sum().cast(pl.Int64).alias(lifts.GROUP),
            pl.len().cast(pl.Int64).alias(lifts.EVERYONE),
        )
        .with_columns(_coarse(names))
        .group_by("label", "value")
        .agg(pl.col(lifts.GROUP, lifts.EVERYONE).sum())
        # Of those of whom the label is known: who never bought has no price class, which is no class of its own.
        .with_columns(
            pl.col(lifts.GROUP).sum().over("label").alias(lifts.GROUP_SIZE),
            pl.col(lifts.EVERYONE).sum().over("label").alias(lifts.EVERYONE_SIZE),
        )
    )
    found = lifts.shares_of_people(counts, by=["label", "value"])
    kept = (
        found.group_by("label", maintain_order=True)
        .head(TOP)
        .sort(lifts.DISTINCT, descending=True, maintain_order=True)
    )
    return [
        _entry({"label": row["label"], "value": row["value"], "known": row[lifts.GROUP_SIZE]}, row)
        for row in kept.to_dicts()
    ]


def _coarse(names: Sequence[str]) -> pl.Expr:
    """Return the value, or FEWER for one of a sensitive label that only a few people of the group have."""
    sensitive = [name for name in names if masking.sensitivity_of_label(name) == "sensitive"]
    few = pl.col("label").is_in(sensitive) & (pl.col(lifts.GROUP) < masking.smallest_group())
    return pl.when(few).then(pl.lit(FEWER)).otherwise(pl.col("value")).alias("value")


def _numbers(frame: pl.LazyFrame, names: Sequence[str], members: pl.Series) -> list[dict[str, Any]]:
    """Return an entry for each number label that anybody of the group has, the most distinctive first."""
    if not names:
        return []
    rows = lifts.means(frame, names, members).to_dicts()
    return [
        {
            "label": row["label"],
            "people": row[lifts.GROUP],
            "mean": row["group_mean"],
            "median": row["group_median"],
            "everyone_mean": row["everyone_mean"],
            "everyone_median": row["everyone_median"],
            "difference": row["difference"],
            "low": row[lifts.LOW],
            "high": row[lifts.HIGH],
            "distinct": row[lifts.DISTINCT],
        }
        for row in rows
        if row[lifts.GROUP]
    ]


def _habits(
    run: int, frame: pl.LazyFrame, members: pl.Series
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[dict[str, Any]]]]:
    """Return goods and contacts: of each dimension its values with shares of times and of money or time."""
    part = frame.filter(_among(members)).collect().lazy()
    by_times, by_weight = (
        lifts.shares_of_sums(
            lifts.sums(part, measure=measure),
            _sums.get((run, measure), partial(lifts.sums, frame, measure=measure)),
        )
        for measure in (h.TIMES, h.WEIGHT)
    )
    weights = {
        (row[h.DIMENSION], row[h.VALUE]): (row[lifts.GROUP_SHARE], row[lifts.EVERYONE_SHARE])
        for row in by_weight.to_dicts()
    }
    goods, contacts = (
        {name: _dimension(by_times, weights, name, weight) for name in names}
        for names, weight in ((habits.MONEY_DIMENSIONS, "money"), (habits.CONTACT_DIMENSIONS, "time"))
    )
    return goods, contacts


def _dimension(
    rows: pl.DataFrame, weights: Mapping[tuple[str, str], tuple[float | None, ...]], name: str, weight: str
) -> list[dict[str, Any]]:
    """Return the entries of one dimension: hours and weekdays all of them in order, else the most distinctive."""
    found = rows.filter(pl.col(h.DIMENSION) == name)
    in_order = name in {h.HOUR, h.ORDER_HOUR, h.ORDER_WEEKDAY}
    found = found.sort(pl.col(h.VALUE).cast(pl.Int64, strict=False)) if in_order else found.head(TOP)
    entries = []
    for row in found.to_dicts():
        own, usual = weights.get((name, row[h.VALUE]), (None, None))
        amounts = {f"{weight}_share": own, f"everyone_{weight}_share": usual}
        entries.append({**_entry({"value": row[h.VALUE]}, row), **amounts})
    return entries


def _entry(named: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    group, everyone, share, everyone_share, lift, low, high = (row[name] for name in _NAMES)
    return {
        **named,
        "people": group,
        "everyone_people": everyone,
        "share": share,
        "everyone_share": everyone_share,
        "lift": lift,
        "low": low,
        "high": high,
        "distinct": row[lifts.DISTINCT],
    }


def _summary(
    texts: Sequence[Mapping[str, Any]],
    numbers: Sequence[Mapping[str, Any]],
    dimensions: Mapping[str, Sequence[Mapping[str, Any]]],
    without: frozenset[str],
) -> list[str]:
    """Return the most distinctive differences in words, the most distinctive first; at most PER_LABEL of one label."""
    said: list[tuple[float, str, str]] = []
    for entry in texts:
        subject = f"{_title(entry['label'])}: {entry['value']} – {_share(entry['share'])} of them"
        said.append((entry["distinct"], entry["label"], _sentence(subject, entry)))
    for name, entries in dimensions.items():
        for entry in entries:
            subject = f"{_title(name)} {entry['value']} – {_share(entry['share'])} of theirs"
            said.append((entry["distinct"], name, _sentence(subject, entry)))
    for entry in numbers:
        if entry["difference"] is not None:
            way = "above" if entry["difference"] > 0 else "below"
            text = (
                f"{_title(entry['label'])}: {entry['mean']:,.4g} on average, {abs(entry['difference']):.1f} standard "
                f"deviations {way} everyone's {entry['everyone_mean']:,.4g}"
            )
            said.append((entry["distinct"], entry["label"], text))
    counted = {entry["label"] for entry in numbers}
    told: list[str] = []
    times: Counter[str] = Counter()
    for distinct, name, text in sorted(said, key=lambda each: -each[0]):
        # Means of many like labels would otherwise leave no room for what people buy and where they are.
        kind = "a number" if name in counted else "a share"
        if distinct > 0 and name not in without and times[name] < PER_LABEL and times[kind] < PER_KIND:
            times.update([name, kind])
            told.append(text)
    return told


def _sentence(subject: str, entry: Mapping[str, Any]) -> str:
    return f"{subject}, {lifts.in_words(entry['lift'], entry['low'], entry['high'])}"


def _title(name: str) -> str:
    definition = registry.definitions().get(name)
    return definition.title if definition else name.replace("_", " ").capitalize()


def _share(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"


def _among(members: pl.Series) -> pl.Expr:
    return pl.col(c.CUSTOMER).is_in(members.cast(pl.Int64).implode())
