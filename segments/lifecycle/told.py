"""What the runs in force tell of stages and flows, for the API and staff pages."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from precision.engine import runs
from precision.engine.models import Run
from precision.shop.models import Category
from precision.shop.scopes import Scope
from segments.lifecycle import JOB, ROW_DAYS, words
from segments.lifecycle.flow import StageWeek, report
from segments.lifecycle.stages import Stage
from segments.models import StageChange, StageFlow, StageNow

NOT_COMPUTED: Final = "The life cycle was not computed yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryDue:
    """A category in which the customer is expected to order next."""

    category: str
    """Its path from the root."""
    expected_at: date
    expected_from: date
    expected_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A customer's stage, how they got there, and what is expected."""

    run: Run | None
    row: StageNow | None
    reason: str = ""
    """Why there is no stage."""
    history: list[StageChange] = field(default_factory=list)
    due: list[CategoryDue] = field(default_factory=list)

    @property
    def next_reason(self) -> str:
        """Why no day of the next order is told; empty where one is."""
        if self.row is None:
            return self.reason
        if self.row.last_order is None:
            return words.NEVER_BOUGHT
        return words.PAST_LIMIT if self.row.stage == Stage.WIN_BACK else ""

    @property
    def due_reason(self) -> str:
        """Why no category is told; empty where one is."""
        return "" if self.due else self.next_reason or words.NO_CATEGORY_DUE


def life(scope: Scope, customer: int) -> Life:
    """Return what the run in force tells of a customer. Four queries at most."""
    run = runs.published(JOB, scope.key)
    if run is None:
        return Life(run=None, row=None, reason=NOT_COMPUTED)
    row = StageNow.objects.filter(run=run, customer_id=customer).first()
    if row is None:
        return Life(run=run, row=None, reason=words.NO_STAGE.format(days=ROW_DAYS))
    return of_row(scope, run, row)


def of_row(scope: Scope, run: Run, row: StageNow) -> Life:
    """Return what a row of a run tells, which need not be the one in force. Two queries."""
    changes = StageChange.objects.filter(run=run, customer_id=row.customer_id).order_by("day")
    return Life(run=run, row=row, history=list(changes), due=_due(scope, row))


def _due(scope: Scope, row: StageNow) -> list[CategoryDue]:
    """Return the categories due next; those that the scope's platforms no longer have are left out."""
    found = Category.objects.filter(platform__in=scope.platforms).in_bulk(row.next_categories)
    spans = zip(row.next_categories, row.next_expected, row.next_from, row.next_until, strict=True)
    return [
        CategoryDue(category=str(found[key]), expected_at=at, expected_from=start, expected_until=end)
        for key, at, start, end in spans
        if key in found
    ]


def flows(run: Run, *, weeks: int | None) -> list[StageWeek]:
    """Return the stock and flow of the last weeks of a run; all of them for None. One query."""
    rows = StageFlow.objects.filter(run=run).values_list("week", "from_stage", "stage", "people")
    return report(rows, end=run.as_of, weeks=weeks)


def limits(run: Run) -> dict[str, Any]:
    """Return how many of the gaps that ended lately were within the limits told for them."""
    told: dict[str, Any] = run.measures.get("limits") or {}
    return told
