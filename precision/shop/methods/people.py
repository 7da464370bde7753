"""Who is one person: a pure function of the links that remain, whatever the order in which they came.

Rules, version 1. A link is *decided* when staff made or accepted it, *verified* when the shop's server told it or a
browser with a valid user_hash, *held* when it joins nobody. *Known* is every identity but an anonymous id.

1. A link to a name or an address joins nobody; it proposes.
2. An unverified link to an e-mail address, phone number or card joins nobody: a browser may claim any.
3. A shared name joins nobody: one (anonymous id, e-mail, phone, card, id in another system) that SHARED or more
   customer ids of one platform go by. Of e-mail, phone and card only verified links count, or a browser could part
   the people who use it.
4. The other links join in a fixed order: verified before unverified; strong kinds before weak ones (KINDS); earlier
   before later; lower numbers before higher. A link is held if with it one person would have more identities of a kind
   on one platform than LIMITS allow (two accounts of one shop), or if it is unverified and both sides are known:
   nobody's word about themselves joins two people whom a shop knows.
5. Decided links join last, whatever they join. A held link whose ends are one person after all is not held.

A person bears the customer that the first of its identities came with: strongest kind, then lowest number.

Rules 1 to 4 read only what the links themselves connect, so the answer for one connected group of links is the same
alone as among all others.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

RULE_VERSION: Final = 1
KINDS: Final = ("customer_id", "external_id", "card", "email", "phone", "address", "name", "anonymous_id")
"""Strongest first."""
RANK: Final = MappingProxyType({kind: place for place, kind in enumerate(KINDS)})
ANONYMOUS: Final = "anonymous_id"
ACCOUNT: Final = "customer_id"
CLAIMED: Final = frozenset({"email", "phone", "card"})
"""Kinds that anybody can claim who knows somebody else's: only a verified link to them counts."""
PROPOSING: Final = frozenset({"name", "address"})
SHAREABLE: Final = frozenset({"anonymous_id", "email", "phone", "card", "external_id"})
SHARED: Final = 3
"""Accounts of one platform from which on a name is that of a device or household, not of a person."""
LIMITS: Final = MappingProxyType({"customer_id": 1, "card": 10, "email": 10, "phone": 10})
"""Most identities of a kind that one person has on one platform, unless staff decide otherwise."""


class Held(StrEnum):
    """Why a link joins nobody."""

    PROPOSES = "proposes"  # rule 1
    UNVERIFIED = "unverified"  # rule 2
    SHARED = "shared"  # rule 3
    LIMIT = "limit"  # rule 4
    BOTH_KNOWN = "both-known"  # rule 4


INERT: Final = frozenset({Held.PROPOSES, Held.UNVERIFIED})
"""Links held for these reasons change no other link's part: nobody need look beyond them."""


class Node(NamedTuple):
    """An identity: its number, where it belongs, and the customer it came with."""

    id: int
    platform: int
    kind: str
    home: int


class Edge(NamedTuple):
    """A link that was neither refused nor undone."""

    id: int
    first: int
    second: int
    origin: str
    verified: bool
    decided: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """Who is one person, and which links had no part in it."""

    customers: dict[int, int]
    """Identity → the customer of its person."""
    held: dict[int, Held]
    """Link → why it joins nobody; the others are active, and connect exactly the people."""


