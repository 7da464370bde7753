"""One commit for the requests that wait at the same time: the first to come writes for all.

A commit costs about the same for one event as for a thousand. So a request that finds nobody writing becomes the
writer; those that come meanwhile queue, and the next writer is the first of them and takes all that wait. No thread of
its own is needed, a lone request waits for nobody, and each request returns only when its own events are durable.
"""

import threading
from collections import deque
from typing import Final

from django.db import DataError, OperationalError, connection
from psycopg.errors import DeadlockDetected, SerializationFailure

from precision.shop.intake.writing import Submission, write
from precision.shop.records import Code

MOST: Final = 4_000
"""Calls that one transaction takes; whoever does not fit waits for the next."""
WAITING: Final = 20_000
"""Calls that may wait in one process; beyond it requests are told to come again later."""
TRIES: Final = 4


class BusyError(RuntimeError):
    """More calls wait than can be written soon: the sender should try again later."""


class UnavailableError(RuntimeError):
    """The database did not take the calls, or not in time: the sender should try again later."""


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
    # Who waits with a connection in hand keeps it from the writer: with a small pool all would wait for each other.
    release_connection()
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
        raise UnavailableError("The writer was stopped before the events were durable.")


def release_connection() -> None:
    """Give the thread's connection back, as the end of a request does, unless a transaction is open on it."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


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
        release_connection()
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
        if len(batch) == 1 and not isinstance(error, DataError):
            batch[0].error = _told(error)
            return
        for one in batch:
            try:
                _alone(one.submission)
            except Exception as own:  # noqa: BLE001
                one.error = _told(own)
            else:
                one.written = True
    else:
        for one in batch:
            one.written = True


def _alone(submission: Submission) -> None:
    """Write one request; what PostgreSQL cannot keep though it was read is refused, and the rest written."""
    try:
        _patiently([submission])
    except DataError:
        submission.verdicts.clear()
        parts = _halves(submission)
        if not parts:
            submission.refuse_all(Code.UNUSABLE)
            _patiently([submission])
        for part in parts:
            _alone(part)
            submission.take(part)


def _halves(submission: Submission) -> list[Submission]:
    """Return the submission as two of half its readings; none where it has but one."""
    places = sorted(submission.readings)
    if len(places) < 2:
        return []
    middle = len(places) // 2
    first = submission.part(places[:middle], refused=True)
    return [first, submission.part(places[middle:], refused=False)]


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
        unavailable = UnavailableError("The database did not take the events in time.")
        unavailable.__cause__ = error
        return unavailable
    return error


def _calls(submission: Submission) -> int:
    return len(submission.readings) + len(submission.refused) or 1
