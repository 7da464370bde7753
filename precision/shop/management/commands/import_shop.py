"""`manage.py import_shop`: load a shop's files."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from precision.shop import mapping as mappings
from precision.shop.importing import ImportRefusedError, ImportSummary, import_files
from precision.shop.models import Platform


class Command(BaseCommand):
    help = "Load customers, products and orders from CSV, JSONL or Parquet files (docs/intake.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--platform", required=True, metavar="KEY", help="platform to load into")
        parser.add_argument(
            "--mapping", required=True, type=Path, metavar="FILE.toml", help="what the columns mean"
        )
        parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")
        parser.add_argument(
            "data",
            nargs="+",
            metavar="[NAME=]PATH",
            help="a file, of the data set NAME of the mapping; without NAME, of its next data set",
        )

    def handle(self, **options: Any) -> None:
        platform = Platform.objects.filter(key=options["platform"]).select_related("organisation").first()
        if platform is None:
            raise CommandError(
                f"There is no platform {options['platform']!r}; create it with create_platform.", returncode=2
            )
        try:
            mapping = mappings.read(options["mapping"])
            summary = import_files(platform, mapping, _files(mapping, options["data"]))
        except (mappings.MappingError, ImportRefusedError) as error:
            raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(summary.as_json()) if options["json"] else _text(summary))


def _files(mapping: mappings.Mapping, arguments: list[str]) -> dict[str, list[Path]]:
    """Return the files of each data set; those without a name go to the data sets that were not named, in
    order.
    """
    files: dict[str, list[Path]] = {}
    nameless: list[Path] = []
    for argument in arguments:
        name, mark, path = argument.partition("=")
        if mark and name in mapping.files:
            files.setdefault(name, []).append(Path(path))
        elif mark and not Path(argument).exists():
            raise ImportRefusedError(
                f"Mapping {mapping.name} has no data set {name!r}; it has {', '.join(mapping.files)}."
            )
        else:
            nameless.append(Path(argument))
    free = [name for name in mapping.files if name not in files]
    if len(nameless) > len(free):
        raise ImportRefusedError(
            f"{len(nameless)} files came without a name, but the mapping {mapping.name} has {len(free)} data "
            "sets left for them; write NAME=PATH."
        )
    return files | {name: [path] for name, path in zip(free, nameless, strict=False)}


def _text(summary: ImportSummary) -> str:
    """Return the summary for people."""
    rows = summary.rows
    lines = [
        f"{summary.platform}: {rows.total:,} rows in {summary.seconds:.1f} s: {rows.accepted:,} accepted, "
        f"{rows.updated:,} updated, {rows.duplicate:,} duplicate, {rows.rejected:,} rejected"
    ]
    for name, kind in summary.kinds.items():
        lines.append(
            f"  {name:<9} {kind.accepted:>10,} accepted {kind.updated:>9,} updated "
            f"{kind.duplicate:>10,} duplicate {kind.rejected:>9,} rejected"
        )
    lines.extend(f"  refused as {code}: {number:,}" for code, number in sorted(summary.rejected_by.items()))
    if summary.unknown_products:
        lines.append(
            f"  unknown products: {summary.unknown_products:,}, in {summary.unknown_product_lines:,} lines "
            "(kept, never shown)"
        )
    if summary.aliases_linked:
        lines.append(f"  names linked: {summary.aliases_linked:,}")
    if summary.rejects_file:
        lines.append(f"  refused rows, with reasons: {summary.rejects_file}")
    return "\n".join(lines)
