"""Nightly jobs about products: read facts, compute, write the rows of a run."""

from precision.engine.jobs import Job, register
from recommender.nightly.rules import compute_rules

register(
    Job(name="rules", title="association rules", compute=compute_rules),
)
