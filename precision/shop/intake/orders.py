"""Orders and their changes into the tables, whatever the route and the order in which the words come.

One order a platform and number. Every word has a time: the event's own, `updated_at` of a record, else that of
its receipt; what was told later is never overwritten by what was told earlier (see `orderbook.words`). An order told
with a browser's key stays unconfirmed, out of every sum, until the shop's own server tells it; later words of browsers
about it change nothing. A change that comes before its order waits as a dead letter and is applied when the order is
there. Refunds make credit notes (see `orderbook.refunds`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Literal

from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from precision.shop import dead_letters, tallies
from precision.shop.intake import order_events
from precision.shop.intake.order_events import OrderEvent
from precision.shop.intake.order_reading import ReadChange, ReadOrder, read_change, read_order
from precision.shop.intake.order_telling import AgainError, Batch, Told, tell_changes, tell_orders
from precision.shop.intake.verdicts import RefusedError
from precision.shop.models import Platform, Source
from precision.shop.records import Code
from precision.shop.tallies import Outcome

INCOMPLETE: Final = frozenset({Code.MISSING.value, Code.NO_LINES.value})
"""Why a word cannot make an order; it can still change one that comes later, and waits for that."""
PATIENCE_MS: Final = 3_000
"""How long a word waits for another writer of the same order (an import) before it becomes a dead letter."""
ROUNDS: Final = 5
BUSY: Final = "busy"

__all__ = ["BUSY", "Letters", "Told", "apply_changes", "apply_events", "apply_orders"]

Letters = Literal["all", "waiting", "none"]
"""What is kept as dead letters: all that was not used, only what waits for its order, or nothing: it is a letter
that is told again, and who tells it also lets go what waits for it."""


def apply_orders(
    platform: Platform,
    orders: Sequence[Any],
    *,
    source: Source | None,
    trusted: bool,
    received_at: datetime,
    replace: bool = False,
    letters: Letters = "all",
    tally: bool = True,
) -> list[Told]:
    """Take in orders of the wire format (`records.ORDER` with `lines`); return what became of each.

    An order of a known number is changed in the fields that are given, with `replace` (a server's PUT) as a whole. What
    cannot be used is kept as dead letters of the kind `order` (see Letters), and the outcomes are counted, unless the
    caller says that it does so itself. All in one transaction, durable on return unless the caller has opened one of
    its own.
    """
    batch = Batch(
        platform=platform, source=source, trusted=trusted, now=received_at, replace=replace and trusted
    )
    read: dict[int, ReadOrder] = {}
    for place, row in enumerate(orders):
        try:
            read[place] = read_order(row, timezone=platform.timezone, now=received_at)
        except RefusedError as error:
            batch.told[place] = Told(Outcome.REJECTED, *error.verdict[1:])
    with transaction.atomic():
        _patiently(batch, read, lambda: tell_orders(batch, read))
        _finish(batch, orders, read, kind="order", letters=letters, tally=tally)
        usable = (Outcome.ACCEPTED, Outcome.UPDATED, Outcome.DUPLICATE)
        numbers = {order.order_id for place, order in read.items() if batch.told[place].status in usable}
        if numbers and letters != "none":
            dead_letters.release(platform, sorted(numbers))
    return [batch.told[place] for place in range(len(orders))]


def apply_changes(
    platform: Platform,
    changes: Sequence[Any],
    *,
    source: Source | None,
    trusted: bool,
    received_at: datetime,
    letters: Letters = "all",
    tally: bool = True,
) -> list[Told]:
    """Take in changes of orders: `{"change": "update" | "cancel" | "refund" | "return", "order_id", "at", …}`.

    An update gives fields of an order; a refund or return gives `refund_id`, and `lines` (`product_id`, `quantity`,
    `unit_price`: without a quantity all of it, without a price at the price paid), or `amount`, or neither: in full.
    A row without `change` is a refund (`records.REFUND`). A change whose order is not there waits for it as a dead
    letter of the kind `change`; one that cannot be used is kept as one too (see Letters).
    """
    batch = Batch(platform=platform, source=source, trusted=trusted, now=received_at)
    read: dict[int, ReadChange] = {}
    for place, row in enumerate(changes):
        try:
            read[place] = read_change(row, timezone=platform.timezone, now=received_at)
        except RefusedError as error:
            batch.told[place] = Told(Outcome.REJECTED, *error.verdict[1:])
    with transaction.atomic():
        orders = {place: change.order for place, change in read.items()}
        _patiently(batch, orders, lambda: tell_changes(batch, read))
        _finish(batch, changes, orders, kind="change", letters=letters, tally=tally)
    return [batch.told[place] for place in range(len(changes))]


def apply_events(
    platform: Platform,
    events: Sequence[OrderEvent],
    *,
    source: Source | None,
    trusted: bool,
    received_at: datetime,
) -> list[Told]:
    """Take in events that are orders or change them, in the order given; return what became of each."""
    told: dict[int, Told] = {}
    for whole in (True, False):  # orders first: a change may follow its order within one batch
        places = [place for place, event in enumerate(events) if order_events.is_order(event) == whole]
        apply = apply_orders if whole else apply_changes
        if places:
            records = [order_events.as_record(events[place]) for place in places]
            outcomes = apply(platform, records, source=source, trusted=trusted, received_at=received_at)
            told.update(zip(places, outcomes, strict=True))
    return [told[place] for place in range(len(events))]


def _patiently(batch: Batch, read: dict[int, ReadOrder], tell: Any) -> None:
    """Run `tell` until nobody interferes; where another writer holds an order too long, the words wait."""
    if not read:
        return
    for _ in range(ROUNDS):
        try:
            with transaction.atomic(), _lock_timeout():
                tell()
            return
        except AgainError:
            continue
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            break
    detail = "Another writer holds the order; the word is applied as soon as it is free."
    for place in read:
        batch.told[place] = Told(Outcome.ACCEPTED, BUSY, detail)


@contextmanager
def _lock_timeout() -> Iterator[None]:
    """Let no statement of the block wait for a lock longer than PATIENCE_MS."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{PATIENCE_MS}ms"])
        yield
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])


def _finish(
    batch: Batch,
    given: Sequence[Any],
    read: dict[int, ReadOrder],
    *,
    kind: str,
    letters: Letters,
    tally: bool,
) -> None:
    """Keep what cannot be used or has to wait, and count everything."""
    kept = []
    for place, told in sorted(batch.told.items()):
        waits = told.status is Outcome.ACCEPTED and bool(told.code)
        if (waits and letters != "none") or (letters == "all" and told.status is Outcome.REJECTED):
            incomplete = told.code in INCOMPLETE and told.field in {"placed_at", "lines"}
            number = read[place].order_id if waits or (incomplete and place in read) else ""
            letter = dead_letters.Letter(
                kind=kind, code=told.code, detail=told.detail, field=told.field, payload=given[place],
                trusted=batch.trusted, waits_for=number,
            )  # fmt: skip
            kept.append(letter)
    if kept:
        dead_letters.keep(batch.platform, kept, source=batch.source)
        numbers = sorted({letter.waits_for for letter in kept} - {""})
        if numbers:
            dead_letters.recheck(batch.platform, numbers)
    if tally:
        counts: dict[tuple[Outcome, str], int] = defaultdict(int)
        counts.update(Counter((told.status, told.code) for told in batch.told.values()))
        tallies.append(batch.platform, batch.source, counts, kind=kind, day=batch.now.date())
