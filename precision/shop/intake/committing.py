"""One commit for the requests that wait at the same time: the first to come writes for all.

A commit costs about the same for one event as for a thousand. So a request that finds nobody writing becomes the
writer; those that come meanwhile queue, and the next writer is the first of them and takes all that wait. No thread of
its own is needed, a lone request waits for nobody, and each request returns only when its own events are durable.
"""

import threading
from collections import deque
from typing import Final

from django.db import OperationalError, connection
from psycopg.errors import DeadlockDetected, SerializationFailure

from precision.shop.intake.writing import Submission, write

MOST: Final = 4_000
"""Calls that one transaction takes; whoever does not fit waits for the next."""
WAITING: Final = 20_000
"""Calls that may wait in one process; beyond it requests are told to come again later."""
TRIES: Final = 4


class BusyError(RuntimeError):
    """More calls wait than can be written soon, or another writer holds the rows: the sender should try again later."""


class _Waiting:
    """A request in the queue; its lock opens when it has been written, or when it is to write."""

    __slots__ = ("done", "error", "lock", "submission", "written")

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self.lock = threading.Lock()
        self.lock.acquire()
        self.done = False
        self.written = False
        self.error: BaseException | None = None


_guard = threading.Lock()
_queue: deque[_Waiting] = deque()
_size = 0
_writing = False


def commit(submission: Submission) -> None:
    """Write the submission, alone or with others, and return when it is durable.

    Within a transaction of the caller it is written at once, and is durable with that. Raises BusyError when too much
    waits already.
    """
    global _size, _writing  # noqa: PLW0603 one queue a process
    if connection.in_atomic_block:
        write([submission])
        return
    mine = _Waiting(submission)
    calls = _calls(submission)
    with _guard:
        if _size + calls > WAITING:
            raise BusyError("Too many events wait to be written.")
        _queue.append(mine)
        _size += calls
        leads = not _writing
        _writing = True
    if not leads:
        mine.lock.acquire()
    if not mine.done:
        _lead()
    if mine.error is not None:
        raise mine.error
    if not mine.written:
        raise BusyError("The writer was stopped before the events were durable.")


def _lead() -> None:
    """Write all that waits (the caller's is first), then make the next in the queue the writer."""
    global _size, _writing  # noqa: PLW0603 one queue a process
    with _guard:
        batch, calls = [_queue.popleft()], 0
        calls = _calls(batch[0].submission)
        while _queue and calls + _calls(_queue[0].submission) <= MOST:
            batch.append(_queue.popleft())
            calls += _calls(batch[-1].submission)
    try:
        _write(batch)
    finally:
        with _guard:
            _size -= calls
            following = _queue[0] if _queue else None
            _writing = following is not None
        if following is not None:
            following.lock.release()
        for one in batch:
            one.done = True
            one.lock.release()


def _write(batch: list[_Waiting]) -> None:
    """Write the requests together; when that fails each alone, so that one cannot make the others fail."""
    try:
        _patiently([one.submission for one in batch])
    except Exception as error:  # noqa: BLE001 every request gets its own
        if len(batch) == 1:
            batch[0].error = _told(error)
            return
        for one in batch:
            try:
                _patiently([one.submission])
            except Exception as own:  # noqa: BLE001
                one.error = _told(own)
            else:
                one.written = True
    else:
        for one in batch:
            one.written = True


def _patiently(submissions: list[Submission]) -> None:
    """Write, and try again when PostgreSQL broke off because writers waited for each other in a circle."""
    for number in range(TRIES):
        try:
            write(submissions)
        except OperationalError as error:
            if number == TRIES - 1 or not isinstance(
                error.__cause__, DeadlockDetected | SerializationFailure
            ):
                raise
        else:
            return


def _told(error: Exception) -> Exception:
    """Return the error as the request is to see it."""
    if isinstance(error, OperationalError):
        busy = BusyError("The database did not take the events in time.")
        busy.__cause__ = error
        return busy
    return error


def _calls(submission: Submission) -> int:
    return len(submission.readings) + len(submission.refused) or 1
