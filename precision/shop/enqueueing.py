"""Putting a task into the queue once what it is about is durable."""

import logging
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def after_commit(task: Any, *arguments: object) -> None:
    """Enqueue the task once the running transaction has committed; at once where there is none.

    For work that the clock would start later anyway: a queue that does not answer costs a line in the log, not the
    caller's answer.
    """

    def send() -> None:
        try:
            task.apply_async(arguments, retry=False)
        except OperationalError:
            logger.warning("The queue does not answer; %s starts by the clock instead.", task.name)

    transaction.on_commit(send)
