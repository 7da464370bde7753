"""`manage.py up`: web, worker and beat on this machine."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from precision import configuration
from precision.shop import processes


class Command(BaseCommand):
    help = "Serve: web, worker and beat as three processes, until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, help="Default: the variable PORT, else 8000.")
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="Web processes.")

    def handle(self, *, host: str, port: int | None, workers: int, **options: Any) -> None:
        port = port if port is not None else configuration.whole_number("PORT", 8000)
        try:
            processes.check_port(host, port)
        except processes.PortError as error:
            raise CommandError(str(error), returncode=2) from error
        call_command("migrate", verbosity=0)
        self.stdout.write(
            f"Serving at http://{host}:{port}/ (admin at /admin/, API docs at /api/docs/); stop with Ctrl-C."
        )
        self.stdout.flush()
        code = processes.run_until_signal(
            {
                "web": processes.web(host=host, port=port, workers=workers),
                "worker": processes.worker(),
                "beat": processes.beat(),
            },
            notify=self.stderr.write,
        )
        if code:
            raise CommandError(
                "One of the three processes ended by itself; its own message stands above.", returncode=1
            )
