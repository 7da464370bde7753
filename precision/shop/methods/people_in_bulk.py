"""Who is one person, for millions of identities at once: the answer of `people`, by arrays.

Where no limit is broken and no unverified link stands between two known identities, the order of the links does not
matter: every link joins, and people are connected components. Only the groups where one of them fails go through the
rules one link after the other.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from precision.shop.methods.people import (
    ACCOUNT,
    ANONYMOUS,
    CLAIMED,
    KINDS,
    LIMITS,
    PROPOSING,
    RANK,
    SHAREABLE,
    SHARED,
    Edge,
    Held,
    Node,
    people,
)

HELD: Final = (None, *Held)
"""What a number in `Bulk.held` means: 0 joins, the others say why not."""
_CODE = {reason: number for number, reason in enumerate(HELD)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Ints = NDArray[np.int64]
Places = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Identities, by ascending number; arrays of one length."""

    id: Ints
    platform: NDArray[np.int32]
    kind: NDArray[np.int8]
    """Place in KINDS."""
    home: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Links that remain; arrays of one length."""

    first: Places
    """Place of the identity in `Nodes`; `second` too."""
    second: Places
    verified: Flags
    decided: Flags
    at: Ints
    """Microseconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """Who is one person."""

    customers: Ints
    """The customer of each identity."""
    held: NDArray[np.int8]
    """Of each link, a place in HELD."""
    groups: Places
    """Of each identity: a number shared by all whose part may depend on each other's links."""


def people_in_bulk(nodes: Nodes, edges: Edges) -> Bulk:
    """Return what `people` would say of all identities and links together."""
    size = len(nodes.id)
    held = _held_alone(nodes, edges)
    open_ = ~edges.decided & (held == 0)
    groups = _components(edges, open_ | edges.decided, size)
    broken = _broken(nodes, edges, open_)
    if broken is not None:
        held[broken.links] = _sequential(nodes, edges, broken)
    joined = _components(edges, edges.decided | (held == 0), size)
    held[joined[edges.first] == joined[edges.second]] = 0
    return Bulk(customers=_customers(nodes, joined), held=held, groups=groups)


@dataclass(frozen=True, slots=True)
class _Broken:
    """What needs the rules in order: places of identities, and of the links between them."""

    nodes: NDArray[np.int64]
    links: NDArray[np.int64]


def _of(kinds: Any) -> NDArray[np.bool_]:
    """Return for each place in KINDS whether it is one of these."""
    return np.array([kind in kinds for kind in KINDS])


def _held_alone(nodes: Nodes, edges: Edges) -> NDArray[np.int8]:
    """Return for each link why it joins nobody by rules 1 to 3, 0 where it may."""
    first, second = nodes.kind[edges.first], nodes.kind[edges.second]
    held = np.zeros(len(first), dtype=np.int8)
    shared = _shared(nodes, edges)
    held[shared[edges.first] | shared[edges.second]] = _CODE[Held.SHARED]
    claimed, proposing = _of(CLAIMED), _of(PROPOSING)
    held[~edges.verified & (claimed[first] | claimed[second])] = _CODE[Held.UNVERIFIED]
    held[proposing[first] | proposing[second]] = _CODE[Held.PROPOSES]
    held[edges.decided] = 0
    return held


def _shared(nodes: Nodes, edges: Edges) -> Flags:
    """Return for each identity whether too many accounts of one platform go by it."""
    shareable, claimed = _of(SHAREABLE), _of(CLAIMED)
    found = []
    for name, account in ((edges.first, edges.second), (edges.second, edges.first)):
        kind = nodes.kind[name]
        counts = ~edges.decided & (nodes.kind[account] == RANK[ACCOUNT]) & shareable[kind]
        counts &= edges.verified | ~claimed[kind]
        found.append((name[counts], account[counts]))
    names = np.concatenate([name for name, _ in found])
    accounts = np.concatenate([account for _, account in found])
    result = np.zeros(len(nodes.id), dtype=np.bool_)
    often = np.bincount(names, minlength=len(nodes.id)) >= SHARED
    some = often[names]
    if some.any():
        triples = np.unique(
            np.stack([names[some], nodes.platform[accounts[some]], accounts[some]], axis=1), axis=0
        )
        pairs, numbers = np.unique(triples[:, :2], axis=0, return_counts=True)
        result[pairs[numbers >= SHARED, 0]] = True
    return result


def _components(edges: Edges, chosen: Flags, size: int) -> Places:
    """Return the number of the group of each identity that the chosen links connect."""
    rows, columns = edges.first[chosen], edges.second[chosen]
    ones = np.ones(len(rows), dtype=np.int8)
    graph = coo_array((ones, (rows, columns)), shape=(size, size))
    labels: Places = connected_components(graph, directed=False)[1]
    return labels


def _broken(nodes: Nodes, edges: Edges, open_: Flags) -> _Broken | None:
    """Return the groups in which the order of the links may matter; None where there are none."""
    size = len(nodes.id)
    groups = _components(edges, open_, size)
    bad = np.zeros(groups.max() + 1 if size else 0, dtype=np.bool_)
    sizes = np.bincount(groups, minlength=len(bad))
    several = sizes[groups] > 1
    for kind, most in LIMITS.items():
        limited = np.flatnonzero((nodes.kind == RANK[kind]) & several)
        key = groups[limited].astype(np.int64) << 32 | nodes.platform[limited]
        key.sort()
        if len(key) > most:
            bad[key[most:][key[most:] == key[:-most]] >> 32] = True
    unproven = open_ & ~edges.verified
    if unproven.any():
        proven = _components(edges, open_ & edges.verified, size)
        touched = np.zeros(len(bad), dtype=np.bool_)
        touched[groups[edges.first[unproven]]] = True
        known = np.flatnonzero((nodes.kind != RANK[ANONYMOUS]) & touched[groups])
        pairs = np.unique(groups[known].astype(np.int64) << 32 | proven[known])
        numbers = np.bincount(pairs >> 32, minlength=len(bad))
        bad |= numbers > 1
    if not bad.any():
        return None
    return _Broken(nodes=np.flatnonzero(bad[groups]), links=np.flatnonzero(open_ & bad[groups[edges.first]]))


def _sequential(nodes: Nodes, edges: Edges, broken: _Broken) -> list[int]:
    """Return for each of the broken groups' links why it is held, by the rules in order."""
    some = [
        Node(place, platform, KINDS[kind], 0)
        for place, platform, kind in zip(
            broken.nodes.tolist(),
            nodes.platform[broken.nodes].tolist(),
            nodes.kind[broken.nodes].tolist(),
            strict=True,
        )
    ]
    columns = (edges.first, edges.second, edges.verified, edges.at)
    links = [
        Edge(number, first, second, "", verified, False, _EPOCH + timedelta(microseconds=at))
        for number, first, second, verified, at in zip(
            broken.links.tolist(), *(column[broken.links].tolist() for column in columns), strict=True
        )
    ]
    held = people(some, links, shared=()).held
    return [_CODE[held[link.id]] if link.id in held else 0 for link in links]


def _customers(nodes: Nodes, groups: Places) -> Ints:
    """Return the home of the first identity (strongest kind, lowest number) of each identity's group."""
    order = np.argsort(nodes.kind, kind="stable")[::-1]
    first = np.empty(groups.max() + 1 if len(groups) else 0, dtype=np.int64)
    first[groups[order]] = order  # of several writes to one place the last stays
    result: Ints = nodes.home[first[groups]]
    return result