class _Groups:
    """Groups of identities that grow together (union–find), with what the limits count."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self.root: dict[int, int] = {}
        self.known: dict[int, bool] = {}
        self.counts: dict[int, Counter[tuple[int, str]]] = {}
        for node in nodes:
            self.root[node.id] = node.id
            self.known[node.id] = node.kind != ANONYMOUS
            limited = node.kind in LIMITS
            self.counts[node.id] = Counter({(node.platform, node.kind): 1} if limited else {})

    def find(self, one: int) -> int:
        """Return the identity that stands for the group."""
        root = self.root
        while root[one] != one:
            root[one] = root[root[one]]
            one = root[one]
        return one

    def join(self, one: int, other: int) -> None:
        """Make two groups, by the identities that stand for them, one."""
        if one == other:
            return
        if len(self.counts[one]) < len(self.counts[other]):
            one, other = other, one
        self.root[other] = one
        self.known[one] |= self.known.pop(other)
        self.counts[one].update(self.counts.pop(other))

    def over_limit(self, one: int, other: int) -> bool:
        """Return whether both bring identities of a kind of which together they have too many."""
        few, many = sorted((self.counts[one], self.counts[other]), key=len)
        return any(many[place] and many[place] + number > LIMITS[place[1]] for place, number in few.items())


def people(
    nodes: Collection[Node], edges: Collection[Edge], *, shared: Collection[int] | None = None
) -> Answer:
    """Return the customer of each identity and the links that are held, by the rules above.

    `edges` are all links between the `nodes` that remain; raises KeyError for one that leads elsewhere. `shared` are
    the shared names, where somebody knows them already; else they are counted. Linear but for sorting the links.
    """
    by_id = {node.id: node for node in nodes}
    groups = _Groups(by_id.values())
    if shared is None:
        shared = shared_names(by_id, edges)
    held: dict[int, Held] = {}
    decided: list[Edge] = []
    for edge in in_order(edges, by_id):
        if edge.decided:
            decided.append(edge)
            continue
        reason = held_alone(edge, by_id, shared)
        if reason is None:
            one, other = groups.find(edge.first), groups.find(edge.second)
            if one == other:
                continue
            if not edge.verified and groups.known[one] and groups.known[other]:
                reason = Held.BOTH_KNOWN
            elif groups.over_limit(one, other):
                reason = Held.LIMIT
            else:
                groups.join(one, other)
                continue
        held[edge.id] = reason
    for edge in decided:
        groups.join(groups.find(edge.first), groups.find(edge.second))
    if held:
        ends = {edge.id: (edge.first, edge.second) for edge in edges}
        held = {
            link: reason
            for link, reason in held.items()
            if len({groups.find(end) for end in ends[link]}) == 2
        }
    return Answer(_customers(by_id, groups), held)


def shared_names(nodes: dict[int, Node], edges: Iterable[Edge]) -> set[int]:
    """Return the identities that too many accounts go by (rule 3)."""
    accounts: dict[tuple[int, int], set[int]] = {}
    for edge in edges:
        if edge.decided:
            continue
        for name, account in ((edge.first, edge.second), (edge.second, edge.first)):
            kind = nodes[name].kind
            counts = kind in SHAREABLE and (edge.verified or kind not in CLAIMED)
            if counts and nodes[account].kind == ACCOUNT:
                accounts.setdefault((name, nodes[account].platform), set()).add(account)
    return {name for (name, _), found in accounts.items() if len(found) >= SHARED}


def in_order(edges: Iterable[Edge], nodes: dict[int, Node]) -> list[Edge]:
    """Return the links in the order in which they join (rule 4)."""

    def place(edge: Edge) -> tuple[bool, int, datetime, int, int, str]:
        weakest = max(RANK[nodes[edge.first].kind], RANK[nodes[edge.second].kind])
        return not edge.verified, weakest, edge.at, edge.first, edge.second, edge.origin

    return sorted(edges, key=place)


def held_alone(edge: Edge, nodes: dict[int, Node], shared: Collection[int]) -> Held | None:
    """Return why a link that nobody decided on joins nobody, whatever the others join (rules 1 to 3)."""
    kinds = {nodes[edge.first].kind, nodes[edge.second].kind}
    if kinds & PROPOSING:
        return Held.PROPOSES
    if not edge.verified and kinds & CLAIMED:
        return Held.UNVERIFIED
    if edge.first in shared or edge.second in shared:
        return Held.SHARED
    return None


def first_of(nodes: Sequence[Node]) -> Node:
    """Return the identity whose customer a person of these identities bears."""
    return min(nodes, key=lambda node: (RANK[node.kind], node.id))


def _customers(nodes: dict[int, Node], groups: _Groups) -> dict[int, int]:
    members: dict[int, list[Node]] = {}
    for node in nodes.values():
        members.setdefault(groups.find(node.id), []).append(node)
    return {node.id: first_of(found).home for found in members.values() for node in found}
