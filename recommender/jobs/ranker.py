"""The job `recommendation-ranker`: learns how to rank candidates from earlier weeks, and lets the gate decide.

It fits every source anew for each date that it learns from, which costs several nights' lists; so it computes once a
week, and carries its row over in the nights between. Asked twice on one day it computes anew, unless it would learn
from the very same lines.
"""

from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

import narwhals as nw

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.models import Run
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import columns as c
from precision.shop import history
from precision.shop.models import Platform
from recommender.candidates.facts import Facts
from recommender.jobs import catalogues
from recommender.models import LearnedRanker
from recommender.ranking import learning, serving
from recommender.ranking.cuts import Learning, Shop
from recommender.ranking.serving import Ranker

JOB = "recommendation-ranker"
EVERY = timedelta(days=7)


def compute_ranker(run: Run, engine: Engine) -> Outcome:
    """Write the LearnedRanker row of the run's platform, or carry over that of the last days."""
    kept = last(run.scope)
    if kept is not None and timedelta(0) < run.as_of - kept.computed_as_of < EVERY:
        return _carried(kept, run, lines=kept.run.parameters.get("lines"))
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, timezone=platform.timezone)
    with history.snapshot():
        facts = catalogues.facts(platform, window)
        known = _fingerprint(facts)
        if kept is not None and (run.as_of, known) == (kept.computed_as_of, kept.run.parameters.get("lines")):
            return _carried(kept, run, lines=known)
        learned = learning.learn(
            engine,
            facts,
            as_of_day=epoch_day(run.as_of),
            champion=None if kept is None else serving.restore(kept.state),
            shop=Shop(facts.goods.sellable_ids, catalogues.price_classes(platform)),
        )
    return _outcome(
        LearnedRanker.objects.create(
            run=run, computed_as_of=run.as_of, used=learned.ranker is not None, reason=learned.reason,
            share=learned.ranker.share if learned.ranker else None, report=learned.report,
            state=learned.ranker.state() if learned.ranker else {},
        ),
        lines=known,
    )  # fmt: skip


def in_force(scope: str) -> tuple[Ranker | None, LearnedRanker | None]:
    """Return the ranker of a platform, None where the blend serves, and the row that says why."""
    row = last(scope)
    return (None if row is None else serving.restore(row.state)), row


def last(scope: str) -> LearnedRanker | None:
    """Return the row of the run in force; None where there is none."""
    published = runs.published(JOB, scope)
    found = LearnedRanker.objects.filter(run=published).select_related("run").first() if published else None
    # What another release wrote cannot be read: as if there were none.
    return None if found is not None and found.used and serving.restore(found.state) is None else found


def _carried(kept: LearnedRanker, run: Run, *, lines: list[float] | None) -> Outcome:
    """Write the row once more, under the run."""
    kept.pk, kept.run = None, run
    kept.save(force_insert=True)
    return _outcome(kept, lines=lines)


def _fingerprint(facts: Facts) -> list[float]:
    """A few sums that change with the lines, the events, or with who they belong to, and the weights of both."""
    signals = facts.signals
    found = _sums(facts.lines, c.CUSTOMER, c.PRODUCT, c.DAY, c.QUANTITY_E3, c.ORDER)
    found += [*asdict(signals.weights).values(), signals.half_life_days or 0]
    return found + ([] if signals.events is None else _sums(signals.events, c.CUSTOMER, c.PRODUCT, c.DAY))


def _sums(frame: nw.LazyFrame[Any], *names: str) -> list[float]:
    """The number of rows, and the sums of columns of whole numbers."""
    columns = [nw.col(name).sum() for name in names]
    table = frame.select(nw.len().cast(nw.Int64).alias("rows"), *columns).collect()
    return [int(value or 0) for value in table.row(0)]


def _outcome(row: LearnedRanker, *, lines: list[float] | None) -> Outcome:
    computed: date = row.computed_as_of
    return Outcome(
        rows={"learned_ranker": 1},
        measures={"computed_as_of": computed.isoformat(), "used": row.used, "reason": row.reason, "share": row.share},
        parameters={"days": Learning().days, "seed": Learning().seed, "lines": lines},
    )  # fmt: skip
