"""Two nights of behaviour and segments in an own process: `python -m benchmarks.segments_recompute_work CUSTOMERS`.

The environment names the installation; prints one JSON object.
"""

import json
import resource
import sys
import time
from datetime import date, timedelta
from typing import Any

import django

django.setup()  # the models below want it done

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402

from precision.engine import jobs, runs  # noqa: E402
from precision.engine.models import Run  # noqa: E402
from precision.shop import history, scopes  # noqa: E402
from precision.shop.models import Platform  # noqa: E402
from segments import following, snapshots  # noqa: E402
from segments.definitions import ensure_builtin  # noqa: E402
from segments.methods.rfm import GROUPS  # noqa: E402
from segments.models import Segment, SegmentSpell  # noqa: E402

CHANGED = 0.02
"""Share of customers whose labels change between the nights."""
CONDITIONS: dict[str, Any] = {
    "lookers": {"did": "Product Viewed", "within_days": 7, "at_least": 2},
    "silent-lookers": {"all": [{"segment": "lookers"}, {"not": {"did": "Product Added", "within_days": 30}}]},
    "good-and-near": {
        "all": [{"label": "price_class", "op": "in", "value": ["A", "C"]}, {"segment": "lookers"}]
    },
    "in-the-app": {"did": "Page Viewed", "where": {"channel": "app"}, "within_days": 90, "at_least": 5},
}


def labels(people: int, night: int) -> pl.DataFrame:
    """Return labels as of a night; a few customers change from one to the next."""
    rng = np.random.default_rng(1)
    frame = {
        "recency_days": rng.integers(0, 720, people), "frequency": rng.integers(1, 30, people),
        "money_score": rng.integers(1, 6, people), "letter": rng.integers(0, 4, people),
        "group": rng.integers(0, len(GROUPS), people),
    }  # fmt: skip
    if night:
        some = np.random.default_rng(1 + night).random(people) < CHANGED
        frame = {name: np.where(some, np.roll(values, 1), values) for name, values in frame.items()}
    groups = np.array([group.key for group in GROUPS])
    return pl.DataFrame(
        {
            "customer": np.arange(1, people + 1), "recency_days": frame["recency_days"],
            "frequency": frame["frequency"], "money_score": frame["money_score"],
            "price_class": np.array(["A", "B", "C", "U"])[frame["letter"]], "rfm_group": groups[frame["group"]],
            "last_seen_days": np.where(np.arange(1, people + 1) % 10 == 0, 10, 400),
        }
    )  # fmt: skip


def publish(people: int, as_of: date, night: int) -> None:
    """Publish labels as the job of labels does."""
    run = Run.objects.create(job=snapshots.JOB, scope="bench", as_of=as_of, status=Run.Status.PUBLISHED)
    snapshots.write(run, labels(people, night))
    runs.point(run)


def timed(name: str, as_of: date) -> tuple[float, Run]:
    """Run a job; return its seconds and its run."""
    started = time.perf_counter()
    done = jobs.run(jobs.nightly([name])[0], "bench", as_of)
    assert done is not None
    return round(time.perf_counter() - started, 2), done


def main(people: int) -> dict[str, Any]:
    """Return the figures of two nights."""
    platform = Platform.objects.get(key="bench")
    ensure_builtin(platform)
    Segment.objects.bulk_create(
        Segment(platform=platform, key=key, name=key, condition=condition)
        for key, condition in CONDITIONS.items()
    )
    as_of = scopes.of(platform).as_of()
    history.export()
    found: dict[str, Any] = {}
    for night in (0, 1):
        publish(people, as_of + timedelta(days=night), night)
        with history.snapshot():
            history.horizon(platform)  # the export of the night is not part of it
            behaviour, _ = timed("behaviour", as_of + timedelta(days=night))
            segments, run = timed("segments", as_of + timedelta(days=night))
        found |= {
            f"behaviour_s_{night + 1}": behaviour, f"segments_s_{night + 1}": segments,
            f"memberships_{night + 1}": sum(run.measures["sizes"].values()),
            f"rows_{night + 1}": run.rows["segment_member"],
            f"entries_{night + 1}": run.measures["entered"], f"exits_{night + 1}": run.measures["left"],
        }  # fmt: skip
    started = time.perf_counter()
    followed = following.follow("bench")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        **found,
        "seconds": round(found["behaviour_s_2"] + found["segments_s_2"], 2),
        "follow_s": round(time.perf_counter() - started, 2),
        "followed": followed.customers,
        "spells": SegmentSpell.objects.count(),
        "peak_mib": round(peak),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
