"""Everybody at once: what incremental linking should have left, computed anew from all links of an organisation.

Reading and computing happen without a lock. What has to change is written in parts of some thousand identities, each
under the lock for a moment; a part in which a link came, went or changed since the reading is recomputed instead.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from django.db import connection, transaction

from precision.engine.copying import copy_rows, copy_table
from precision.shop.methods.people import PROPOSING, RANK, RULE_VERSION
from precision.shop.methods.people_in_bulk import HELD, people_in_bulk
from precision.shop.models import Join, Organisation
from precision.shop.stitching import locking
from precision.shop.stitching.linking import SAME_VALUE
from precision.shop.stitching.tables import Changes, Tables, changes, read
from precision.shop.stitching.writing import Cause, recompute

MOVED_AT_ONCE = 50_000
"""Identities that are moved under one lock."""
TRIES = 3
REASON = "nightly"
_HERE = "pg_current_xact_id()::text::bigint"
_HORIZON = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, erasures FROM precision_shop_organisation WHERE id = %s
"""
_CHANGED = """
SELECT first_id, second_id FROM precision_shop_identitylink WHERE organisation_id = %s AND position >= %s
"""
# The digests of two values may be equal by chance, the values must be by themselves.
_ADD_EQUALS = f"""
INSERT INTO precision_shop_identitylink
    (organisation_id, first_id, second_id, origin, verified, status, held, evidence, rule_version, at)
SELECT %s, a.id, b.id, '{SAME_VALUE}', true, 'active', '', '{{}}', {RULE_VERSION}, greatest(a.created_at, b.created_at)
FROM unnest(%s::bigint[], %s::bigint[]) AS w(first, second)
JOIN precision_shop_identity a ON a.id = w.first
JOIN precision_shop_identity b ON b.id = w.second AND b.kind = a.kind AND b.value = a.value
ON CONFLICT (first_id, second_id, origin) DO NOTHING RETURNING id
"""
_MOVE = """
UPDATE precision_shop_identity AS i SET customer_id = m.customer, home_id = nullif(m.home, m.customer)
FROM moving AS m WHERE i.id = m.id
"""
_MARK = f"""
UPDATE precision_shop_identitylink AS l SET status = m.status, held = m.held, position = {_HERE}
FROM marking AS m WHERE l.id = m.id
"""


@dataclass(slots=True)
class Stitched:
    """What a nightly run found and did."""

    identities: int = 0
    links: int = 0
    moved: int = 0
    """Identities that went to another customer."""
    marked: int = 0
    """Links that have another state."""
    equals: int = 0
    """Links between equal values of several platforms that were missing."""
    again: int = 0
    """Groups of which a link changed meanwhile, so that they were recomputed by themselves."""


class _ErasedMeanwhileError(Exception):
    """Somebody was erased after the reading: what was read may name them."""


def stitch(organisation_id: int) -> Stitched:
    """Make people of a whole organisation what its remaining links say; return what changed.

    The same answer as `link` gives one after the other. Where nothing is to change, nothing is written. Raises
    RuntimeError when people were erased during each of TRIES attempts.
    """
    for _ in range(TRIES):
        try:
            return _attempt(organisation_id)
        except _ErasedMeanwhileError:
            continue
    raise RuntimeError(
        f"People of organisation {organisation_id} were erased during each of {TRIES} attempts to recompute all; "
        "run it again when the erasures are done."
    )


def _attempt(organisation_id: int) -> Stitched:
    horizon, erasures = _horizon(organisation_id)
    tables = read(organisation_id)
    done = Stitched(identities=len(tables.nodes.id), links=len(tables.links))
    if not done.links and not (tables.nodes.home != tables.customers).any():
        return done
    done.equals = _add_missing_equals(organisation_id, tables)
    if done.equals:
        horizon, erasures = _horizon(organisation_id)
        tables = read(organisation_id)
    wanted = changes(tables, people_in_bulk(tables.nodes, tables.edges))
    for moves, marks in _parts(wanted):
        _write(organisation_id, horizon, erasures, tables, wanted, moves, marks, done)
    return done


def _horizon(organisation_id: int) -> tuple[int, int]:
    """Return the transaction from which on writes may have been missed, and the number of erasures so far."""
    with connection.cursor() as cursor:
        cursor.execute(_HORIZON, [organisation_id])
        horizon, erasures = cursor.fetchone()
        return horizon, erasures


def _add_missing_equals(organisation_id: int, tables: Tables) -> int:
    """Link equal values that two writers added at once, each not seeing the other's; return how many."""
    edges, kind = tables.edges, tables.nodes.kind
    if not tables.values.null_count() < len(tables.values):
        return 0
    proposing = np.isin(kind, [RANK[each] for each in PROPOSING])
    strong = edges.verified & ~edges.decided & ~proposing[edges.first] & ~proposing[edges.second]
    vouched = np.zeros(len(kind), dtype=np.bool_)
    vouched[edges.first[strong]] = vouched[edges.second[strong]] = True
    names = pl.DataFrame(
        {"place": np.arange(len(kind)), "kind": kind, "value": tables.values, "vouched": vouched}
    ).filter(pl.col("value").is_not_null())
    names = names.with_columns(first=pl.col("place").min().over("kind", "value"))
    pairs = names.filter(pl.col("vouched") & (pl.col("first") < pl.col("place"))).select("first", "place")
    there = (
        pl.DataFrame({"first": edges.first, "place": edges.second}).select(pl.all().cast(pl.Int64)).unique()
    )
    missing = pairs.join(there, on=["first", "place"], how="anti")
    if not missing.height:
        return 0
    firsts = tables.nodes.id[missing.get_column("first").to_numpy()].tolist()
    seconds = tables.nodes.id[missing.get_column("place").to_numpy()].tolist()
    with connection.cursor() as cursor:
        cursor.execute(_ADD_EQUALS, [organisation_id, firsts, seconds])
        return int(cursor.rowcount)


