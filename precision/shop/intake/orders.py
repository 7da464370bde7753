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
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

import orjson
from django.db import OperationalError, connection, transaction
from psycopg.errors import DeadlockDetected, LockNotAvailable

from precision.shop import dead_letters, identities, tallies
from precision.shop.intake import order_events, order_goods
from precision.shop.intake.order_events import OrderEvent
from precision.shop.intake.order_goods import Goods
from precision.shop.intake.order_reading import ReadChange, ReadLine, ReadOrder, read_change, read_order
from precision.shop.intake.verdicts import RefusedError
from precision.shop.models import Order, Platform, Source
from precision.shop.orderbook import digest, rows
from precision.shop.orderbook.refunds import Asked, Refund
from precision.shop.orderbook.rows import Entry, microseconds
from precision.shop.orderbook.words import CONTEXT, LINES, Line, Merged, Rank, Word
from precision.shop.records import REASONS, Code
from precision.shop.tallies import Outcome

INCOMPLETE: Final = frozenset({Code.MISSING.value, Code.NO_LINES.value})
"""Why a word cannot make an order; it can still change one that comes later, and waits for that."""
PATIENCE_MS: Final = 3_000
"""How long a word waits for another writer of the same order (an import) before it becomes a dead letter."""
ROUNDS: Final = 5
BUSY: Final = "busy"
UNKNOWN_PRODUCT: Final = "unknown_product"
OLDER: Final = "older"
UNTRUSTED: Final = "untrusted"
OTHER_CURRENCY: Final = "other_currency"
CANCELLED: Final = "cancelled"


Letters = Literal["all", "waiting", "none"]
"""What is kept as dead letters: all that was not used, only what waits for its order, or nothing: it is a letter
that is told again, and who tells it also lets go what waits for it."""


class Told(NamedTuple):
    """What became of one word."""

    status: Outcome
    """accepted (a new order, a new credit note, or a change that waits for its order), updated, duplicate, rejected."""
    code: str = ""
    """Why it was rejected; of a duplicate `older` or `untrusted`; of what waits `unknown_order` or `busy`."""
    detail: str = ""
    field: str = ""


class _AgainError(Exception):
    """Another writer was quicker; everything has to be read once more."""


@dataclass(slots=True, kw_only=True)
class _Batch:
    """The words of one call about orders, by their place in it, and what became of each."""

    platform: Platform
    source: Source | None
    trusted: bool
    now: datetime
    replace: bool = False
    told: dict[int, Told] = field(default_factory=dict)

    def rank(self, at: datetime | None) -> Rank:
        """Return the weight of a word of that time; a time ahead of ours would shut out every later word."""
        return Rank(trusted=self.trusted, at=microseconds(min(at or self.now, self.now)))


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
    batch = _Batch(
        platform=platform, source=source, trusted=trusted, now=received_at, replace=replace and trusted
    )
    read: dict[int, ReadOrder] = {}
    for place, row in enumerate(orders):
        try:
            read[place] = read_order(row, timezone=platform.timezone, now=received_at)
        except RefusedError as error:
            batch.told[place] = Told(Outcome.REJECTED, *error.verdict[1:])
    with transaction.atomic():
        _patiently(batch, read, lambda: _tell_orders(batch, read))
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
    batch = _Batch(platform=platform, source=source, trusted=trusted, now=received_at)
    read: dict[int, ReadChange] = {}
    for place, row in enumerate(changes):
        try:
            read[place] = read_change(row, timezone=platform.timezone, now=received_at)
        except RefusedError as error:
            batch.told[place] = Told(Outcome.REJECTED, *error.verdict[1:])
    with transaction.atomic():
        orders = {place: change.order for place, change in read.items()}
        _patiently(batch, orders, lambda: _tell_changes(batch, read))
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


def _tell_orders(batch: _Batch, read: dict[int, ReadOrder]) -> None:
    entries = rows.read(batch.platform, sorted({order.order_id for order in read.values()}))
    goods = order_goods.find(batch.platform, read.values(), trusted=batch.trusted, now=batch.now)
    people = _people(batch, read.values())
    for place, order in read.items():
        entry = entries.get(order.order_id)
        if refusal := _lacking(
            order, fresh=entry is None or (entry.id is None and not entry.touched), goods=goods
        ):
            batch.told[place] = refusal
            continue
        entry = entries.setdefault(order.order_id, Entry(number=order.order_id))
        word = _word(batch, order, goods=goods, people=people, whole=batch.replace, create=not entry.touched)
        batch.told[place] = _merge(entry, word)
    _write(batch, entries)


