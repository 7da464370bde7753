"""What a customer is shown depends on people like them: only others' orders change, and the answer changes."""

import numpy as np
import pytest

from precision.engine.backends.local import LocalEngine
from recommender.candidates import blend, personal
from tests.recommender.lines import frame, lazy, two_tastes

ENGINE = LocalEngine(threads=1)
ANN, EXTRA, AS_OF = 0, 50, 100  # an even customer; a product that nobody of them has bought so far


def lists(buyers: list[int]) -> dict[str, list[int]]:
    """Return what ann is shown of what is new to her when these customers bought the extra product beside the rest."""
    rows = two_tastes()
    extra = [(customer, 5_000 + customer, EXTRA, 94, 1) for customer in buyers]
    sources = personal.fit(ENGINE, lazy(frame(*rows, *extra)), as_of_day=AS_OF, rng=np.random.default_rng(1))
    row = np.flatnonzero(sources.history.customers == ANN)
    found = personal.lists(ENGINE, sources, rows=row, k=10, new_only=True)
    shown = {name: each.items[0] for name, each in found.items()}
    shown["blend"] = blend.blend(found, weights=blend.NEW_ITEMS, n=10).items[0]
    return {
        name: [int(sources.history.products[item]) for item in items if item >= 0]
        for name, items in shown.items()
    }


@pytest.mark.parametrize("name", ["item-item", "blend"])
def test_what_similar_people_bought_comes_in(name: str) -> None:
    similar = list(range(2, 40, 2))
    before, after = lists([])[name], lists(similar)[name]
    assert EXTRA not in before
    assert EXTRA in after


def test_what_people_of_another_taste_bought_does_not() -> None:
    others = list(range(1, 40, 2))
    similar = list(range(2, 40, 2))
    assert EXTRA not in lists(others)["item-item"]
    blended = {who: lists(buyers)["blend"] for who, buyers in (("others", others), ("similar", similar))}
    place = {who: items.index(EXTRA) if EXTRA in items else len(items) for who, items in blended.items()}
    assert place["similar"] < place["others"], "it sells as well among either; only likeness tells them apart"
