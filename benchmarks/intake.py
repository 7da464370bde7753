"""Intake from all sides: events over HTTP, files, stitching and the lake, each against the bare work below it.

Every part is a module of its own with `run(options, console) -> figures`; it prints its own table.
"""

import argparse
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from rich.console import Console

_PARTS = MappingProxyType(
    {
        "http": "benchmarks.intake_http",
        "files": "benchmarks.intake_files",
        "stitching": "benchmarks.intake_stitching",
        "history": "benchmarks.intake_history",
    }
)
"""Parts by name, in the order in which they run."""
PARTS = {name: module for name, module in _PARTS.items() if find_spec(module) is not None}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the option of this benchmark."""
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=sorted(PARTS),
        metavar="PART",
        help=f"only these: {', '.join(sorted(PARTS))}",
    )


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the parts, each of which prints its table; return their figures by name."""
    console = Console()
    wanted: Sequence[str] = options.parts or tuple(PARTS)
    return {name: import_module(PARTS[name]).run(options, console) for name in PARTS if name in wanted}
