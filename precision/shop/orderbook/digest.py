"""The fingerprint of one order, the same number that `importing.orders` gives to whole files (see `fingerprint`)."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from precision.shop.fingerprint import FIRST, GOLDEN, SECOND, text_code

MODULUS: Final = 2**64
Value = str | int | None


def of_order(header: Mapping[str, Value], lines: Iterable[Mapping[str, Value]]) -> int:
    """Return the digest of an order with its lines, as a signed 64-bit number; fields without a value count nothing."""
    total = _sum(header) + sum(_mix(_sum(line)) for line in lines)
    mixed = _mix(total % MODULUS)
    return mixed - MODULUS if mixed >= MODULUS // 2 else mixed


def _sum(fields: Mapping[str, Value]) -> int:
    return (
        sum(_mix(_code(value) ^ _name(name)) for name, value in fields.items() if value is not None) % MODULUS
    )


def _code(value: str | int) -> int:
    return text_code(value) if isinstance(value, str) else value % MODULUS


@lru_cache(maxsize=256)
def _name(name: str) -> int:
    return _mix(text_code(name))


def _mix(code: int) -> int:
    """Return `fingerprint.mix` of one number: an array for each would cost many times as much."""
    mixed = (code + GOLDEN) % MODULUS
    mixed = (mixed ^ mixed >> 30) * FIRST % MODULUS
    mixed = (mixed ^ mixed >> 27) * SECOND % MODULUS
    return mixed ^ mixed >> 31
