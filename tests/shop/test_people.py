"""The rules by which links make people, one by one, and in bulk."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.shop.identity import Edge, Held, Node, people
from precision.shop.methods.people import KINDS, RANK
from precision.shop.methods.people_in_bulk import HELD, Edges, Nodes, people_in_bulk

START = datetime(2026, 11, 20, 12, tzinfo=UTC)


def edge(
    number: int, first: int, second: int, *, verified: bool = True, decided: bool = False, at: int = 0
) -> Edge:
    return Edge(number, first, second, "identify", verified, decided, START + timedelta(seconds=at or number))


def node(number: int, kind: str, platform: int = 1) -> Node:
    return Node(number, platform, kind, 100 + number)


def groups(nodes: list[Node], edges: list[Edge]) -> set[frozenset[int]]:
    found: dict[int, set[int]] = {}
    for one, customer in people(nodes, edges).customers.items():
        found.setdefault(customer, set()).add(one)
    return {frozenset(each) for each in found.values()}


ANN, BOB, CAT, EVE = (node(n, "customer_id") for n in (1, 2, 3, 4))
PHONE, LAPTOP = node(11, "anonymous_id"), node(12, "anonymous_id")
MAIL = node(21, "email")


def test_a_person_bears_the_customer_of_the_strongest_then_oldest_identity() -> None:
    device, account = node(1, "anonymous_id"), node(2, "customer_id")
    assert people([device, account], [edge(1, 1, 2)]).customers == {1: 102, 2: 102}
    late, early = node(9, "customer_id", 2), node(5, "customer_id", 1)
    assert people([late, early], [edge(1, 5, 9)]).customers == {5: 105, 9: 105}


def test_of_two_accounts_the_verified_word_then_the_earlier_wins_the_device() -> None:
    nodes = [ANN, BOB, PHONE]
    said = [edge(1, 1, 11, verified=False), edge(2, 2, 11)]
    assert groups(nodes, said) == {frozenset({1}), frozenset({2, 11})}
    assert people(nodes, said).held == {1: Held.BOTH_KNOWN}
    said = [edge(1, 1, 11, at=5), edge(2, 2, 11, at=4)]
    assert groups(nodes, said) == {frozenset({1}), frozenset({2, 11})}
    assert people(nodes, said).held == {1: Held.LIMIT}


def test_three_accounts_make_a_device_shared_and_it_joins_nobody() -> None:
    nodes = [ANN, BOB, CAT, PHONE]
    said = [edge(n, n, 11, verified=n != 2) for n in (1, 2, 3)]
    assert groups(nodes, said) == {frozenset({n}) for n in (1, 2, 3, 11)}
    assert set(people(nodes, said).held.values()) == {Held.SHARED}


def test_accounts_of_three_platforms_do_not_make_an_address_shared() -> None:
    nodes = [node(n, "customer_id", platform=n) for n in (1, 2, 3)] + [MAIL]
    assert groups(nodes, [edge(n, n, 21) for n in (1, 2, 3)]) == {frozenset({1, 2, 3, 21})}


def test_an_address_is_shared_by_verified_links_only() -> None:
    nodes = [ANN, BOB, CAT, MAIL]
    said = [edge(1, 1, 21), edge(2, 2, 21, verified=False), edge(3, 3, 21, verified=False)]
    assert groups(nodes, said) == {frozenset({1, 21}), frozenset({2}), frozenset({3})}
    assert people(nodes, said).held == {2: Held.UNVERIFIED, 3: Held.UNVERIFIED}


def test_an_unverified_word_does_not_join_two_known_people() -> None:
    other = node(2, "customer_id", platform=2)
    assert people([ANN, other], [edge(1, 1, 2, verified=False)]).held == {1: Held.BOTH_KNOWN}
    assert people([ANN, other], [edge(1, 1, 2)]).held == {}
    # nor does it over a device of theirs
    said = [edge(1, 2, 11), edge(2, 1, 11, verified=False)]
    assert groups([ANN, other, PHONE], said) == {frozenset({1}), frozenset({2, 11})}


def test_a_name_only_proposes_and_staff_may_join_anything() -> None:
    name = node(31, "name")
    assert people([ANN, name], [edge(1, 1, 31)]).held == {1: Held.PROPOSES}
    assert groups([ANN, name], [edge(1, 1, 31, decided=True)]) == {frozenset({1, 31})}
    assert groups([ANN, BOB], [edge(1, 1, 2, decided=True)]) == {frozenset({1, 2})}


def test_what_staff_joined_takes_nothing_from_the_rules_and_releases_what_it_joins() -> None:
    nodes = [ANN, BOB, PHONE, MAIL]
    said = [edge(1, 1, 21), edge(2, 2, 21), edge(3, 2, 11)]
    assert people(nodes, said).held == {2: Held.LIMIT}
    joined = [*said, edge(4, 1, 2, decided=True)]
    assert groups(nodes, joined) == {frozenset({1, 2, 11, 21})}
    assert people(nodes, joined).held == {}


def test_ten_addresses_are_a_person_and_eleven_are_not() -> None:
    mails = [node(30 + n, "email") for n in range(11)]
    answer = people([ANN, *mails], [edge(n + 1, 1, 30 + n) for n in range(11)])
    assert answer.held == {11: Held.LIMIT}
    assert answer.customers[40] == 140


kinds = st.sampled_from(["customer_id", "anonymous_id", "email", "card", "external_id", "name"])
worlds = st.integers(2, 14).flatmap(
    lambda size: st.tuples(
        st.lists(st.tuples(kinds, st.integers(1, 2)), min_size=size, max_size=size),
        st.lists(
            st.tuples(
                st.integers(0, size - 1), st.integers(0, size - 1), st.booleans(),
                st.sampled_from([False, False, False, True]), st.integers(0, 3),
            ),
            max_size=24,
        ),
    )
)  # fmt: skip


def world(
    drawn: tuple[list[tuple[str, int]], list[tuple[int, int, bool, bool, int]]],
) -> tuple[list[Node], list[Edge]]:
    nodes = [Node(10 * n, platform, kind, 500 + n) for n, (kind, platform) in enumerate(drawn[0])]
    edges = [
        Edge(n, 10 * min(a, b), 10 * max(a, b), "", verified, decided, START + timedelta(seconds=at))
        for n, (a, b, verified, decided, at) in enumerate(drawn[1])
        if a != b
    ]
    return nodes, edges


@settings(max_examples=400, deadline=None, derandomize=True)
@given(worlds, st.randoms(use_true_random=False))
def test_the_order_in_which_evidence_comes_does_not_matter(drawn, rng) -> None:
    nodes, edges = world(drawn)
    answer = people(nodes, edges)
    rng.shuffle(nodes)
    rng.shuffle(edges)
    assert people(nodes, edges) == answer


@settings(max_examples=400, deadline=None, derandomize=True)
@given(worlds)
def test_active_links_connect_exactly_the_people(drawn) -> None:
    nodes, edges = world(drawn)
    answer = people(nodes, edges)
    active = [each for each in edges if each.id not in answer.held]
    assert all(answer.customers[each.first] == answer.customers[each.second] for each in active)
    assert all(
        answer.customers[each.first] != answer.customers[each.second] for each in edges if each not in active
    )
    reached = {each.id: {each.id} for each in nodes}
    for each in active:
        merged = reached[each.first] | reached[each.second]
        for one in merged:
            reached[one] = merged
    for one in nodes:
        assert {o.id for o in nodes if answer.customers[o.id] == answer.customers[one.id]} == reached[one.id]


def in_bulk(nodes: list[Node], edges: list[Edge]) -> tuple[dict[int, int], dict[int, Held]]:
    nodes = sorted(nodes)
    place = {each.id: n for n, each in enumerate(nodes)}
    answer = people_in_bulk(
        Nodes(
            id=np.array([each.id for each in nodes], dtype=np.int64),
            platform=np.array([each.platform for each in nodes], dtype=np.int32),
            kind=np.array([RANK[each.kind] for each in nodes], dtype=np.int8),
            home=np.array([each.home for each in nodes], dtype=np.int64),
        ),
        Edges(
            first=np.array([place[each.first] for each in edges], dtype=np.int32),
            second=np.array([place[each.second] for each in edges], dtype=np.int32),
            verified=np.array([each.verified for each in edges], dtype=np.bool_),
            decided=np.array([each.decided for each in edges], dtype=np.bool_),
            at=np.array([int(each.at.timestamp() * 1e6) for each in edges], dtype=np.int64),
        ),
    )
    customers = dict(zip((each.id for each in nodes), answer.customers.tolist(), strict=True))
    held = {each.id: HELD[code] for each, code in zip(edges, answer.held.tolist(), strict=True) if code}
    return customers, held


@settings(max_examples=800, deadline=None, derandomize=True)
@given(worlds)
def test_in_bulk_says_the_same(drawn) -> None:
    nodes, edges = world(drawn)
    answer = people(nodes, edges)
    assert in_bulk(nodes, edges) == (answer.customers, answer.held)


def test_in_bulk_of_nobody_is_nobody() -> None:
    assert in_bulk([], []) == ({}, {})
    assert in_bulk([ANN], []) == ({1: 101}, {})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_rank(kind: str) -> None:
    assert groups([node(1, kind)], []) == {frozenset({1})}
