"""Web server access logs: lines become page views, product views and searches of anonymous visits."""

from precision.shop.weblog.loading import import_logs
from precision.shop.weblog.pattern import COMBINED, LogPattern, PatternError
from precision.shop.weblog.rules import Rules

__all__ = ["COMBINED", "LogPattern", "PatternError", "Rules", "import_logs"]
