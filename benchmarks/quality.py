"""How good the answers are on real data, part by part; `--only segments` names a group of parts, or one of them.

Each part is a module `benchmarks/quality_TOPIC.py` with `run(shops) -> dict`: it prints its table and returns its
figures. Quality does not depend on the machine; nothing here is a timed test.
"""

import argparse
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmarks.quality_shops import Shops

GROUPS: dict[str, tuple[str, ...]] = {
    "segments": ("classes", "portals", "models", "value"),
    "recommendations": ("lists", "together"),
}
"""Parts by the name of their group, in the order in which they run."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parts = [part for group in GROUPS.values() for part in group]
    parser.add_argument(
        "--only", nargs="+", choices=[*GROUPS, *parts], metavar="PART",
        help=f"a group ({', '.join(GROUPS)}) or parts of it ({', '.join(parts)}); default: all",
    )  # fmt: skip
    parser.add_argument(
        "--facts", type=Path, metavar="FOLDER",
        help="keep the facts of the shops here and read them the next time; delete it when the loading changed",
    )  # fmt: skip


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the parts one after another and return the figures of each by its name."""
    with TemporaryDirectory() as scratch:
        shops = Shops(options.facts or Path(scratch), baskets=options.data or ())
        found = {}
        for part in chosen(options.only):
            Console().rule(part)
            found[part] = import_module(f"benchmarks.quality_{part}").run(shops)
        return found


def chosen(only: list[str] | None) -> list[str]:
    """Return the parts of the groups and the parts named, all when none is, each once."""
    named = [part for name in only or GROUPS for part in GROUPS.get(name, (name,))]
    return list(dict.fromkeys(named))
