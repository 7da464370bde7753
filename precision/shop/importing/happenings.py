"""Rows that tell what happened: events, and what became of orders afterwards (refunds, shipments, tickets)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import polars as pl

from precision.shop import columns as c
from precision.shop.bulk import ACCEPTED, DUPLICATE, OUTCOME
from precision.shop.importing.events import PEOPLE, UNKNOWN_PRODUCT, load_events
from precision.shop.importing.properties import cleaned
from precision.shop.importing.reading import FILE, ROW
from precision.shop.importing.run import Run
from precision.shop.importing.summary import Outcomes
from precision.shop.intake.orders import apply_changes
from precision.shop.mapping import RecordMapping
from precision.shop.models import Source
from precision.shop.recording import happenings
from precision.shop.recording.batch import Batch
from precision.shop.recording.reading import INDEX, Table
from precision.shop.records import KINDS, Code
from precision.shop.tallies import Outcome

AT_ONCE: Final = 5_000
"""Rows that are handed on at a time."""
LINES: Final = "lines."
"""Before the names of the columns of a refund's lines."""
SCALES: Final = {"amount": c.MONEY, "unit_price": c.MONEY, "quantity": c.QUANTITY}


def load_event_rows(run: Run, made: pl.DataFrame, record: RecordMapping, source: Source) -> Outcomes:
    """Load events; rows that name nobody are refused, and those whose properties cannot be kept."""
    named = [name for name in PEOPLE if name in made.columns]
    nobody = made.select(pl.all_horizontal(pl.lit(value=True), *(pl.col(name).is_null() for name in named)))
    lacking = nobody.to_series()
    run.refuse(made.filter(lacking), record, PEOPLE[0], Code.MISSING)
    made = made.filter(~lacking)
    if "properties" in made.columns:
        kept, code = cleaned(made.get_column("properties"))
        for one in code.drop_nulls().unique():
            run.refuse(made.filter(code == one).drop("properties"), record, "properties", one)
        made = made.with_columns(kept.alias("properties")).filter(code.is_null())
    told = load_events(run.platform, made, source=source, now=run.now, links=run.links)
    unknown = told.filter(UNKNOWN_PRODUCT).height
    run.summary.unknown_product_events += unknown
    accepted = int((told.get_column(OUTCOME) == ACCEPTED).sum())
    return Outcomes(accepted=accepted, duplicate=told.height - accepted)


def load_refunds(run: Run, made: pl.DataFrame, record: RecordMapping, source: Source) -> Outcomes:
    """Hand refunds on to the intake of orders; one whose order is not there waits for it.

    Rows with one refund id are the lines of one refund, where the mapping tells its lines.
    """
    done = Outcomes()
    key = ["refund_id"] if record.lines is not None else [FILE, ROW]
    groups = made.partition_by(key, maintain_order=True)
    for start in range(0, len(groups), AT_ONCE):
        some = groups[start : start + AT_ONCE]
        told = apply_changes(
            run.platform,
            [_refund(group, lines=record.lines is not None) for group in some],
            source=source,
            trusted=True,
            received_at=run.now,
            letters="waiting",
            tally=False,
        )
        for group, one in zip(some, told, strict=True):
            if one.status is Outcome.REJECTED:
                name = one.field if record.kind.field(one.field) else record.kind.fields[1].name
                run.refuse(group, record, name, one.code)
            else:
                setattr(done, one.status.value, getattr(done, one.status.value) + group.height)
    return done


def with_lines(run: Run, data: pl.DataFrame, made: pl.DataFrame, lines: RecordMapping) -> pl.DataFrame:
    """Return the refunds with what their rows in `data` say about lines, in columns that begin with LINES.

    Rows whose line cannot be used are refused, and those that do not tell whose line they are.
    """
    place = [ROW, FILE]
    lacking = made.get_column("refund_id").is_null()
    run.refuse(made.filter(lacking), lines, "refund_id", Code.MISSING, kind="refund")
    made = made.filter(~lacking)
    left = data.join(made.select(place), on=place, how="semi", maintain_order="left")
    rows = run.reader.rows(left, lines, kind="refund")
    rows = rows.rename({name: LINES + name for name in rows.columns if name not in place})
    return made.join(rows, on=place, how="inner", maintain_order="left")


def load_happenings(run: Run, made: pl.DataFrame, record: RecordMapping, source: Source) -> Outcomes:
    """Write shipments or tickets as events; one whose order is not there waits for it, and counts as accepted."""
    done = Outcomes()
    for some in made.iter_slices(AT_ONCE):
        frame = some.drop(ROW, FILE).with_row_index(INDEX).with_columns(pl.col(INDEX).cast(pl.Int64))
        batch = Batch(
            platform=run.platform,
            kind=KINDS[record.kind.name],
            rows=[_plain(row) for row in frame.drop(INDEX).iter_rows(named=True)],
            table=Table(frame=frame),
            replace=False,
            source=source,
            now=run.now,
        )
        outcomes = list(happenings.write(batch).values())
        done.accepted += outcomes.count(ACCEPTED)
        done.duplicate += outcomes.count(DUPLICATE)
    return done


def _refund(rows: pl.DataFrame, *, lines: bool) -> dict[str, Any]:
    """Return the rows of one refund as the wire format has it."""
    head = _plain(rows.row(0, named=True))
    told = {name: value for name, value in head.items() if not name.startswith((LINES, "__"))}
    if lines:
        told["lines"] = [
            {name.removeprefix(LINES): value for name, value in _plain(row).items() if name.startswith(LINES)}
            for row in rows.iter_rows(named=True)
        ]
    return {**told, "change": "refund"}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return what a row gives as it would have come by the API: times as texts, amounts in whole units."""
    return dict(_values(row))


def _values(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if value is None:
            continue
        parts = SCALES.get(name.removeprefix(LINES))
        if isinstance(value, datetime):
            value = value.isoformat()
        elif parts is not None:
            value = _decimal(value, parts)
        yield name, value


def _decimal(value: int, parts: int) -> str:
    """Return the text of a whole number of parts, exact."""
    whole, rest = divmod(abs(value), parts)
    digits = len(str(parts)) - 1
    return f"{'-' if value < 0 else ''}{whole}.{rest:0{digits}}"
