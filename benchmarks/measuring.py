"""Time and peak memory of a piece of work, in a process of its own."""

import gc
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.errors import BenchmarkError

PATIENCE_S = 10.0  # work that has taken longer in all is not repeated
STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure, in three functions that can be imported by name."""

    name: str
    prepare: Callable[[Path, int], Any]  # (data, count) → state; not measured
    work: Callable[[Any], Any]  # state → raw; measured
    finish: Callable[[Any, int], Any]  # (raw, count) → result to compare; not measured


@dataclass(frozen=True, slots=True)
class Measured:
    """What a piece of work took, and what came out of it."""

    seconds: float  # wall time of the fastest repetition
    cpu_seconds: float  # least processor time of a repetition, all threads together
    runs: int
    peak_mib: float  # highest resident memory of all repetitions, above that with the data loaded
    result: Any

    def with_more(self, more: "Measured") -> "Measured":
        """Both together: the better times, the higher peak."""
        return Measured(
            seconds=min(self.seconds, more.seconds),
            cpu_seconds=min(self.cpu_seconds, more.cpu_seconds),
            runs=self.runs + more.runs,
            peak_mib=max(self.peak_mib, more.peak_mib),
            result=self.result,
        )


def measured_in_turn(
    subjects: Sequence[Subject], *, data: Path, count: int, rounds: int, repeats: int
) -> list[Measured]:
    """Each subject measured `rounds` times, in turn: what else the machine does meets all of them alike."""
    best: list[Measured | None] = [None] * len(subjects)
    for _ in range(rounds):
        for i, subject in enumerate(subjects):
            one = measured(subject, data=data, count=count, repeats=repeats)
            known = best[i]
            best[i] = one if known is None else known.with_more(one)
    return [one for one in best if one is not None]


def measured(subject: Subject, *, data: Path, count: int, repeats: int) -> Measured:
    """Time and peak memory of the subject in a new interpreter, at most `repeats` times.

    Raises:
        BenchmarkError: the process was killed, as happens when memory runs out.
    """
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_measure, subject, data, count, repeats).result()
        except BrokenProcessPool as error:
            raise BenchmarkError(
                f"the process of {subject.name} was killed; perhaps memory ran out, try a lower --scale"
            ) from error


def free_bytes() -> int:
    """How much memory could be taken now without swapping."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))


def _measure(subject: Subject, data: Path, count: int, repeats: int) -> Measured:
    state = subject.prepare(data, count)
    gc.collect()
    _forget_peak()
    before = _resident_mib()
    walls: list[float] = []
    cpus: list[float] = []
    raw: Any = None
    for _ in range(repeats):
        raw = None  # the last result must not stand beside the next in the peak
        wall, cpu = time.perf_counter(), time.process_time()
        raw = subject.work(state)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        if sum(walls) > PATIENCE_S:
            break
    peak = max(0.0, _peak_mib() - before)
    return Measured(
        seconds=min(walls),
        cpu_seconds=min(cpus),
        runs=len(walls),
        peak_mib=peak,
        result=subject.finish(raw, count),
    )


def _forget_peak() -> None:
    """Let the peak start anew, where the system can (Linux); elsewhere that of loading may hide it."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _status_mib(field: str) -> float | None:
    try:
        lines = STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{field}:")), None)


def _peak_mib() -> float:
    peak = _status_mib("VmHWM")
    if peak is not None:
        return peak
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _resident_mib() -> float:
    now = _status_mib("VmRSS")
    return _peak_mib() if now is None else now
