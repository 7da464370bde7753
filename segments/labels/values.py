"""The labels of one customer, as serving needs them."""

from typing import Any

import polars as pl

from precision.engine import runs
from precision.shop import columns as c
from precision.shop import scopes
from precision.shop.models import Platform
from precision.shop.scopes import Scope
from segments import overrides, snapshots
from segments.models import LabelRow


def labels_of(platform: Platform, customer: int) -> dict[str, Any]:
    """Return what is known of a customer (by our number) on a platform: key of the label → value, pins in their places.

    Three queries for an active customer; for the others a look into the run's file.
    """
    return labels_in(scopes.of(platform), customer)


def labels_in(scope: Scope, customer: int) -> dict[str, Any]:
    """Return the same for a scope."""
    run = runs.published_ids(scope.key).get(snapshots.JOB)
    row = LabelRow.objects.filter(run_id=run or 0, customer_id=customer).first()
    values = row.values if row else _described(scope, customer)
    return overrides.applied_to(scope, customer, values)


def _described(scope: Scope, customer: int) -> dict[str, Any]:
    """Return the labels that the file of everybody has of somebody who is not active."""
    everybody = snapshots.scan(scope.key)
    if everybody is None:
        return {}
    found = everybody.filter(pl.col(c.CUSTOMER) == customer).collect().to_dicts()
    return {
        key: value for row in found for key, value in row.items() if key != c.CUSTOMER and value is not None
    }