def _tell_changes(batch: _Batch, read: dict[int, ReadChange]) -> None:
    orders = [change.order for change in read.values()]
    entries = rows.read(batch.platform, sorted({order.order_id for order in orders}))
    known = [order for order in orders if order.order_id in entries]
    goods = order_goods.find(batch.platform, known, trusted=batch.trusted, now=batch.now)
    people = _people(batch, known)
    for place, change in sorted(read.items(), key=lambda item: item[1].kind != "update"):
        entry = entries.get(change.order.order_id)
        if entry is None:
            code = Code.UNKNOWN_ORDER
            batch.told[place] = Told(
                Outcome.ACCEPTED, code.value, f"{REASONS[code]} The change waits for it."
            )
        elif change.kind in {"refund", "return"}:
            batch.told[place] = _refund(batch, entry, change, goods=goods)
        else:
            if change.kind == "cancel":
                fields: dict[str, Any] = {"status": CANCELLED}
                word = Word(rank=batch.rank(change.at), fields=fields)
            elif refusal := _lacking(change.order, fresh=False, goods=goods):
                batch.told[place] = refusal
                continue
            else:
                word = _word(batch, change.order, goods=goods, people=people, at=change.at)
            batch.told[place] = _merge(entry, word)
    _write(batch, entries)


def _lacking(order: ReadOrder, *, fresh: bool, goods: Goods) -> Told | None:
    """Return why the word cannot be used, None where it can."""
    if fresh and order.placed_at is None:
        return Told(Outcome.REJECTED, Code.MISSING.value, REASONS[Code.MISSING], "placed_at")
    if fresh and not order.lines:
        return Told(Outcome.REJECTED, Code.NO_LINES.value, REASONS[Code.NO_LINES], "lines")
    for place, line in enumerate(order.lines or ()):
        if line.product_id not in goods.products:
            detail = f"Nobody described the product {line.product_id!r}, and a browser cannot add it."
            return Told(Outcome.REJECTED, UNKNOWN_PRODUCT, detail, f"lines[{place}].product_id")
        if line.unit_price is None and goods.products[line.product_id].price is None:
            return Told(
                Outcome.REJECTED, Code.MISSING.value, REASONS[Code.MISSING], f"lines[{place}].unit_price"
            )
    return None


def _word(
    batch: _Batch,
    order: ReadOrder,
    *,
    goods: Goods,
    people: dict[tuple[str, str], int],
    whole: bool = False,
    create: bool = False,
    at: datetime | None = None,
) -> Word:
    """Return what was read in our own numbers."""
    own = at or order.updated_at
    fields: dict[str, Any] = dict(order.texts)
    name = _person(order)
    if name is not None and name in people:
        fields["person"] = people[name]
    if order.placed_at is not None:
        fields["placed_at"] = microseconds(order.placed_at)
    if order.status:
        fields["status"] = order.status
    if order.currency:
        fields["currency"] = order.currency
    if order.store_id in goods.stores:
        fields["store"] = goods.stores[order.store_id]
    fields.update({CONTEXT + name: value for name, value in order.context.items()})
    if order.lines is not None:
        fields[LINES] = tuple(_line(line, goods) for line in order.lines)
        priced = sorted({line.product_id for line in order.lines if line.unit_price is None})
        if priced:
            fields[f"{CONTEXT}priced_from_catalogue"] = priced
    fingerprint = _fingerprint(batch.platform, order, goods) if whole or create else 0
    return Word(
        rank=batch.rank(own), fields=fields, whole=whole, timed=own is not None, fingerprint=fingerprint
    )


def _fingerprint(platform: Platform, order: ReadOrder, goods: Goods) -> int:
    """Return the digest by which an import of the same content knows that it tells nothing new."""
    header: dict[str, str | int | None] = {
        "customer_id": order.customer_id or None,
        "anonymous_id": None if order.customer_id else order.anonymous_id or None,
        "placed_at": None if order.placed_at is None else microseconds(order.placed_at),
        "status": order.status or Order.Status.COMPLETED.value,
        "currency": order.currency or platform.currency,
        "store_id": order.store_id or None,
        "context": orjson.dumps(order.context, default=str).decode() if order.context else None,
        **order.texts,
    }
    lines = []
    for line in order.lines or ():
        price, list_price = order_goods.prices(line, goods)
        lines.append(
            {
                "product_id": line.product_id,
                "quantity": line.quantity,
                "unit_price": price,
                "list_price": list_price,
            }
        )
    return digest.of_order(header, lines)


