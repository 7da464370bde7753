"""All identities and links of an organisation as arrays, and which of them the rules say otherwise about."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from precision.shop import bulk
from precision.shop.methods.people import CLAIMED, KINDS
from precision.shop.methods.people_in_bulk import HELD, Bulk, Edges, Nodes
from precision.shop.stitching.closure import REMAINING, quoted

_KIND = " ".join(f"WHEN '{kind}' THEN {place}" for place, kind in enumerate(KINDS))
_HELD = " ".join(f"WHEN '{reason or ''}' THEN {code}" for code, reason in enumerate(HELD))
_NODES = f"""
SELECT i.id, i.platform_id, CASE i.kind {_KIND} END, i.customer_id, i.home_id,
    CASE WHEN i.kind IN ({quoted(CLAIMED)}) THEN hashtextextended(i.value, 0) END
FROM precision_shop_identity i
WHERE i.platform_id IN (SELECT id FROM precision_shop_platform WHERE organisation_id = {{organisation:d}})
"""
_EDGES = f"""
SELECT l.id, l.first_id, l.second_id, l.verified::int, (l.decided_at IS NOT NULL)::int,
    (date_part('epoch', l.at) * 1000000)::bigint, (l.status = 'active')::int, CASE l.held {_HELD} ELSE -1 END
FROM precision_shop_identitylink l
WHERE l.organisation_id = {{organisation:d}} AND {REMAINING}
"""
_NODE_COLUMNS = {
    "id": pl.Int64, "platform": pl.Int32, "kind": pl.Int8, "customer": pl.Int64, "home": pl.Int64, "value": pl.Int64,
}  # fmt: skip
_EDGE_COLUMNS = {
    "id": pl.Int64, "first": pl.Int64, "second": pl.Int64, "verified": pl.Int8, "decided": pl.Int8, "at": pl.Int64,
    "active": pl.Int8, "held": pl.Int8,
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Tables:
    """What stands in the database; identities and links each by ascending number."""

    nodes: Nodes
    customers: NDArray[np.int64]
    """The customer of each identity now."""
    values: pl.Series
    """A 64-bit digest of the value of each identity that anybody can claim; null of others."""
    links: NDArray[np.int64]
    edges: Edges
    held: NDArray[np.int8]
    """Why each link is held now, as a place in HELD; 0 for an active one, -1 where the state is not one of ours."""


def read(organisation_id: int) -> Tables:
    """Return the identities and remaining links of an organisation, the running transaction's rows included.

    Links first, so that hardly one leads to an identity that is not read; one that does is left out.
    """
    edges = bulk.fetch_numbers(_EDGES.format(organisation=organisation_id), _EDGE_COLUMNS).sort("id")
    nodes = bulk.fetch_numbers(_NODES.format(organisation=organisation_id), _NODE_COLUMNS).sort("id")
    ids = nodes.get_column("id").to_numpy()
    first, found_first = _places(ids, edges.get_column("first").to_numpy())
    second, found_second = _places(ids, edges.get_column("second").to_numpy())
    found = found_first & found_second
    if not found.all():
        edges, first, second = edges.filter(pl.Series(found)), first[found], second[found]
    held = edges.get_column("held").to_numpy().copy()
    held[(edges.get_column("active").to_numpy() == 1) != (held == 0)] = -1
    customers = nodes.get_column("customer").to_numpy()
    return Tables(
        nodes=Nodes(
            id=ids,
            platform=nodes.get_column("platform").to_numpy(),
            kind=nodes.get_column("kind").to_numpy(),
            home=nodes.select(pl.coalesce("home", "customer")).to_series().to_numpy(),
        ),
        customers=customers,
        values=nodes.get_column("value"),
        links=edges.get_column("id").to_numpy(),
        edges=Edges(
            first=first,
            second=second,
            verified=edges.get_column("verified").to_numpy() == 1,
            decided=edges.get_column("decided").to_numpy() == 1,
            at=edges.get_column("at").to_numpy(),
        ),
        held=held,
    )


def _places(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return the place of each wanted number among the ascending `ids`, and whether it is there."""
    if not len(ids):
        return np.zeros(len(wanted), dtype=np.int32), np.zeros(len(wanted), dtype=np.bool_)
    places = np.searchsorted(ids, wanted)
    places[places == len(ids)] = 0
    return places.astype(np.int32), ids[places] == wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What the database has to say otherwise; both frames by `group`, whose identities depend on each other."""

    moves: pl.DataFrame
    """group, id, before, customer, home, link: identities that go to another customer, and a link that says so."""
    marks: pl.DataFrame
    """group, other (those of its two ends), id, held: links with another state, as a place in HELD."""
    groups: NDArray[np.int32]
    """The group of each identity."""


def changes(tables: Tables, answer: Bulk) -> Changes:
    """Return where the rules' answer and the tables differ."""
    moved = np.flatnonzero(answer.customers != tables.customers)
    marked = np.flatnonzero(answer.held != tables.held)
    evidence = np.full(answer.groups.max() + 1 if len(answer.groups) else 0, -1, dtype=np.int64)
    active = np.flatnonzero(answer.held == 0)[::-1]
    evidence[answer.groups[tables.edges.first[active]]] = tables.links[active]  # the oldest link stays
    moves = pl.DataFrame(
        {
            "group": answer.groups[moved],
            "id": tables.nodes.id[moved],
            "before": tables.customers[moved],
            "customer": answer.customers[moved],
            "home": tables.nodes.home[moved],
            "link": evidence[answer.groups[moved]],
        }
    )
    marks = pl.DataFrame(
        {
            "group": answer.groups[tables.edges.first[marked]],
            "other": answer.groups[tables.edges.second[marked]],
            "id": tables.links[marked],
            "held": answer.held[marked],
        }
    )
    return Changes(moves=moves.sort("group", "id"), marks=marks.sort("group", "id"), groups=answer.groups)
