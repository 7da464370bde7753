"""Credit notes: what refunds take back of an order, never more than was bought.

A note has lines like an order, so that sums over orders and notes come out net:

- goods that came back: −quantity at the price paid (or the lower price that was given back);
- money given back for goods that the customer keeps: −quantity at the price so far and +quantity at the reduced
  price, so that the quantities net to 0 and the amounts to the money. An amount is shared over the lines by their
  value; prices are whole 1/10,000 of the currency unit, so a share may be off by half of that per unit.

Refunds count in the order of their time and number, whatever order they came in; what a refund asks beyond what is
left is cut off and told (`excess`). An amount that reaches all that is left is a refund in full: the goods count as
returned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from precision.shop import columns as c
from precision.shop.orderbook.words import Line, Rank

HALF: Final = 2


class Asked(NamedTuple):
    """Goods that are to be taken back; None: all that is left of the product, at the price paid."""

    product: int
    quantity: int | None = None
    unit_price: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One refund as it was told: by lines, by amount, or in full where neither is given."""

    number: str
    rank: Rank
    lines: tuple[Asked, ...] | None = None
    amount: int | None = None
    """1/10,000 of the currency unit; does not count beside lines."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The credit note of a refund."""

    refund: Refund
    lines: tuple[Line, ...]
    excess: bool = False
    """More was asked than was left."""


@dataclass(slots=True)
class _Left:
    product: int
    quantity: int
    price: int
    list_price: int | None

    @property
    def value(self) -> int:
        """What is left of the line, in 1/10,000,000 of the currency unit."""
        return self.quantity * self.price


def together(refunds: Iterable[Refund]) -> list[Refund]:
    """Return one refund a number, that of the highest rank, by time and number."""
    latest: dict[str, Refund] = {}
    for refund in refunds:
        known = latest.get(refund.number)
        if known is None or refund.rank >= known.rank:
            latest[refund.number] = refund
    return sorted(latest.values(), key=lambda refund: (refund.rank.at, refund.number))


def notes(lines: Sequence[Line], refunds: Iterable[Refund]) -> list[Note]:
    """Return the credit note of each refund of an order with these lines, by time and number."""
    left = [
        _Left(line.product, line.quantity, line.unit_price, line.list_price)
        for line in lines
        if line.quantity > 0
    ]
    return [_note(left, refund) for refund in together(refunds)]


def _note(left: list[_Left], refund: Refund) -> Note:
    if refund.lines is not None:
        return _by_lines(left, refund, refund.lines)
    remaining = sum(line.value for line in left)
    if refund.amount is None or refund.amount * c.QUANTITY >= remaining:
        excess = refund.amount is not None and refund.amount * c.QUANTITY > remaining
        taken = tuple(_take(line, line.quantity, None) for line in left if line.quantity)
        return Note(refund=refund, lines=taken, excess=excess)
    return Note(refund=refund, lines=_by_amount(left, refund.amount * c.QUANTITY, remaining))


def _by_lines(left: list[_Left], refund: Refund, asked: Iterable[Asked]) -> Note:
    taken: list[Line] = []
    excess = False
    for each in asked:
        wanted = each.quantity
        for line in left:
            if line.product != each.product or not line.quantity:
                continue
            quantity = line.quantity if wanted is None else min(line.quantity, wanted)
            if quantity:
                excess |= each.unit_price is not None and each.unit_price > line.price
                taken.append(_take(line, quantity, each.unit_price))
            wanted = None if wanted is None else wanted - quantity
        excess |= bool(wanted)
    return Note(refund=refund, lines=tuple(taken), excess=excess)


def _by_amount(left: list[_Left], amount: int, remaining: int) -> tuple[Line, ...]:
    """Reduce the price of all that is left in proportion to its value."""
    made: list[Line] = []
    for line in left:
        if not line.value:
            continue
        reduced = line.price - (HALF * line.price * amount + remaining) // (
            HALF * remaining
        )  # rounded half up
        if reduced != line.price:
            made.append(Line(line.product, -line.quantity, line.price, line.list_price))
            made.append(Line(line.product, line.quantity, reduced, line.list_price))
        line.price = reduced
    return tuple(made)


def _take(line: _Left, quantity: int, price: int | None) -> Line:
    line.quantity -= quantity
    return Line(
        line.product, -quantity, line.price if price is None else min(price, line.price), line.list_price
    )