def _line(line: ReadLine, goods: Goods) -> Line:
    price, list_price = order_goods.prices(line, goods)
    return Line(goods.products[line.product_id].id, line.quantity or 0, price, list_price)


def _merge(entry: Entry, word: Word) -> Told:
    """Take a word into an order; return what it did."""
    fresh = entry.id is None and not entry.touched
    done = entry.state.merge(word)
    if done is Merged.UNTRUSTED:
        return Told(Outcome.DUPLICATE, UNTRUSTED)
    if done is Merged.OLDER:
        return Told(Outcome.DUPLICATE, OLDER)
    if done in {Merged.CHANGED, Merged.NOTED}:
        entry.touched = True
        if fresh or word.whole:
            entry.fingerprint = word.fingerprint
    if fresh:
        return Told(Outcome.ACCEPTED)
    return Told(Outcome.UPDATED if done is Merged.CHANGED else Outcome.DUPLICATE)


def _refund(batch: _Batch, entry: Entry, change: ReadChange, *, goods: Goods) -> Told:
    """Take a refund into an order; return what it did."""
    if entry.state.confirmed and not batch.trusted:
        return Told(Outcome.DUPLICATE, UNTRUSTED)
    currency = entry.state.fields["currency"]
    if change.currency and change.currency != currency:
        detail = (
            f"The refund is in {change.currency}, the order in {currency}; give the amount in {currency}."
        )
        return Told(Outcome.REJECTED, OTHER_CURRENCY, detail, "currency")
    lines = change.order.lines
    if lines is not None and (
        unknown := [one.product_id for one in lines if one.product_id not in goods.products]
    ):
        detail = f"Nobody described the product {unknown[0]!r}, so it was not in the order."
        return Told(Outcome.REJECTED, UNKNOWN_PRODUCT, detail, "lines")
    refund = Refund(
        number=change.refund_id,
        rank=batch.rank(change.at),
        lines=None
        if lines is None
        else tuple(Asked(goods.products[one.product_id].id, one.quantity, one.unit_price) for one in lines),
        amount=change.amount,
        reason=change.reason,
    )
    known = next((one for one in entry.refunds if one.number == refund.number), None)
    if known == refund:
        return Told(Outcome.DUPLICATE)
    if known is not None and known.rank > refund.rank:
        return Told(Outcome.DUPLICATE, OLDER if known.rank.trusted == refund.rank.trusted else UNTRUSTED)
    entry.refunds = [one for one in entry.refunds if one.number != refund.number] + [refund]
    entry.refunded = True
    entry.touched |= (
        not entry.worded
    )  # from now on nobody may replace its lines without a look at its credit notes
    return Told(Outcome.ACCEPTED if known is None else Outcome.UPDATED)


def _write(batch: _Batch, entries: dict[str, Entry]) -> None:
    """Write what changed. Raises _Again when another writer has put one of the new orders there meanwhile."""
    for entry in entries.values():
        fields = entry.state.fields
        fields["currency"] = fields["currency"] or batch.platform.currency
    if rows.write(batch.platform, entries.values(), source=batch.source, now=batch.now):
        raise _AgainError


def _patiently(batch: _Batch, read: dict[int, ReadOrder], tell: Any) -> None:
    """Run `tell` until nobody interferes; where another writer holds an order too long, the words wait."""
    if not read:
        return
    for _ in range(ROUNDS):
        try:
            with transaction.atomic(), _lock_timeout():
                tell()
            return
        except _AgainError:
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


def _people(batch: _Batch, orders: Any) -> dict[tuple[str, str], int]:
    wanted = {name for order in orders if (name := _person(order)) is not None}
    return identities.resolve(batch.platform, wanted, now=batch.now) if wanted else {}


def _person(order: ReadOrder) -> tuple[str, str] | None:
    """Return the name of who ordered: a known customer beats an anonymous one."""
    if order.customer_id:
        return "customer_id", order.customer_id
    return ("anonymous_id", order.anonymous_id) if order.anonymous_id else None


def _finish(
    batch: _Batch,
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
