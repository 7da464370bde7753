"""Servers of the test session: real PostgreSQL and Valkey in a temporary folder, gone afterwards.

Loaded by `-p tests.throwaway` before pytest-django reads the settings, so that no test can touch a database that
somebody uses.
"""

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from precision import embedded

VAR = Path(tempfile.mkdtemp(prefix="precision-tests-"))
_stack = ExitStack()

for name in ("DATABASE_URL", "BROKER_URL", "SECRET_KEY", "PII_KEYS", "PORT", "PRECISION_ENGINE"):
    os.environ.pop(name, None)
os.environ["PRECISION_VAR"] = str(VAR)


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers, unless only the list of tests is wanted, or processes with servers of their own run them."""
    shared_out = getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput")
    if not config.option.collectonly and not config.option.help and not shared_out:
        _stack.enter_context(embedded.hold(VAR, durable=False))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers and remove their data."""
    _stack.close()
    shutil.rmtree(VAR, ignore_errors=True)
