"""Whatever comes in whatever order: the same people as from the remaining links, and undo restores every row."""

import random
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from precision.shop import stitching
from precision.shop.models import IdentityLink, Join
from precision.shop.stitching import DecisionError
from tests.shop.town import Town, check, rows

NAMES = [
    *(f"toys/customer_id/c{n}" for n in range(4)),
    *(f"toys/anonymous_id/a{n}" for n in range(4)),
    *(f"toys/email/e{n}@firm.de" for n in range(2)),
    "toys/phone/+4917012345678",
    "toys/name/ann bell",
    *(f"food/customer_id/k{n}" for n in range(3)),
    *(f"food/anonymous_id/b{n}" for n in range(2)),
    *(f"food/email/e{n}@firm.de" for n in range(2)),
    "food/external_id/x1",
]
ORIGINS = ["identify", "order", "profile"]

pairs = st.tuples(st.integers(0, len(NAMES) - 1), st.integers(0, len(NAMES) - 1)).filter(
    lambda two: two[0] != two[1]
)
tellings = st.tuples(
    st.just("link"),
    st.lists(
        st.tuples(pairs, st.sampled_from(ORIGINS), st.booleans(), st.integers(0, 5)), min_size=1, max_size=4
    ),
)
decisions = st.tuples(st.sampled_from(["accept", "refuse", "undo"]), st.integers(0, 30))
merges = st.tuples(st.just("merge"), pairs)
steps = st.lists(st.one_of(tellings, tellings, decisions, merges), min_size=1, max_size=14)
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.fixture
def town(db: None) -> Town:
    made = Town("toys", "food")
    for name in NAMES:
        made.one(name)
    return made


def play(town: Town, step: tuple[str, Any]) -> None:
    """Take one step; a decision about a link that is not there, or not in that state, changes nothing."""
    action, given = step
    if action == "link":
        told = [
            town.evidence(NAMES[first], NAMES[second], origin=origin, verified=verified, at=at)
            for (first, second), origin, verified, at in given
        ]
        stitching.link(town.organisation, told)
    elif action == "merge":
        stitching.merge(town.one(NAMES[given[0]]), town.one(NAMES[given[1]]))
    else:
        links = list(IdentityLink.objects.order_by("pk").values_list("pk", flat=True))
        if not links:
            return
        before = rows()
        try:
            getattr(stitching, action)(links[given % len(links)])
        except DecisionError:
            assert rows() == before


@quick
@given(steps)
def test_any_sequence_gives_the_people_of_the_remaining_links(town: Town, taken: list[Any]) -> None:
    with transaction.atomic():
        for step in taken:
            play(town, step)
            check()
        transaction.set_rollback(True)


@quick
@given(steps, pairs)
def test_undoing_a_merge_restores_every_row(town: Town, taken: list[Any], pair: tuple[int, int]) -> None:
    with transaction.atomic():
        for step in taken:
            play(town, step)
        IdentityLink.objects.filter(origin="staff", status="undone").delete()
        before, entries = rows(), Join.objects.count()
        first, second = (town.one(NAMES[place]) for place in pair)
        old = IdentityLink.objects.filter(origin="staff", first=min(first, second), second=max(first, second))
        if not old.exists():
            made = stitching.merge(first, second)
            assert town.together(*(NAMES[place] for place in pair))
            undone = stitching.undo(made.link.pk)
            assert undone.moved == made.moved
            IdentityLink.objects.get(pk=made.link.pk, status="undone").delete()
            assert rows() == before
            assert Join.objects.count() >= entries + 2 * (made.moved > 0)
        transaction.set_rollback(True)


@quick
@given(steps, st.integers(0, 30))
def test_undoing_an_acceptance_restores_every_row(town: Town, taken: list[Any], place: int) -> None:
    with transaction.atomic():
        for step in taken:
            play(town, step)
        proposed = list(IdentityLink.objects.filter(status="proposed").order_by("pk"))
        if proposed:
            before = rows()
            stitching.accept(proposed[place % len(proposed)].pk)
            check()
            stitching.undo(proposed[place % len(proposed)].pk)
            assert rows() == before
        transaction.set_rollback(True)


@quick
@given(tellings, st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(town: Town, telling: Any, rng: random.Random) -> None:
    """One by one in any order, or all at once: the same people and the same states of links."""
    _, given = telling
    ends = []
    for way in ("at once", "one by one", "shuffled"):
        with transaction.atomic():
            parts = [given] if way == "at once" else [[one] for one in given]
            if way == "shuffled":
                rng.shuffle(parts)
            for part in parts:
                play(town, ("link", part))
            links = IdentityLink.objects.order_by("first", "second", "origin")
            ends.append(
                (
                    [town.customer(name) for name in NAMES],
                    list(links.values_list("first", "second", "origin", "status", "held", "verified", "at")),
                )
            )
            transaction.set_rollback(True)
    assert ends[0] == ends[1] == ends[2]
