"""The demo in one go: load, compute, say what came of it, serve."""

import io
import os
import resource
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db.models import Max
from rich.console import Console

from demo import accounts, figures, summary
from demo.browse import loading as browse
from demo.browse.sending import RefusedError
from demo.browse.serving import NotServedError
from demo.browse.shop import VISITORS
from demo.loading import Loaded, load
from demo.sources import MissingDataError, shops
from precision import configuration
from precision.shop import processes
from precision.shop.importing import ImportRefusedError
from precision.shop.mapping import MappingError
from precision.shop.models import ImportBatch, Order, Platform

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
HOST = "127.0.0.1"
CURL_SHOP = "grocer"
CLASSES = ("A", "B", "C")


def main(arguments: Sequence[str]) -> int:
    """Load the sample shops, compute, print the summary and serve until Ctrl-C; return the exit code."""
    parser = ArgumentParser(
        prog="python -m demo", description="Two real sample shops and a generated one, end to end."
    )
    parser.add_argument("--no-serve", action="store_true", help="Stop after the summary.")
    parser.add_argument("--port", type=int, help="Default: the variable PORT, else 8000.")
    parser.add_argument(
        "--visitors", type=int, default=VISITORS, help="Of the generated shop; 0 leaves that shop out."
    )
    options = parser.parse_args(arguments)
    port = options.port if options.port is not None else configuration.whole_number("PORT", 8000)
    if not options.no_serve:
        try:
            processes.check_port(HOST, port)  # now, not after minutes of work
        except processes.PortError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    call_command("migrate", verbosity=0)
    started = time.perf_counter()
    try:
        loaded = load(shops(), var=Path(settings.VAR))
        sent = browse.load(visitors=options.visitors, var=Path(settings.VAR)) if options.visitors else None
    except (MissingDataError, MappingError, ImportRefusedError, RefusedError, NotServedError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    computing = time.perf_counter()
    call_command("stitch", stdout=io.StringIO())  # who is one person, and the report of islands
    for each in loaded:
        compute(each.platform)
    if sent is not None:
        compute(sent.platform)
    work = summary.of_work(
        load_seconds=computing - started,
        compute_seconds=time.perf_counter() - computing,
        peak_bytes=peak_memory(),
    )
    told = [
        summary.of_shop(each.platform.name, each.imported, figures.gather(each.platform)) for each in loaded
    ]
    keys = {each.platform.key: each.server_key for each in loaded}
    if sent is not None:
        told.append(summary.of_sent(sent, figures.gather(sent.platform)))
        keys[sent.platform.key] = sent.server_key
    summary.show([*told, work, access(loaded, keys=keys, port=port)], console=Console())
    if not options.no_serve:
        serve(port)
    return 0


def serve(port: int) -> None:
    """Become `manage.py up`: the memory of the computation is given back. The servers run on in between."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, str(MANAGE), "up", "--host", HOST, "--port", str(port)])


def compute(platform: Platform) -> None:
    """Compute what is not yet computed from the platform's newest facts."""
    imported = (
        ImportBatch.objects.filter(platform=platform)
        .exclude(accepted=0, updated=0)
        .aggregate(newest=Max("finished_at"))["newest"]
    )
    told = Order.objects.filter(platform=platform).aggregate(newest=Max("received_at"))["newest"]
    # What was begun after the last facts came in is up to date, and not computed again.
    since = max((moment for moment in (imported, told) if moment is not None), default=None)
    call_command("refresh", platform=platform.key, resume_since=since)


def access(loaded: Sequence[Loaded], *, keys: Mapping[str, str], port: int) -> summary.Section:
    """Return the addresses, keys and commands to print; creates the administrator when there is none.

    Called last, because the administrator's password is shown this once: nothing may fail behind it.
    """
    chosen = next(each for each in loaded if each.platform.key == CURL_SHOP)
    customers = figures.example_customers(chosen.platform, CLASSES)
    return summary.of_access(
        address=f"http://127.0.0.1:{port}",
        admin=accounts.ADMIN,
        password=accounts.ensure_admin(),
        keys=keys,
        customers=customers,
        curl_key=chosen.server_key,
    )


def peak_memory() -> int:
    """Return the most bytes that this process, or one of those it started, has held at once."""
    unit = 1 if sys.platform == "darwin" else 1024
    used = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return unit * max(used)
