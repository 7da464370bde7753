"""Who is in which segment now, and who entered and left when.

A run of the job `segments` writes a file of everybody's memberships. What changes after that is a spell: its row is
written when somebody enters and closed when they leave. So the state is the file in force, with the latest spell of
each customer and segment since it was written in place of what the file says. Whoever changes the state of a scope
holds its lock; the number of a transaction is taken after the lock, so spells of later changes have higher positions.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
from django.db import connection
from django.db.models import Count

from precision.engine import runs
from precision.engine.copying import copy_table
from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop import scopes
from precision.shop.models import Organisation, Platform
from precision.shop.scopes import Scope
from segments import definitions, kept
from segments.definitions import Definitions
from segments.models import SegmentMember, SegmentSpell

JOB: Final = "segments"
KIND: Final = "members"
SEGMENT: Final = "segment"  # Int64, our number of the segment
ENTERED: Final = "entered"  # Int64 epoch seconds; of who was in it from the start, when it was first computed
LEFT: Final = "left"
INSIDE: Final = "inside"
POSITION: Final = "position"
"""Parameter of a run: spells from this position on are newer than its file."""
SCHEMA: Final = pl.Schema({SEGMENT: pl.Int64, c.CUSTOMER: pl.Int64, ENTERED: pl.Int64})
_PATCH: Final = {SEGMENT: pl.Int64, c.CUSTOMER: pl.Int64, ENTERED: pl.Int64, INSIDE: pl.Boolean}
_KEY: Final = (SEGMENT, c.CUSTOMER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What one comparison found."""

    entered: pl.DataFrame
    """SEGMENT, CUSTOMER, ENTERED: who comes in."""
    left: pl.DataFrame
    """SEGMENT, CUSTOMER, ENTERED (when they came in): who goes."""


def lock(scope: str) -> None:
    """Let nobody else change memberships of a scope until the transaction ends."""
    definitions.lock(f"members:{scope}")


def write(run: Run, members: pl.DataFrame) -> None:
    """Keep the memberships of a run: SCHEMA, each segment and customer once."""
    kept.write(run, KIND, members.select(SCHEMA.names()).sort(*_KEY))


def state(scope: Scope, segments: Collection[int], customers: Collection[int] | None = None) -> pl.DataFrame:
    """Return who is in these segments now, of all customers or of these: SCHEMA. Two queries and a scan of the file."""
    return scan(scope, segments, customers).collect()


def scan(scope: Scope, segments: Collection[int], customers: Collection[int] | None = None) -> pl.LazyFrame:
    """Return the same, not collected yet, sorted by segment and customer but for who came since the file."""
    run = runs.published(JOB, scope.key)
    file = kept.scan(run.pk, KIND) if run else None
    patch = _since(
        segments, int(run.parameters.get(POSITION, 0)) if run and file is not None else 0, customers
    )
    inside = patch.filter(INSIDE).select(SCHEMA.names()).lazy()
    if file is None:
        return _rows(run, segments, customers).lazy()
    rows = file.filter(pl.col(SEGMENT).is_in(list(segments)))
    if customers is not None:
        rows = rows.filter(pl.col(c.CUSTOMER).is_in(list(customers)))
    if patch.is_empty():
        return rows
    return pl.concat([rows.join(patch.lazy(), on=_KEY, how="anti", maintain_order="left"), inside])


def members(scope: Scope, segment: int) -> pl.Series:
    """Return the customers who are in a segment now."""
    return state(scope, [segment])[c.CUSTOMER].sort()


def page(scope: Scope, segment: int, *, after: int, most: int) -> pl.DataFrame:
    """Return CUSTOMER and ENTERED of at most so many members with a number above `after`, in order."""
    rows = scan(scope, [segment]).filter(pl.col(c.CUSTOMER) > after)
    return rows.select(c.CUSTOMER, ENTERED).bottom_k(most, by=c.CUSTOMER).sort(c.CUSTOMER).collect()


