"""The product's settings with nothing but one bare view: what the same server does without our work."""

from precision.settings import *  # noqa: F403

MIDDLEWARE = []
ROOT_URLCONF = "benchmarks.bare_insert"
