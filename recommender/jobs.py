"""Nightly jobs about products."""

from precision.engine.jobs import Job, register
from recommender.nightly.popularity import compute_popularity
from recommender.nightly.rules import compute_rules

register(
    Job(name="rules", title="association rules", compute=compute_rules),
    Job(name="popularity", title="popularity", compute=compute_popularity, after=("price-classes",)),
)