def _parts(wanted: Changes) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    """Return moves and marks cut into parts that no group crosses."""
    weights = pl.concat([wanted.moves.select("group"), wanted.marks.select("group")])
    counted = weights.group_by("group").len().sort("group")
    if not counted.height:
        return []
    part = (counted.get_column("len").cum_sum() - 1) // MOVED_AT_ONCE
    parts = counted.select("group").with_columns(part=part)
    moves = wanted.moves.join(parts, on="group").partition_by("part", as_dict=True)
    marks = wanted.marks.join(parts, on="group").partition_by("part", as_dict=True)
    return [
        (moves.get(key, wanted.moves.clear()), marks.get(key, wanted.marks.clear()))
        for key in sorted({*moves, *marks})
    ]


def _write(
    organisation_id: int,
    horizon: int,
    erasures: int,
    tables: Tables,
    wanted: Changes,
    moves: pl.DataFrame,
    marks: pl.DataFrame,
    done: Stitched,
) -> None:
    """Write one part in a transaction of its own."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            # A part that a power cut takes back is written again the next night: no need to wait for the disk.
            cursor.execute("SET LOCAL synchronous_commit = off")
        locking.alone(organisation_id)
        if Organisation.objects.values_list("erasures", flat=True).get(pk=organisation_id) != erasures:
            raise _ErasedMeanwhileError
        changed = _changed_ends(organisation_id, horizon)
        ids = tables.nodes.id
        places = np.searchsorted(ids, changed)
        places = places[(places < len(ids)) & (ids[np.minimum(places, len(ids) - 1)] == changed)]
        stale = pl.Series(np.unique(wanted.groups[places]), dtype=pl.Int32)
        in_part = pl.concat([moves["group"], marks["group"], marks["other"]]).unique()
        stale = stale.filter(stale.is_in(in_part.implode()))
        if len(stale):
            moves = moves.filter(~pl.col("group").is_in(stale.implode()))
            marks = marks.filter(~pl.any_horizontal(pl.col("group", "other").is_in(stale.implode())))
        _move(organisation_id, moves)
        _mark(marks)
        done.moved += moves.height
        done.marked += marks.height
        for group in stale.to_list():
            members = ids[wanted.groups == group].tolist()
            done.moved += recompute(organisation_id, members, Cause(reason=REASON))
            done.again += 1


def _changed_ends(organisation_id: int, horizon: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the ends of the links that came or changed since the reading; an index of positions finds them."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [organisation_id, horizon])
        return np.array(sorted({end for ends in cursor.fetchall() for end in ends}), dtype=np.int64)


def _move(organisation_id: int, moves: pl.DataFrame) -> None:
    """Move identities, and write a line of the ledger for each person."""
    if not moves.height:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE moving (id bigint, customer bigint, home bigint) ON COMMIT DROP"
        )
        copy_table("moving", moves.select("id", "customer", "home"))
        cursor.execute("ANALYZE moving")
        cursor.execute(_MOVE)
        cursor.execute("DROP TABLE moving")
        cursor.execute("SELECT now()")
        now = cursor.fetchone()[0]
    line = pl.format("[{}, {}, {}]", "id", "before", "customer")
    people = moves.group_by("customer", maintain_order=True).agg(
        pl.concat_str(pl.lit("["), line.str.join(", "), pl.lit("]")).alias("moves"),
        pl.col("link").first(),
        (pl.col("home") != pl.col("customer")).any().alias("joined"),
    )
    copy_rows(
        Join,
        people.select(
            "moves",
            pl.when(pl.col("joined")).then(pl.lit("join")).otherwise(pl.lit("split")).alias("action"),
            pl.when(pl.col("link") >= 0).then(pl.col("link")).alias("link_id"),
            organisation_id=pl.lit(organisation_id), reason=pl.lit(REASON), rule_version=pl.lit(RULE_VERSION),
            at=pl.lit(now),
        ),
    )  # fmt: skip


def _mark(marks: pl.DataFrame) -> None:
    """Write the states of links."""
    if not marks.height:
        return
    code = pl.col("held")
    rows = marks.select(
        "id",
        pl.when(code == 0).then(pl.lit("active")).otherwise(pl.lit("proposed")).alias("status"),
        code.replace_strict(
            {number: reason.value if reason else "" for number, reason in enumerate(HELD)},
            return_dtype=pl.String,
        ).alias("held"),
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE marking (id bigint, status text, held text) ON COMMIT DROP")
        copy_table("marking", rows)
        cursor.execute("ANALYZE marking")
        cursor.execute(_MARK)
        cursor.execute("DROP TABLE marking")
