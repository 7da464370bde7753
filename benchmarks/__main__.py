"""Run one benchmark: `python -m benchmarks NAME [--scale N] [--data FILE …]`.

It prints a table for people and, as its last line, one JSON object with the figures.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.errors import BenchmarkError

# Each module offers `add_arguments(parser)`, for options of its own, and `run(options) -> dict`, the figures.
BENCHMARKS = {
    "intake": "benchmarks.intake",
    "quality": "benchmarks.quality",
    "recommend": "benchmarks.recommend",
    "rules": "benchmarks.rules",
    "segments": "benchmarks.segments",
    "slots": "benchmarks.slots",
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark that the arguments name; returns the exit status, 0 or (it cannot run) 2."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Speed and quality against peers."
    )
    parser.add_argument("name", choices=sorted(BENCHMARKS), help="which benchmark")
    parser.add_argument("--scale", type=_positive, default=1.0, help="how many times the data (default 1)")
    parser.add_argument(
        "--data", type=Path, nargs="+", metavar="FILE", help="other data than that of the demo"
    )
    named = next((argument for argument in arguments if argument in BENCHMARKS), None)
    if named is None:
        parser.parse_args(arguments)  # ends with the list of names, or with the help that was asked for
        return 2
    module = import_module(BENCHMARKS[named])
    module.add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        figures = module.run(options)
    except BenchmarkError as error:
        print(f"benchmarks {named}: {error}", file=sys.stderr)
        return 2
    print(json.dumps({"benchmark": named, "scale": options.scale, **figures}, allow_nan=False))
    return 0


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no positive number")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
