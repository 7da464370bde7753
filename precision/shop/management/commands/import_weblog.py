"""`manage.py import_weblog`: load the pages of web server access logs as events."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from precision.shop.importing import ImportRefusedError, ImportSummary
from precision.shop.models import Platform
from precision.shop.weblog import COMBINED, LogPattern, PatternError, Rules, import_logs


class Command(BaseCommand):
    help = "Load page views, product views and searches from web server access logs (docs/intake.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--platform", required=True, metavar="KEY", help="platform to load into")
        parser.add_argument(
            "--pattern",
            default=COMBINED,
            help="how a line is written: placeholders like {ip} [{time}], or a regular expression with named groups",
        )
        parser.add_argument(
            "--time-format",
            metavar="FORMAT",
            help="as for strptime, or epoch; else as in the combined format or ISO",
        )
        parser.add_argument(
            "--source", default="", metavar="KEY", help="source that the events are counted under"
        )
        parser.add_argument(
            "--product-url", metavar="REGEX", help="address of a product's page, with its id in a group"
        )
        parser.add_argument(
            "--search-parameter",
            action="append",
            metavar="NAME",
            help="parameter of an address with a search",
        )
        parser.add_argument(
            "--most-a-minute",
            type=int,
            metavar="N",
            help="pages in a minute from which a visitor is a program",
        )
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a log, also .gz or .zst")

    def handle(self, **options: Any) -> None:
        platform = Platform.objects.filter(key=options["platform"]).select_related("organisation").first()
        if platform is None:
            raise CommandError(
                f"There is no platform {options['platform']!r}; create it with create_platform.", returncode=2
            )
        try:
            summary = import_logs(
                platform,
                options["files"],
                pattern=LogPattern.of(options["pattern"], time_format=options["time_format"]),
                rules=_rules(options),
                source=options["source"],
            )
        except (PatternError, ImportRefusedError) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(summary.as_json()) if options["json"] else _text(summary))


def _rules(options: dict[str, Any]) -> Rules:
    """Return the rules that the options change."""
    given: dict[str, Any] = {}
    if options["product_url"]:
        given["product"] = options["product_url"]
    if options["search_parameter"]:
        given["search"] = tuple(name.lower() for name in options["search_parameter"])
    if options["most_a_minute"] is not None:
        if options["most_a_minute"] < 1:
            raise CommandError("--most-a-minute must be 1 or more.", returncode=2)
        given["most_a_minute"] = options["most_a_minute"]
    return Rules(**given)


def _text(summary: ImportSummary) -> str:
    """Return the summary for people."""
    rows = summary.rows
    made = [
        f"{summary.platform}: {rows.total + summary.dropped.total():,} lines in {summary.seconds:.1f} s: "
        f"{rows.accepted:,} events, {rows.duplicate:,} duplicate, {rows.rejected:,} rejected"
    ]
    made.extend(f"  left out ({reason}): {number:,}" for reason, number in sorted(summary.dropped.items()))
    made.extend(f"  refused as {code}: {number:,}" for code, number in sorted(summary.rejected_by.items()))
    if summary.unknown_product_events:
        made.append(f"  events of unknown products: {summary.unknown_product_events:,} (kept)")
    if summary.rejects_file:
        made.append(f"  refused lines, with reasons: {summary.rejects_file}")
    return "\n".join(made)
