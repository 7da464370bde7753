#!/usr/bin/env python
"""Command line of the assembled product; finds or starts the embedded servers unless outside ones are named."""

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

from django.core.management import execute_from_command_line
from django.db import ProgrammingError
from psycopg.errors import UndefinedTable

from precision import embedded
from precision.celery import app as celery_app

__all__ = ["celery_app"]  # commands that enqueue tasks need the app to be there

HERE = Path(__file__).resolve().parent
SERVERLESS = {"help", "version", "makemessages", "compilemessages"}


def main() -> None:
    """Run a management command while holding the embedded servers, where they are in use."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "precision.settings")
    var = Path(os.environ.get("PRECISION_VAR") or HERE / "var").absolute()
    outside = os.environ.get("DATABASE_URL") and os.environ.get("BROKER_URL")
    # A polite end must unwind: whoever is last stops the servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        if not outside and len(sys.argv) > 1 and sys.argv[1] not in SERVERLESS:
            try:
                stack.enter_context(embedded.hold(var, notify=lambda text: sys.stderr.write(f"{text}\n")))
            except embedded.EmbeddedError as error:
                sys.exit(str(error))
        try:
            execute_from_command_line(sys.argv)
        except ProgrammingError as error:
            if isinstance(error.__cause__, UndefinedTable):
                sys.exit(f"{error.__cause__.diag.message_primary}; make the tables first: manage.py migrate.")
            raise


if __name__ == "__main__":
    main()
