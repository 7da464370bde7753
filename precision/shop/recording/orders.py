"""Orders and refunds of the API, handed on to the intake of orders, which reads, counts and keeps letters itself."""

from collections.abc import Sequence
from typing import Any

from precision.shop.intake.orders import Told, apply_changes, apply_orders
from precision.shop.recording.answers import Refusal
from precision.shop.recording.handed_on import HandedOn, Outcomes
from precision.shop.records import REASONS, Code
from precision.shop.tallies import Outcome


def tell_orders(call: HandedOn) -> Outcomes:
    """Take in orders, in the order in which they were sent."""
    told = apply_orders(
        call.platform,
        call.rows,
        source=call.source,
        trusted=call.trusted,
        received_at=call.now,
        replace=call.replace,
        letters="all" if call.letters else "none",
    )
    return outcomes(range(len(call.rows)), told)


def tell_refunds(call: HandedOn) -> Outcomes:
    """Take in refunds; one without a time is refused, because told again it would be another one."""
    made: Outcomes = {}
    places: list[int] = []
    rows: list[Any] = []
    for place, row in enumerate(call.rows):
        if isinstance(row, dict) and not _is_empty(row.get("order_id")) and _is_empty(row.get("at")):
            made[place] = Refusal(
                index=place, code=Code.MISSING.value, detail=REASONS[Code.MISSING], field="at"
            )
            call.own_refusals.add(place)
            continue
        places.append(place)
        rows.append({**row, "change": "refund"} if isinstance(row, dict) else row)
    told = apply_changes(
        call.platform,
        rows,
        source=call.source,
        trusted=call.trusted,
        received_at=call.now,
        letters="all" if call.letters else "none",
    )
    return {**made, **outcomes(places, told)}


def outcomes(places: Sequence[int] | range, told: Sequence[Told]) -> Outcomes:
    """Return what became of the rows at these places."""
    made: Outcomes = {}
    for place, one in zip(places, told, strict=True):
        if one.status is Outcome.REJECTED:
            made[place] = Refusal(index=place, code=one.code, detail=one.detail, field=one.field)
        else:
            made[place] = one.status.value
    return made


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
