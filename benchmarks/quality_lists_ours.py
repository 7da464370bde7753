"""The lists that we would publish, made as of the first held-out day."""

import numpy as np

from benchmarks.quality_lists_baselines import K, Lists, World
from benchmarks.quality_shops import Facts
from precision.engine.backends.local import LocalEngine
from recommender.candidates import blend, personal

LENGTH = 100
SEED = 20_101


def lists(facts: Facts, world: World) -> dict[str, Lists]:
    """Return `ours`, and our own single sources by name."""
    engine = LocalEngine()
    sources = personal.fit(
        engine, world.split.train, as_of_day=world.split.cut_day, rng=np.random.default_rng(SEED)
    )
    found = personal.lists(engine, sources, rows=world.rows, k=LENGTH, new_only=world.new_only)
    weights = blend.NEW_ITEMS if world.new_only else blend.ALL_ITEMS
    return {
        "ours": blend.blend(found, weights=weights, n=K).items,
        **{
            f"ours, {name} alone": each.items[:, :K]
            for name, each in found.items()
            if name not in personal.POPULAR.values()  # that is the same as the baselines
        },
    }
