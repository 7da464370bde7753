"""The job `recommendation-ranker`: learns how to rank candidates from earlier weeks, and lets the gate decide.

It fits every source anew for each date that it learns from, which costs several nights' lists; so it computes once a
week, and carries its row over in the nights between. Asked twice on one day it computes anew.
"""

from datetime import date, timedelta

from precision.engine import runs
from precision.engine.backends import Engine
from precision.engine.models import Run
from precision.engine.runs import Outcome
from precision.engine.windows import Window, epoch_day
from precision.shop import history
from precision.shop.models import Platform
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
        kept.pk, kept.run = None, run
        kept.save(force_insert=True)
        return _outcome(kept)
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, timezone=platform.timezone)
    with history.snapshot():
        products = history.scan("products", window, platform=platform).collect("polars").to_native()
        learned = learning.learn(
            engine,
            history.scan("order_lines", window, platform=platform),
            catalogues.catalogue(platform),
            as_of_day=epoch_day(run.as_of),
            champion=None if kept is None else serving.restore(kept.state),
            shop=Shop(catalogues.sellable(products), catalogues.price_classes(platform)),
        )
    return _outcome(
        LearnedRanker.objects.create(
            run=run, computed_as_of=run.as_of, used=learned.ranker is not None, reason=learned.reason,
            share=learned.ranker.share if learned.ranker else None, report=learned.report,
            state=learned.ranker.state() if learned.ranker else {},
        )
    )  # fmt: skip


def in_force(scope: str) -> tuple[Ranker | None, LearnedRanker | None]:
    """Return the ranker of a platform, None where the blend serves, and the row that says why."""
    row = last(scope)
    return (None if row is None else serving.restore(row.state)), row


def last(scope: str) -> LearnedRanker | None:
    """Return the row of the run in force; None where there is none."""
    published = runs.published(JOB, scope)
    return LearnedRanker.objects.filter(run=published).first() if published else None


def _outcome(row: LearnedRanker) -> Outcome:
    computed: date = row.computed_as_of
    return Outcome(
        rows={"learned_ranker": 1},
        measures={"computed_as_of": computed.isoformat(), "used": row.used, "reason": row.reason, "share": row.share},
        parameters={"days": Learning().days, "seed": Learning().seed},
    )  # fmt: skip