def segments_of(platform: Platform, customer: int) -> list[str]:
    """Return the keys of the segments that a customer is in on a platform, as of the last change, sorted.

    Two queries where the customer is active; for the others the file is looked into.
    """
    run = runs.published(JOB, platform.key)
    if run is None:
        return []
    rows = SegmentMember.objects.filter(run=run, customer_id=customer)
    keys = set(rows.order_by().values_list("segment__key", flat=True))
    if keys or kept.scan(run.pk, KIND) is None:
        return sorted(keys)
    scope = scopes.of(platform)
    return keys_of(scope, definitions.read(scope), customer)


def keys_of(scope: Scope, known: Definitions, customer: int) -> list[str]:
    """Return the same for a scope, whoever the customer is: from the state."""
    keys = {row.pk: key for key, row in known.rows.items()}
    return sorted(keys[number] for number in state(scope, list(keys), [customer])[SEGMENT])


def sizes(scope: Scope, run: Run | None) -> dict[int, int]:
    """Return how many members each segment has that the run computed, by our number of the segment. One query."""
    if run is None:
        return {}
    if "members" not in run.measures:
        rows = SegmentMember.objects.filter(run=run).order_by().values_list("segment_id")
        return dict(rows.annotate(size=Count("id")))
    computed = {int(number): size for number, size in run.measures["members"].items()}
    patch = _since(list(computed), int(run.parameters.get(POSITION, 0)), None)
    if patch.is_empty():
        return computed
    file = kept.scan(run.pk, KIND)
    if file is None:
        return computed
    was = file.join(patch.lazy(), on=_KEY, how="semi").group_by(SEGMENT).len("was").collect()
    now = patch.filter(INSIDE).group_by(SEGMENT).len("now")
    for number, less in was.iter_rows():
        computed[number] -= less
    for number, more in now.iter_rows():
        computed[number] += more
    return computed


def compared(old: pl.DataFrame, new: pl.DataFrame, *, now: datetime) -> Changes:
    """Return the difference of two states; `new` needs no ENTERED."""
    entered = new.select(*_KEY).join(old, on=_KEY, how="anti")
    return Changes(
        entered=entered.with_columns(pl.lit(int(now.timestamp()), dtype=pl.Int64).alias(ENTERED)),
        left=old.join(new, on=_KEY, how="anti"),
    )


def record(changes: Changes, *, now: datetime) -> None:
    """Write the spells that begin and end, within the running transaction."""
    left = changes.left
    if left.height:
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE leaving (segment bigint, customer bigint, entered timestamptz) ON COMMIT DROP"
            )
            copy_table("leaving", left.select(SEGMENT, c.CUSTOMER, _moment(ENTERED)))
            # Who was in it from the start has no spell yet; it is written with the time of the first computation.
            cursor.execute(_CLOSE, {"now": now})
            cursor.execute("DROP TABLE leaving")
    if changes.entered.height:
        copy_table(
            SegmentSpell._meta.db_table,
            changes.entered.select(
                pl.col(SEGMENT).alias("segment_id"),
                pl.col(c.CUSTOMER).alias("customer_id"),
                _moment(ENTERED).alias("entered_at"),
            ),
        )


def keep_rows(run: Run, changes: Changes) -> None:
    """Bring the rows of active customers that serving reads up to date with changes since the run."""
    if changes.entered.height:
        SegmentMember.objects.bulk_create(
            [
                SegmentMember(run=run, segment_id=segment, customer_id=customer)
                for segment, customer in changes.entered.select(*_KEY).iter_rows()
            ],
            ignore_conflicts=True,
            batch_size=5_000,
        )
    for (segment,), gone in changes.left.group_by(SEGMENT):
        SegmentMember.objects.filter(
            run=run, segment_id=segment, customer_id__in=gone[c.CUSTOMER].to_list()
        ).delete()


