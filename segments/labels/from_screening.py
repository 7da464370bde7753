"""Decile of value and big customers, from the published run of screening."""

from datetime import date

import polars as pl

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels.own import NUMBER, YES_NO, fact
from segments.labels.registry import Definition, Evidence, Source, register
from segments.models import CustomerWorth, ScreeningReport

JOB = "screening"
DECILE, BIG = "value_decile", "big_customer"
DEFINITIONS: tuple[Definition, ...] = (
    fact(
        DECILE,
        "Decile of value",
        NUMBER,
        "1 to 10, 10 spent most",
        "1 + ⌊10 × (share of customers who spent less in 365 days + half the share of those who spent the same)⌋, "
        "among those who ordered in them.",
    ),
    fact(
        BIG,
        "Big customer",
        YES_NO,
        "",
        "One of the fewest who together brought half of the spend of 365 days.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody in the scope's run in force; no rows before the first."""
    run = runs.published_ids(scope.key).get(JOB, 0)
    return read_frame(f"""
        SELECT customer_id AS {c.CUSTOMER}, decile::bigint AS {DECILE}, big AS {BIG}
        FROM precision_segments_customerworth WHERE run_id = {run:d}
    """)


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the customer's spend beside the others', or beside that of the last big one; None for who has no row."""
    run = runs.published(JOB, scope.key)
    row = CustomerWorth.objects.filter(run=run, customer_id=customer).first() if run else None
    if run is None or row is None:
        return None
    about = {
        "run": run.pk, "as_of": run.as_of.isoformat(), "days": run.parameters["value_days"], "orders": row.orders,
        "spend": float(row.spend),
    }  # fmt: skip
    everybody = CustomerWorth.objects.filter(run=run)
    if key == DECILE:
        return {
            **about,
            "worse": everybody.filter(spend__lt=row.spend).count(),
            "equal": everybody.filter(spend=row.spend).count(),
            "everybody": everybody.count(),
        }
    value = ScreeningReport.objects.get(run=run, name="value").body
    big = next((size for size in value["sizes"] if size["big"]), None)
    return {
        **about, "least_of_the_big": big["least"] if big else None, "big_customers": big["customers"] if big else 0,
        "share_wanted": run.parameters["big_share"], "share_of_the_big": big["share"] if big else None,
    }  # fmt: skip


register(Source(name="screening", definitions=DEFINITIONS, frame=frame, evidence=evidence))
