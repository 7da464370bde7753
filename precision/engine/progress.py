"""Progress of long steps: bars on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Steps:
    """A row of named steps; `step(title)` says which one is under way."""

    def __init__(self, total: int, *, console: Console | None = None) -> None:
        self.total = total
        self.console = console or Console(file=sys.stderr)
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._done = 0

    def __enter__(self) -> "Steps":
        if self.console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description:<48}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=self.console,
            )
            self._progress.start()
            self._task = self._progress.add_task("", total=self.total)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Count one step; without a terminal print its name and how long it took (seconds) once it is done."""
        started = time.perf_counter()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=title)
        yield
        self._done += 1
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)
        else:
            seconds = time.perf_counter() - started
            self.console.print(
                f"[{self._done}/{self.total}] {title}: {seconds:.1f} s", markup=False, highlight=False
            )
