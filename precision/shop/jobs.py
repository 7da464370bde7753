"""Nightly jobs about the facts themselves: interests from texts, goods that sell together in stores, tallies."""

from datetime import UTC, datetime

import polars as pl
from django.db import transaction

from precision.engine.backends import Engine
from precision.engine.copying import copy_rows
from precision.engine.jobs import Job, Outcome, register
from precision.engine.models import Run
from precision.engine.windows import Window
from precision.shop import interests, stores, tallies
from precision.shop.columns import CATEGORY, IDENTITY
from precision.shop.methods import interests as reading
from precision.shop.methods import store_pairs
from precision.shop.models import Interest, Organisation, Platform, StorePair

TEXT_DAYS = 365
"""Days of texts that are read; a mention of a year ago weighs a sixteenth."""
HALF_LIFE_DAYS = 90.0
READINGS = 3
STORE_DAYS = 365
MOST_PAIRS = 5_000


class ErasedMeanwhileError(RuntimeError):
    """People were erased each time that their words were being read."""


def compute_interests(run: Run, engine: Engine) -> Outcome:
    """Write Interest rows of the run's platform from the texts of the last year that are still kept.

    Nothing is written of somebody who was erased after their words were read: then they are read once more.
    """
    platform = Platform.objects.get(key=run.scope)
    for _ in range(READINGS):
        erasures = _erasures(platform)
        rows, outcome = _interests(run, platform)
        with transaction.atomic():
            # Whoever erases has to wait for this row; whoever adds facts does not.
            owner = Organisation.objects.select_for_update(no_key=True).get(pk=platform.organisation_id)
            if owner.erasures == erasures:
                outcome.rows = {"interest": copy_rows(Interest, rows)}
                return outcome
    raise ErasedMeanwhileError(
        f"People of {platform.organisation} were erased during each of {READINGS} readings; start the job again."
    )


def _interests(run: Run, platform: Platform) -> tuple[pl.DataFrame, Outcome]:
    """Return the rows to write, and what there is to say of them."""
    window = Window.before(run.as_of, days=TEXT_DAYS, timezone=platform.timezone)
    found = interests.texts(platform, window)
    terms = interests.vocabulary(platform) if found.height else []
    mentions = interests.mentions(found, terms)
    scored = reading.scores(mentions, as_of=window.end, half_life_days=HALF_LIFE_DAYS)
    rows = scored.select(
        pl.lit(run.pk).alias("run_id"),
        pl.lit(platform.pk).alias("platform_id"),
        pl.col(IDENTITY).alias("identity_id"),
        reading.TOPIC,
        pl.col(CATEGORY).alias("category_id"),
        reading.SCORE,
        reading.MENTIONS,
        pl.from_epoch(reading.LAST_SECONDS).dt.replace_time_zone("UTC").alias("last_at"),
        reading.EVENTS,
    )
    senses = dict(sorted(mentions.get_column(reading.SENSE).value_counts().iter_rows()))
    method = interests.chosen_method()
    return rows, Outcome(
        measures={"texts": found.height, "mentions": senses, "people": scored[IDENTITY].n_unique()},
        parameters={
            "method": f"{method.__module__}.{method.__qualname__}",
            "terms": len(terms),
            "days": TEXT_DAYS,
            "half_life_days": HALF_LIFE_DAYS,
        },
    )


def _erasures(platform: Platform) -> int:
    """Return how many people of the organisation were erased so far. One query."""
    return Organisation.objects.values_list("erasures", flat=True).get(pk=platform.organisation_id)


def compute_store_pairs(run: Run, engine: Engine) -> Outcome:
    """Write StorePair rows of the run's platform: what is among the best sellers of the same stores and months."""
    platform = Platform.objects.get(key=run.scope)
    window = Window.before(run.as_of, days=STORE_DAYS, timezone=platform.timezone)
    baskets = store_pairs.best_sellers(stores.sold_by_month(platform, window))
    least = store_pairs.least_count(baskets.matrix.shape[0])
    counts = engine.pair_counts(baskets.matrix, min_count=least)
    pairs = store_pairs.measured(counts, baskets.products, most=MOST_PAIRS)
    rows = pairs.rename({store_pairs.FIRST: "first_id", store_pairs.SECOND: "second_id"})
    return Outcome(
        rows={"store_pair": copy_rows(StorePair, rows.with_columns(run_id=pl.lit(run.pk)))},
        measures={"store_months": counts.baskets, "products": len(baskets.products)},
        parameters={"least_count": least, "best_sellers": store_pairs.BEST_SELLERS, "days": STORE_DAYS},
    )


def compute_tallies(run: Run, engine: Engine) -> Outcome:
    """Add up the tally rows of the platform's past days; writes no rows of its own."""
    platform = Platform.objects.get(key=run.scope)
    # Days of receipt, whatever date the platform's own data end at.
    folded = tallies.fold(datetime.now(UTC).date(), platform=platform)
    return Outcome(measures={"folded": folded})


register(
    Job(name="interests", title="interests from texts", compute=compute_interests),
    Job(name="store-pairs", title="goods that sell together in stores", compute=compute_store_pairs),
    Job(name="tallies", title="tallies added up", compute=compute_tallies),
)
