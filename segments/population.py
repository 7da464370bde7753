"""What conditions of a scope are evaluated over: its labels, behaviour and lists, of everybody or of some."""

from collections.abc import Collection, Mapping
from datetime import date

import polars as pl

from precision.engine.models import Run
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments import behaviour, conditions, lists, overrides, snapshots
from segments.conditions import Condition
from segments.evaluation import Everybody, Numbers
from segments.labels import library, wide
from segments.methods.behaviour import TIMES


class NothingComputedError(LookupError):
    """The labels of a scope were not computed yet."""


def everybody(
    scope: Scope,
    wanted: Mapping[str, Condition],
    known: Mapping[str, int],
    *,
    labels: pl.LazyFrame,
    run: Run | None,
    as_of: date,
) -> Everybody:
    """Return what the published runs know of everybody, as far as these conditions need it.

    `known` are our numbers of the static lists by key, `labels` those of everybody sorted by customer, `run` is the run
    of behaviour.
    """
    terms = conditions.behaviour_of(*wanted.values())
    return Everybody(
        labels=labels,
        types=library.types(scope.platform),
        counts=behaviour.everybody(scope, terms, run, as_of=as_of),
        lists=_lists(wanted, known, None),
    )


def published(scope: Scope) -> pl.LazyFrame:
    """Return the labels of everybody in force; NothingComputedError before the first."""
    frame = snapshots.scan(scope.key)
    if frame is None:
        raise NothingComputedError(
            f"The labels of {scope.key} have not been computed yet: wait for the night, or run the job labels."
        )
    return frame


def computed(scope: Scope) -> pl.LazyFrame:
    """Return the labels of the published run, or those of this moment before the first."""
    frame = snapshots.scan(scope.key)
    return frame if frame is not None else wide.computed(scope, scope.as_of()).lazy()


def some(
    scope: Scope,
    wanted: Mapping[str, Condition],
    known: Mapping[str, int],
    customers: Collection[int],
    *,
    as_of: date,
) -> Everybody:
    """Return what is known of these customers at this moment: behaviour from PostgreSQL, pins of now."""
    among = pl.DataFrame({c.CUSTOMER: sorted(set(customers))}, schema={c.CUSTOMER: pl.Int64})
    frame = snapshots.scan(scope.key)
    if frame is not None:
        named = frozenset().union(*(conditions.labels_of(each) for each in wanted.values()))
        present = [name for name in sorted(named) if name in frame.collect_schema()]
        rows = frame.select(c.CUSTOMER, *present).filter(
            pl.col(c.CUSTOMER).is_in(among[c.CUSTOMER].implode())
        )
        among = among.join(overrides.applied(scope, rows.collect()), on=c.CUSTOMER, how="left")
    terms = conditions.behaviour_of(*wanted.values())
    counts = behaviour.of_customers(scope, customers, terms, as_of=as_of)
    return Everybody(
        labels=among.sort(c.CUSTOMER).lazy(),
        types=library.types(scope.platform),
        counts={
            key: pl.DataFrame(
                sorted(found.items()), schema={c.CUSTOMER: pl.Int64, TIMES: pl.Int64}, orient="row"
            )
            for key, found in counts.items()
        },
        lists=_lists(wanted, known, customers),
    )


def _lists(
    wanted: Mapping[str, Condition], known: Mapping[str, int], among: Collection[int] | None
) -> dict[str, Numbers]:
    named = frozenset().union(*(conditions.segments_of(each) for each in wanted.values()))
    numbers = {key: known[key] for key in named if key in known}
    found = lists.customers(list(numbers.values()), among)
    return {key: found[number] for key, number in numbers.items()}
