"""What is written down about an import: its rejects file, its row, and the counts of its sources."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from django.utils import timezone

from precision.shop import tallies
from precision.shop.importing.run import Run
from precision.shop.models import ImportBatch, Source
from precision.shop.tallies import Outcome

COUNTED: Mapping[str, str] = {"order": "unknown_product_lines", "event": "unknown_product_events"}
"""Kind of record, and the count of the summary that tells of its unknown products."""
SHOWN = (
    "kinds",
    "dropped",
    "rejected_by",
    "unknown_products",
    "unknown_product_lines",
    "unknown_product_events",
)


def record(
    run: Run, kinds: Mapping[str, Source], *, started: datetime, path: Path, batch: ImportBatch | None = None
) -> None:
    """Write the rejects file at `path`, the row of this import (`batch`, else a new one), and the tallies.

    `kinds` has the source of each kind of record. To be called at the end of the transaction of the import.
    """
    summary = run.summary
    rows = sum(file["rows"] for file in summary.files)
    counts = summary.rows
    used = counts.accepted + counts.updated + counts.duplicate
    counts.rejected = rows - used - summary.dropped.total()
    summary.rejected_by.update(run.rejects.frame().get_column("code").to_list())
    if batch is not None and batch.files:  # the names that they came with
        summary.files = [
            {**made, "name": known["name"]} for made, known in zip(summary.files, batch.files, strict=True)
        ]
    if run.rejects.write(path, [Path(file["name"]).name for file in summary.files]):
        summary.rejects_file = str(path)
    _tally(run, kinds)
    table = summary.as_json()
    sources = set(kinds.values())
    said: dict[str, Any] = {
        "platform": run.platform,
        "source": sources.pop() if len(sources) == 1 else None,
        "mapping": summary.mapping,
        "files": summary.files,
        "rows": rows,
        "accepted": counts.accepted,
        "updated": counts.updated,
        "duplicate": counts.duplicate,
        "rejected": counts.rejected,
        "counts": {key: table[key] for key in SHOWN},
        "rejects_file": summary.rejects_file,
        "started_at": started,
        "finished_at": timezone.now(),
        "status": ImportBatch.Status.DONE,
        "message": "",
    }
    if batch is None:
        ImportBatch.objects.create(**said)
    else:
        ImportBatch.objects.filter(pk=batch.pk).update(**said)


def _tally(run: Run, kinds: Mapping[str, Source]) -> None:
    """Append what became of the records, by source and kind; of lines only the refusals: their orders count."""
    refused = run.rejects.reasons()
    for kind, source in kinds.items():
        done = run.summary.kind(kind)
        told: Counter[tuple[Outcome, str]] = Counter()
        if kind != "line":
            told[Outcome.ACCEPTED, ""] = done.accepted
            told[Outcome.UPDATED, ""] = done.updated
            told[Outcome.DUPLICATE, ""] = done.duplicate
        told.update({(Outcome.REJECTED, code): n for (own, code), n in refused.items() if own == kind})
        if kind == "event":
            told[Outcome.BOT, ""] = run.summary.dropped["bot"]
        if kind in COUNTED:
            told[Outcome.UNKNOWN_PRODUCT, ""] = getattr(run.summary, COUNTED[kind])
        tallies.append(run.platform, source, told, kind=kind, day=run.now.date())
