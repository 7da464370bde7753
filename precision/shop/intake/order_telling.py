"""Orders and changes that were read, told to the order book in our own numbers; what each did."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson

from precision.shop import identities
from precision.shop.intake import order_goods
from precision.shop.intake.order_goods import Goods
from precision.shop.intake.order_reading import ReadChange, ReadLine, ReadOrder
from precision.shop.models import Order, Platform, Source
from precision.shop.orderbook import digest, rows
from precision.shop.orderbook.refunds import Asked, Refund
from precision.shop.orderbook.rows import Entry, microseconds
from precision.shop.orderbook.words import CONTEXT, LINES, Line, Merged, Rank, Word
from precision.shop.records import REASONS, Code
from precision.shop.tallies import Outcome

UNKNOWN_PRODUCT: Final = "unknown_product"
OLDER: Final = "older"
UNTRUSTED: Final = "untrusted"
OTHER_CURRENCY: Final = "other_currency"
CANCELLED: Final = "cancelled"


class Told(NamedTuple):
    """What became of one word."""

    status: Outcome
    """accepted (a new order, a new credit note, or a change that waits for its order), updated, duplicate, rejected."""
    code: str = ""
    """Why it was rejected; of a duplicate `older` or `untrusted`; of what waits `unknown_order` or `busy`."""
    detail: str = ""
    field: str = ""


class AgainError(Exception):
    """Another writer was quicker; everything has to be read once more."""


@dataclass(slots=True, kw_only=True)
class Batch:
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


def tell_orders(batch: Batch, read: dict[int, ReadOrder]) -> None:
    """Tell orders by their place in the call; what became of each stands in the batch. Raises AgainError."""
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


def tell_changes(batch: Batch, read: dict[int, ReadChange]) -> None:
    """Tell changes by their place in the call; what became of each stands in the batch. Raises AgainError."""
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
    batch: Batch,
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


def _refund(batch: Batch, entry: Entry, change: ReadChange, *, goods: Goods) -> Told:
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


def _write(batch: Batch, entries: dict[str, Entry]) -> None:
    """Write what changed. Raises _Again when another writer has put one of the new orders there meanwhile."""
    for entry in entries.values():
        fields = entry.state.fields
        fields["currency"] = fields["currency"] or batch.platform.currency
    if rows.write(batch.platform, entries.values(), source=batch.source, now=batch.now):
        raise AgainError


def _people(batch: Batch, orders: Any) -> dict[tuple[str, str], int]:
    wanted = {name for order in orders if (name := _person(order)) is not None}
    return identities.resolve(batch.platform, wanted, now=batch.now) if wanted else {}


def _person(order: ReadOrder) -> tuple[str, str] | None:
    """Return the name of who ordered: a known customer beats an anonymous one."""
    if order.customer_id:
        return "customer_id", order.customer_id
    return ("anonymous_id", order.anonymous_id) if order.anonymous_id else None
