"""PostgreSQL and Valkey from wheels: the same engines as in production, from `pip install` alone."""

from precision.embedded.errors import EmbeddedError
from precision.embedded.paths import broker_url, cache_url, database_url
from precision.embedded.servers import Status, hold, status, stop

__all__ = ["EmbeddedError", "Status", "broker_url", "cache_url", "database_url", "hold", "status", "stop"]
