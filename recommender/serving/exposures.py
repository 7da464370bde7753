"""What was shown, on its way into the facts: a queue of this process and a thread that writes it by the batch.

A request waits for nothing. A batch is written a tenth of a second after its first answer; what waits is written when
the process ends, and lost when it is killed. The queue is bounded: when the database does not take the batches, the
newest answers are served without being logged, and the log says how many.
"""

import atexit
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from django.conf import settings
from django.db import DatabaseError, DataError, connection

from precision.shop import exposures as facts
from precision.shop.exposures import Shown
from recommender.serving.selection import Pick, Selection

GATHER_S: Final = 0.1
IDLE_S: Final = 10.0
RETRY_S: Final = 1.0
TRIES: Final = 3
WAITING: Final = 20_000
BATCH: Final = 2_000
_logger = logging.getLogger(__name__)


def new_id() -> str:
    """Return the id of an answer, 32 hexadecimal digits: the time in milliseconds (12), then chance.

    Clicks and orders are joined to the answer by it; the time tells how long ago it was given.
    """
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


def given_at(answer: str) -> float | None:
    """Return when an answer was given, in epoch seconds, or None for what is no id of ours."""
    if len(answer) != 32 or not answer.isascii() or not answer.isalnum() or answer != answer.lower():
        return None
    try:
        int(answer, 16)
    except ValueError:
        return None
    return int(answer[:12], 16) / 1000


def of(selection: Selection, page: str, lists: Sequence[tuple[str, int, Sequence[Pick]]]) -> Shown:
    """Return an answer as a fact: `lists` are its slots ("" where the answer is one list), first rank and picks."""
    shown = [
        (slot, rank, pick) for slot, first, picks in lists for rank, pick in enumerate(picks, start=first)
    ]
    return Shown(
        platform=selection.platform.pk,
        organisation=selection.platform.organisation_id,
        erasures=selection.state.erasures,
        recommendation=selection.answer,
        identity=selection.person.identity,
        at=datetime.fromtimestamp(selection.now, UTC),
        page=page,
        run=selection.state.run_ids.get("recommendations"),
        slots=[slot for slot, _, _ in shown],
        ranks=[rank for _, rank, _ in shown],
        products=[pick.fact.id for _, _, pick in shown],
        sources=[pick.candidate.origin for _, _, pick in shown],
        propensities=[pick.propensity for _, _, pick in shown],
    )


class Writer:
    """The queue of one process and its thread."""

    def __init__(self) -> None:
        self._queue: deque[Shown] = deque()
        self._awake = threading.Event()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._lost = 0
        self._ends = False

    def put(self, shown: Shown) -> None:
        """Let an answer be written soon."""
        if len(self._queue) >= WAITING:
            self._lost += 1
            return
        self._queue.append(shown)
        if self._thread is None:
            self._start()
        if not self._awake.is_set():
            self._awake.set()

    def waits(self, answer: str) -> bool:
        """Return whether an answer is in the queue."""
        return any(shown.recommendation == answer for shown in tuple(self._queue))

    def flush(self) -> None:
        """Write all that waits, in the caller's thread and on its connection."""
        with self._writing:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                self._write(batch)

    def clear(self) -> None:
        """Forget what waits: for tests."""
        self._queue.clear()

    def _start(self) -> None:
        """Start the thread, unless the setting PRECISION_EXPOSURES says that somebody else flushes."""
        if not getattr(settings, "PRECISION_EXPOSURES", True):
            return
        with self._starting:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="exposures", daemon=True)
                thread.start()
                self._thread = thread
                atexit.register(self._finish)

    def _run(self) -> None:
        while True:
            if not self._queue:
                self._awake.clear()
                if not self._queue and not self._awake.wait(IDLE_S):
                    continue
            time.sleep(GATHER_S)
            try:
                self.flush()
            except Exception:  # the thread must go on, whatever happens to one batch
                _logger.exception("Exposures could not be written.")
            _let_go()
            if self._lost:
                _logger.error(
                    "%s answers were not logged: the database takes exposures too slowly.", self._lost
                )
                self._lost = 0

    def _write(self, batch: list[Shown]) -> None:
        """Write a batch, after a while again; what the database refuses is dropped."""
        for number in range(TRIES):
            try:
                facts.write(batch)
            except DataError:
                _logger.exception("The database refused %s exposures.", len(batch))
                return
            except DatabaseError:
                facts.forget_partitions()
                if number == TRIES - 1 or self._ends or connection.in_atomic_block:
                    raise
                connection.close()
                time.sleep(RETRY_S)
            else:
                return

    def _finish(self) -> None:
        """Write what waits at the end of the process."""
        self._ends = True
        try:
            self.flush()
        except Exception:  # noqa: BLE001 the process ends anyway
            _logger.warning("%s exposures were lost at the end of the process.", len(self._queue))


def _let_go() -> None:
    """Close the thread's connection where it is broken or too old; a server that is gone must not end the thread."""
    try:
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
    except Exception:
        _logger.exception("The connection for exposures is broken; another one is opened.")
        connection.connection = None


writer = Writer()


def _after_fork() -> None:
    """Start with an empty queue: the thread stayed behind in the other process, which writes its own."""
    global writer  # noqa: PLW0603 one a process
    writer = Writer()


os.register_at_fork(after_in_child=_after_fork)
