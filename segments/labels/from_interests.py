"""What somebody wants, from their own words: the topics of the published runs of interests."""

from datetime import date

import polars as pl

from precision.engine import runs
from precision.engine.reading import read_frame
from precision.shop import columns as c
from precision.shop.scopes import Scope
from segments.labels.own import NUMBER, TEXT
from segments.labels.registry import Definition, Evidence, Kind, Source, register

JOB = "interests"
TOP, SCORE, TOPICS = "top_interest", "top_interest_score", "interest_topics"
DEFINITIONS = (
    Definition(
        key=TOP,
        title="Interest",
        kind=Kind.MODEL,
        type=TEXT,
        formula="The topic of the largest score; of several the first by name.",
    ),
    Definition(
        key=SCORE,
        title="Score of that interest",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="weighted mentions",
        formula="Mentions in own words, each halved with every 90 days since; wishes count twice.",
    ),
    Definition(
        key=TOPICS,
        title="Topics of interest",
        kind=Kind.MODEL,
        type=NUMBER,
        unit="topics",
        formula="Different topics with a score above 0.",
    ),
)


def frame(scope: Scope, as_of: date) -> pl.DataFrame:
    """Return the labels of everybody of whom words were read; see `Source`."""
    return labels(_scores(scope))


def labels(scores: pl.DataFrame) -> pl.DataFrame:
    """Return the labels from rows of CUSTOMER, `topic` and `score`, once per pair."""
    wanted = scores.filter(pl.col("score") > 0).sort(
        c.CUSTOMER, "score", "topic", descending=[False, True, False]
    )
    return wanted.group_by(c.CUSTOMER, maintain_order=True).agg(
        pl.col("topic").first().alias(TOP),
        pl.col("score").first().alias(SCORE),
        pl.len().cast(pl.Int64).alias(TOPICS),
    )


def evidence(scope: Scope, as_of: date, customer: int, key: str) -> Evidence | None:
    """Return the score of each topic, the largest first; None where there is none."""
    found = _scores(scope, customer=customer).filter(pl.col("score") > 0)
    found = found.sort("score", "topic", descending=[True, False])
    return {"topics": dict(found.select("topic", "score").iter_rows())} if found.height else None


def _scores(scope: Scope, *, customer: int | None = None) -> pl.DataFrame:
    """Return CUSTOMER, `topic` and `score` by the runs in force of the scope's platforms. Two queries per platform."""
    found = [runs.published_ids(platform.key).get(JOB, 0) for platform in scope.platforms]
    own_only = "" if customer is None else f"AND i.customer_id = {customer:d}"
    rows = read_frame(f"""
        SELECT i.customer_id AS {c.CUSTOMER}, t.topic, sum(t.score)::double precision AS score
        FROM precision_shop_interest t JOIN precision_shop_identity i ON i.id = t.identity_id
        WHERE t.run_id IN ({", ".join(f"{run:d}" for run in found)}) {own_only}
        GROUP BY 1, 2
    """)
    return rows.select(pl.col(c.CUSTOMER).cast(pl.Int64), pl.col("topic").cast(pl.String), "score")


register(Source(name="interests", definitions=DEFINITIONS, frame=frame, evidence=evidence))
