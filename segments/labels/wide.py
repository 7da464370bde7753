"""The labels of everybody in a scope as one wide frame."""

from collections.abc import Callable
from datetime import date
from time import perf_counter

import polars as pl

from precision.shop import columns as c
from precision.shop import history, scopes
from precision.shop.models import Platform
from precision.shop.scopes import Scope
from segments import snapshots
from segments.conditions import LabelType
from segments.labels import registry

DTYPES = {LabelType.NUMBER: None, LabelType.TEXT: pl.String(), LabelType.BOOLEAN: pl.Boolean()}


def wide_frame(platform: Platform) -> pl.DataFrame:
    """Return one row per customer: CUSTOMER and the labels of the published run, null where not known.

    Before the first run of the labels the built-in ones are computed here, as of the platform's own date.
    """
    kept = snapshots.scan(platform.key)
    if kept is not None:
        return kept.collect()
    scope = scopes.of(platform)
    with history.snapshot():
        return computed(scope, scope.as_of())


def computed(
    scope: Scope, as_of: date, *, told: Callable[[str, float], None] = lambda source, seconds: None
) -> pl.DataFrame:
    """Return CUSTOMER and a column for each built-in label, by asking every source once, sorted by CUSTOMER.

    `told` hears the name and the seconds of each source.
    """
    everybody = pl.DataFrame(schema={c.CUSTOMER: pl.Int64})
    for source in registry.sources():
        started = perf_counter()
        keys = [each.key for each in source.definitions]
        found = source.frame(scope, as_of).select(
            pl.col(c.CUSTOMER).cast(pl.Int64), *(_typed(each) for each in source.definitions)
        )
        found = found.filter(pl.any_horizontal(pl.col(keys).is_not_null()))
        everybody = everybody.join(found, on=c.CUSTOMER, how="full", coalesce=True)
        told(source.name, perf_counter() - started)
    return everybody.sort(c.CUSTOMER)


def _typed(definition: registry.Definition) -> pl.Expr:
    """Return the column in the type that conditions want; what is no number is not known."""
    column = pl.col(definition.key)
    kind = DTYPES[definition.type]
    if kind is not None:
        return column.cast(kind)
    numeric = pl.col(definition.key).cast(pl.Float64, strict=False)
    return pl.when(numeric.is_finite()).then(column).alias(definition.key)
