"""Feature table and chances of 1 M customers from 10 M order lines and 10 M events, without a database.

`run(scale)` makes the facts of `segments_labels`, of `scale` times as many customers, and scores them in a process of
its own with the code of the nightly job: the feature table as of a day, the chances of every target, reasons of those
to act on, and the file of everybody. Each target is scored by boosted trees, the slowest of the three kinds.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import segments_labels
from benchmarks.measuring import Subject, measured
from benchmarks.segments_labels import CUSTOMERS, EVENTS, LINES, Shop

DEADLINE_S: Final = 60


def run(scale: float = 1.0) -> dict[str, Any]:
    """Return customers, chances, rows with reasons, seconds and peak memory at `scale` × 1 M customers."""
    people = max(5_000, int(CUSTOMERS * scale))
    with TemporaryDirectory(prefix="precision-scoring-") as place:
        folder = Path(place)
        segments_labels.generate(folder, people)
        subject = Subject(name="scoring", prepare=prepare, work=work, finish=finish)
        found = measured(subject, data=folder, count=people, repeats=1)
    return {
        "customers": people,
        "lines": people * LINES // CUSTOMERS,
        "events": people * EVENTS // CUSTOMERS,
        **found.result,
        "seconds": round(found.seconds, 2),
        "cpu_seconds": round(found.cpu_seconds, 2),
        "peak_mib": round(found.peak_mib),
        "goal_seconds": DEADLINE_S,
    }


def prepare(folder: Path, count: int) -> Any:
    """Load the application and train a model for each target on some of the customers; no database is asked."""
    segments_labels.prepare(folder, count)
    from benchmarks import segments_scoring_work  # noqa: PLC0415 - its models need Django to be set up

    return segments_scoring_work.trained(Shop(folder))


def work(world: Any) -> Any:
    """Compute the feature table and all chances."""
    from benchmarks import segments_scoring_work  # noqa: PLC0415 - its models need Django to be set up

    return segments_scoring_work.all_scores(world)


def finish(found: dict[str, Any], count: int) -> dict[str, Any]:
    """Return how much came out."""
    return found
