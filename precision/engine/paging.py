"""Staff lists over tables of any size: nothing is counted or loaded beyond a bound, nothing runs for long."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import OperationalError, connections, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from psycopg.errors import QueryCanceled
from unfold.views import ChangeList

REACHABLE_ROWS = 10_000
"""Rows that paging reaches; beyond them OFFSET would walk the table: search and filters must narrow it."""
PAGE_SECONDS = 5.0
"""Time that all queries of one list may take, each for itself, before the database stops them."""

# The parent of a partitioned table has no rows of its own, and pg_partition_tree of a plain table is empty.
ESTIMATE = """
SELECT sum(greatest(reltuples, 0))::bigint FROM pg_class
WHERE relkind <> 'p'
  AND (oid = to_regclass(%s) OR oid IN (SELECT relid FROM pg_partition_tree(to_regclass(%s))))
"""


class TooSlowError(Exception):
    """The database stopped a query because its time was over."""


def bounded_count(rows: QuerySet[Any], limit: int) -> int:
    """Return how many rows there are, `limit` when there are more. One query, over `limit` rows at most."""
    return rows.order_by().values("pk")[:limit].count()


def estimated_rows(model: type[Model], *, using: str = "default") -> int:
    """Return about how many rows the table has, as of its last ANALYZE; 0 before it. One cheap query."""
    table = connections[using].ops.quote_name(model._meta.db_table)
    with connections[using].cursor() as cursor:
        cursor.execute(ESTIMATE, [table, table])
        return int(cursor.fetchone()[0] or 0)


@contextmanager
def time_limit(seconds: float, *, using: str = "default") -> Iterator[None]:
    """Let each query of the block run so long at most; raise TooSlowError when one had to be stopped."""
    try:
        with transaction.atomic(using), connections[using].cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            (before,) = cursor.fetchone()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(seconds * 1000))])
            yield
            # Within a larger transaction the setting would outlive this block.
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlowError(f"A query took longer than {seconds:g} seconds and was stopped.") from error
        raise


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages over the first `REACHABLE_ROWS` rows of a query set."""

    template_name = "precision_engine/pagination.html"

    @cached_property
    def found(self) -> int:
        """How many rows there are; `REACHABLE_ROWS` + 1 stands for more than can be reached."""
        if not isinstance(self.object_list, QuerySet):
            return len(self.object_list)
        return bounded_count(self.object_list, REACHABLE_ROWS + 1)

    @cached_property
    def count(self) -> int:
        """How many rows the pages reach."""
        return min(self.found, REACHABLE_ROWS)

    @property
    def more(self) -> bool:
        """Whether there are rows that no page reaches."""
        return self.found > REACHABLE_ROWS

    @cached_property
    def estimate(self) -> int | None:
        """About how many rows the whole table has; None for a filtered list and for one counted exactly."""
        rows = self.object_list
        if not self.more or not isinstance(rows, QuerySet) or rows.query.where:
            return None
        return estimated_rows(rows.model, using=rows.db) or None

    @property
    def summary(self) -> str:
        """How many rows there are, in words."""
        rows = self.object_list
        if not self.found:
            return "nothing found"
        if not isinstance(rows, QuerySet):
            return f"{self.found:,} rows"
        options = rows.model._meta
        if not self.more:
            name = options.verbose_name if self.count == 1 else options.verbose_name_plural
            return f"{self.count:,} {name}"
        total = f"about {self.estimate:,}" if self.estimate else "more"
        return (
            f"the first {self.count:,} of {total} {options.verbose_name_plural}; "
            "search or filter to reach the others"
        )


class BoundedChangeList(ChangeList):  # type: ignore[misc]
    """A staff list that reads one page within a time limit and lets its admin prepare the rows in bulk."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the rows of the page; a list that takes too long is empty and says so."""
        try:
            with time_limit(PAGE_SECONDS, using=self.queryset.db):
                super().get_results(request)
                # A list of one page comes without a limit; rows may have come since it was counted.
                rows = list(self.result_list[: self.list_max_show_all])  # type: ignore[has-type]
                self.model_admin.prepare(rows)
                self.result_list = rows
            narrowed = self.query or self.get_filters_params()
            if self.paginator.more or not narrowed:  # type: ignore[has-type]
                # The heading then leaves out its “N results (show all)”, which would be a bound and not a number.
                self.full_result_count = self.result_count  # type: ignore[has-type]
        except TooSlowError:
            messages.warning(
                request,
                f"This search would read too much and was stopped after {PAGE_SECONDS:g} seconds. "
                "Choose a shop, search for a whole id, or take a filter away.",
            )
            self._show_nothing(request)

    def url_for_result(self, result: Model) -> str:
        """Return the address of a row's page; the admin may name rows by more than their number."""
        return self.model_admin.page_of(result)  # type: ignore[no-any-return]

    def _show_nothing(self, request: HttpRequest) -> None:
        self.result_list, self.result_count, self.full_result_count = [], 0, None
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, [], self.list_per_page)
