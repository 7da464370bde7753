"""Recommendations on the last 30 days of both shops, which no model saw: ours against single models and the peer."""

from dataclasses import replace
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import goals, quality_lists_ours, quality_rectools
from benchmarks import quality_lists_baselines as baselines
from benchmarks.goals import Goal
from benchmarks.quality_lists_baselines import K, Lists, World
from benchmarks.quality_rectools import Listed
from benchmarks.quality_shops import Facts, Shops
from recommender.evaluation import metrics
from recommender.evaluation.compare import paired_bootstrap

DAYS = 30
SEED = 42
WIDTH = 120  # characters that the table needs, where the output is no terminal
SAMPLES = 2000
GOALS = {
    ("gifts", "new"): 0.180, ("gifts", "all"): 0.38, ("grocer", "new"): 0.060, ("grocer", "all"): 0.35,
}  # fmt: skip
"""Least recall of ours."""
LEAST_RATIO = {("gifts", "new"): 1.5}
"""Least ratio of ours to the best single model with default settings."""
OURS, FREQUENCY, PEER = "ours", "personal frequency", "rectools "


def run(shops: Shops) -> dict[str, Any]:
    """Print a table a shop and return the figures of each."""
    peer = quality_rectools.environment()
    found: dict[str, Any] = {"k": K, "days": DAYS, "peer": peer.reason or "rectools with its defaults"}
    for facts in (shops.gifts, shops.grocer):
        worlds = baselines.worlds(facts.lines, as_of_day=facts.day, days=DAYS)
        others = quality_rectools.recommended(worlds, peer)
        found[facts.key] = {
            which: _judged(facts, which, world, others[which]) for which, world in worlds.items()
        }
    return found


def _judged(facts: Facts, which: str, world: World, others: Listed) -> dict[str, Any]:
    """Print and return what each model reached in one world."""
    lists: dict[str, Lists] = {name: make(world) for name, make in baselines.DEFAULTS.items()}
    if not world.new_only:
        lists[FREQUENCY] = _best_frequency(world)
    lists |= {f"{PEER}{name}": items for name, items in others.lists.items()}
    lists |= quality_lists_ours.lists(facts, world)
    figures = compared(
        world, lists, goal=GOALS.get((facts.key, which)), ratio=LEAST_RATIO.get((facts.key, which))
    )
    figures["ranker"] = quality_lists_ours.told(facts, world)
    if others.reason:
        figures["peer_missing"] = others.reason
    console = Console(width=max(WIDTH, Console().width))
    told = f"{facts.key}, {'new items' if which == 'new' else 'all items'}"
    console.print(_table(told, figures))
    goals.told(console, [replace(goal, name=f"{told}: {goal.name}") for goal in goals_of(figures)])
    return figures


def compared(
    world: World, lists: dict[str, Lists], *, goal: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    """Return the measures of each model, and ours against the best single model and against everything.

    The best of the others is chosen with hindsight, on the days that are judged: the hardest to beat.
    """
    rng = np.random.default_rng(SEED)
    recalls = {name: metrics.recall(items, world.relevant) for name, items in lists.items()}
    means = {name: metrics.mean(values).value or 0.0 for name, values in recalls.items()}
    sold = np.asarray(world.bought.sum(axis=0)).ravel() > 0
    models = {
        name: {
            "recall": means[name],
            "ndcg": metrics.mean(metrics.ndcg(items, world.relevant)).value,
            "map": metrics.mean(metrics.average_precision(items, world.relevant)).value,
            "hit_rate": metrics.mean(metrics.hit_rate(items, world.relevant)).value,
            "coverage": metrics.coverage(items, sold),
            "novelty": metrics.mean(metrics.novelty(items, world.bought)).value,
        }
        for name, items in lists.items()
    }
    default = max(baselines.DEFAULTS, key=lambda name: means[name])
    strongest = max((name for name in lists if not name.startswith(OURS)), key=lambda name: means[name])
    judged = metrics.mean(recalls[OURS])
    figures = {
        "customers": judged.customers,
        "models": models,
        "ours": means[OURS],
        "goal": goal,
        "best_default": _against(recalls, default, means, rng),
        "best_other": _against(recalls, strongest, means, rng),
        "least_ratio": ratio,
    }
    return figures | {"reached": {each.name: each.reached for each in goals_of(figures)}}


def _against(
    recalls: dict[str, Any], other: str, means: dict[str, float], rng: np.random.Generator
) -> dict[str, Any]:
    found = paired_bootstrap(recalls[OURS], recalls[other], rng=rng, samples=SAMPLES)
    return {
        "name": other, "recall": means[other], "ratio": means[OURS] / means[other] if means[other] else None,
        "difference": found.difference, "low": found.low, "high": found.high, "excludes_0": found.a_wins,
    }  # fmt: skip


def _best_frequency(world: World) -> Lists:
    """Return the lists of the personal frequency with the half-life that does best, chosen with hindsight."""
    tried = [baselines.frequency(world, half_life_days=days) for days in baselines.HALF_LIVES]
    return max(tried, key=lambda items: metrics.mean(metrics.recall(items, world.relevant)).value or 0.0)


def _table(title: str, figures: dict[str, Any]) -> Table:
    """Return the models, best last."""
    default, other = figures["best_default"], figures["best_other"]
    caption = [
        f"ours above {default['name']}: {_told(default)}; above {other['name']}: {_told(other)}",
        *([f"the peer is missing: {figures['peer_missing']}"] if figures.get("peer_missing") else []),
    ]
    table = Table(
        title=f"{title}: {figures['customers']:,} customers, {DAYS} days, {K} items",
        caption="\n".join(caption),
    )
    for name in ("model", "recall", "ratio", "NDCG", "MAP", "hit rate", "coverage", "novelty"):
        table.add_column(name, justify="left" if name == "model" else "right", no_wrap=True)
    base = default["recall"]
    for name, each in sorted(figures["models"].items(), key=lambda item: item[1]["recall"]):
        table.add_row(
            name, f"{each['recall']:.4f}", f"{each['recall'] / base:.2f} ×" if base else "–",
            *(_cell(each[measure]) for measure in ("ndcg", "map", "hit_rate", "coverage")),
            "–" if each["novelty"] is None else f"{each['novelty']:.1f}",
        )  # fmt: skip
    return table


def goals_of(figures: dict[str, Any]) -> list[Goal]:
    """Return the goals of ours in one world: a recall, and a ratio to the best single model."""
    found = []
    if figures["goal"] is not None:
        found.append(Goal(name="recall", value=figures["ours"], wanted=figures["goal"], at_least=True))
    if figures["least_ratio"] is not None:
        default = figures["best_default"]
        found.append(
            Goal(
                name=f"times {default['name']}", value=default["ratio"], wanted=figures["least_ratio"],
                at_least=True,
            )
        )  # fmt: skip
    return found


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _told(found: dict[str, Any]) -> str:
    if found["low"] is None:
        return "undefined"
    return f"{found['difference']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f})"
