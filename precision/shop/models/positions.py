"""The position of a row in the log of facts: the number of the transaction that wrote it.

Transactions commit in another order than they begin, so neither ids nor times tell a reader what it has seen. The
number of the writing transaction does: every row below the oldest transaction still running (`pg_snapshot_xmin`) is
visible, and no other row can appear below that horizon any more (PostgreSQL documentation, “Snapshot synchronization”
functions).
"""

from typing import Any

from django.db import models
from django.db.models import Func


class CurrentTransaction(Func):
    """The 64-bit number of the running transaction, for `db_default`."""

    template = "((pg_current_xact_id())::text::bigint)"
    arity = 0
    output_field = models.BigIntegerField()
    allowed_default = True


class PositionField(models.BigIntegerField):  # type: ignore[type-arg]
    """Number of the transaction that wrote the row last; set by the database, never by Python code."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        kwargs.setdefault("db_default", CurrentTransaction())
        super().__init__(**kwargs)
