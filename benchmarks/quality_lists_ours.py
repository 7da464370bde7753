"""The lists that we would publish, made as of the first held-out day: what the jobs do, on frames."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import narwhals as nw
import numpy as np

from benchmarks.errors import BenchmarkError
from benchmarks.quality_lists_baselines import K, Lists, World
from benchmarks.quality_shops import Facts
from precision.engine.backends.local import LocalEngine
from precision.engine.results import NOBODY, TopItems
from recommender.candidates import assortment, blend, personal
from recommender.candidates.facts import Facts as Knowledge
from recommender.candidates.personal import Sources
from recommender.interactions import positions
from recommender.ranking import candidates, descriptions, features, learning, serving
from recommender.ranking.features import Known
from recommender.ranking.learning import Learned

LENGTH = 100
SEED = 20_101


@dataclass(frozen=True, slots=True)
class Made:
    """The sources of one shop as of the first held-out day, and the ranker learned from the days before it."""

    sources: Sources
    known: Known
    learned: Learned


def lists(facts: Facts, world: World) -> dict[str, Lists]:
    """Return `ours`, the blend that serves where no ranker passed the gate, and our own single sources by name."""
    made = _made(facts, world.split.cut_day)
    engine = LocalEngine()
    found = personal.lists(engine, made.sources, rows=world.rows, k=LENGTH, new_only=world.new_only)
    weights = blend.NEW_ITEMS if world.new_only else blend.ALL_ITEMS
    blended = blend.blend(found, weights=weights, n=K).items
    made_lists = {
        "ours": blended if made.learned.ranker is None else _ranked(made, world),
        "ours, blended": blended,
        **{
            f"ours, {name} alone": each.items[:, :K]
            for name, each in found.items()
            if name not in personal.POPULAR.values()  # that is the same as the baselines
        },
    }
    return {name: _in_world(items, made.sources, world) for name, items in made_lists.items()}


def _in_world(items: Lists, sources: Sources, world: World) -> Lists:
    """Return lists in the numbering of the world, in which what only guests bought has no number and is no hit."""
    place, known = positions(sources.history.products, world.history.products)
    numbers = np.where(known, place, NOBODY)
    return np.where(items == NOBODY, NOBODY, numbers[items])


def told(facts: Facts, world: World) -> dict[str, Any]:
    """Return what the ranker was learned from and what its gate said."""
    learned = _made(facts, world.split.cut_day).learned
    return {"used": learned.ranker is not None, "reason": learned.reason, **learned.report}


@lru_cache(maxsize=1)
def _made(facts: Facts, day: int) -> Made:
    """Return what both worlds of a shop share; the ranker sees nothing of `day` or later."""
    engine = LocalEngine()
    told = knowledge(facts)
    learned = learning.learn(engine, told, as_of_day=day)
    sources = told.sources_then(engine, as_of_day=day, rng=np.random.default_rng(SEED))
    described = descriptions.describe(sources.history.products, told.goods.catalogue)
    known = features.prepare(sources, told.lines, described)
    return Made(sources=sources, known=known, learned=learned)


def knowledge(facts: Facts) -> Knowledge:
    """Return what the jobs read of a shop: lines, and the assortment of today.

    Raises:
        BenchmarkError: the facts were kept by an earlier release.
    """
    path = facts.folder / "titles.parquet"
    if not path.is_file():
        raise BenchmarkError(f"{path} is missing: the facts are of an earlier release; delete {facts.folder}")
    catalogue = descriptions.of_frame(facts.frame("titles").collect())
    return Knowledge(
        lines=facts.lines, goods=assortment.collect(nw.from_native(facts.frame("products")), catalogue)
    )


def _ranked(made: Made, world: World) -> Lists:
    """Return the K best: of what is new, or of new items and repeats in the one order of their chances."""
    ranker = made.learned.ranker
    assert ranker is not None
    lengths = {
        kind: n for kind, n in candidates.LENGTHS.items() if kind == candidates.NEW or not world.new_only
    }
    parts: list[TopItems] = []
    for _, found in serving.rank(LocalEngine(), ranker, made.known, world.rows, lengths=lengths):
        parts.append(serving.together([each.top() for each in found.values()], n=K))
    return np.concatenate([part.items for part in parts])
