"""Nightly jobs about products."""

from precision.engine.jobs import Job, register
from recommender.jobs.evaluation import compute_quality
from recommender.jobs.popularity import compute_popularity
from recommender.jobs.ranker import compute_ranker
from recommender.jobs.recommendations import compute_recommendations
from recommender.jobs.rules import compute_rules
from recommender.jobs.similar import compute_similar

register(
    Job(name="rules", title="association rules", compute=compute_rules),
    Job(name="popularity", title="popularity", compute=compute_popularity, after=("price-classes",)),
    Job(name="similar", title="similar products", compute=compute_similar),
    Job(
        name="recommendation-ranker",
        title="ranking of recommendations",
        compute=compute_ranker,
        after=("price-classes",),
    ),
    Job(
        name="recommendations",
        title="recommendations",
        compute=compute_recommendations,
        after=("recommendation-ranker",),
    ),
    Job(
        name="recommendation-quality",
        title="quality of recommendations",
        compute=compute_quality,
        after=("price-classes", "recommendation-ranker"),
    ),
)
