"""The product's settings with nothing but one bare view that reads: what the same server does without our work."""

from precision.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.bare_read"