def active_rows(run: Run, members: pl.DataFrame, active: pl.Series) -> pl.DataFrame:
    """Return rows of SegmentMember of those members who are active."""
    return members.filter(pl.col(c.CUSTOMER).is_in(active.implode())).select(
        pl.lit(run.pk).alias("run_id"),
        pl.col(SEGMENT).alias("segment_id"),
        pl.col(c.CUSTOMER).alias("customer_id"),
    )


def forget(among: Collection[str] | None, organisation: int, customers: Collection[int]) -> int:
    """Take people out of the files of these scopes, None: of all of an organisation; return how many files changed."""
    wanted = Run.objects.filter(job=JOB)
    if among is None:
        owner = Organisation.objects.get(pk=organisation)
        keys = list(Platform.objects.filter(organisation=owner).values_list("key", flat=True))
        among = [*keys, f"{scopes.OVERALL}{owner.key}"]
    about = pl.col(c.CUSTOMER).is_in(list(customers))
    changed = 0
    for run in wanted.filter(scope__in=list(among)):
        file = kept.scan(run.pk, KIND)
        if file is not None and file.filter(about).select(pl.len()).collect().item():
            kept.write(run, KIND, file.filter(~about).collect())
            changed += 1
    return changed


def definitions_of(run: Run | None) -> Mapping[str, str]:
    """Return what a run computed, by our number of the segment as text: the digest of its definition."""
    return run.measures.get("definitions", {}) if run else {}


_CLOSE = """
WITH closed AS (
    UPDATE precision_segments_segmentspell spell
    SET left_at = %(now)s, position = (pg_current_xact_id()::text)::bigint
    FROM leaving
    WHERE spell.segment_id = leaving.segment AND spell.customer_id = leaving.customer AND spell.left_at IS NULL
    RETURNING spell.segment_id, spell.customer_id
)
INSERT INTO precision_segments_segmentspell (segment_id, customer_id, entered_at, left_at)
SELECT leaving.segment, leaving.customer, leaving.entered, %(now)s FROM leaving
WHERE NOT EXISTS (
    SELECT FROM closed WHERE closed.segment_id = leaving.segment AND closed.customer_id = leaving.customer
)
"""


def _rows(run: Run | None, segments: Collection[int], customers: Collection[int] | None) -> pl.DataFrame:
    """Return the rows of a run that has no file: the state as it is now."""
    rows = SegmentMember.objects.filter(run_id=run.pk if run else 0, segment_id__in=list(segments))
    if customers is not None:
        rows = rows.filter(customer_id__in=list(customers))
    entered = int(run.started_at.timestamp()) if run else 0
    found = list(rows.order_by("segment_id", "customer_id").values_list("segment_id", "customer_id"))
    return pl.DataFrame([(*each, entered) for each in found], schema=SCHEMA, orient="row")


def _since(segments: Collection[int], position: int, customers: Collection[int] | None) -> pl.DataFrame:
    """Return the last word of the spells from a position on: _PATCH, each segment and customer once."""
    if not segments or (customers is not None and not customers):
        return pl.DataFrame(schema=_PATCH)
    among = ", ".join(f"{number:d}" for number in segments)
    who = "" if customers is None else f"AND customer_id IN ({', '.join(f'{n:d}' for n in customers)})"
    query = f"""
        SELECT DISTINCT ON (segment_id, customer_id) segment_id AS {SEGMENT}, customer_id AS "{c.CUSTOMER}",
               extract(epoch FROM entered_at)::bigint AS {ENTERED}, left_at IS NULL AS {INSIDE}
        FROM precision_segments_segmentspell
        WHERE position >= {position:d} AND segment_id IN ({among}) {who}
        ORDER BY segment_id, customer_id, id DESC
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    return pl.DataFrame(rows, schema=_PATCH, orient="row")


def _moment(column: str) -> pl.Expr:
    return pl.from_epoch(pl.col(column), time_unit="s").dt.replace_time_zone("UTC")
