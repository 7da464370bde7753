"""The fingerprint of one order, the same number that `importing.orders` gives to whole files (see `fingerprint`)."""

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from precision.shop.fingerprint import mix, text_code

MODULUS: Final = 2**64
Value = str | int | None


def of_order(header: Mapping[str, Value], lines: Iterable[Mapping[str, Value]]) -> int:
    """Return the digest of an order with its lines, as a signed 64-bit number; fields without a value count nothing."""
    total = _sum(header) + sum(_mix(_sum(line)) for line in lines)
    mixed = _mix(total % MODULUS)
    return mixed - MODULUS if mixed >= MODULUS // 2 else mixed


def _sum(fields: Mapping[str, Value]) -> int:
    return (
        sum(_mix(_code(value) ^ _mix(text_code(name))) for name, value in fields.items() if value is not None)
        % MODULUS
    )


def _code(value: str | int) -> int:
    return text_code(value) if isinstance(value, str) else value % MODULUS


def _mix(code: int) -> int:
    return int(mix(np.array([code], dtype=np.uint64))[0])
