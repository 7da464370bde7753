"""A digest of what an order says, so that a repetition is told from a change without keeping the old
content.

Values become 64-bit codes: whole numbers are their own, texts go through BLAKE2b. Each code is mixed with
the code of its field's name by the finaliser of SplitMix64 (Steele, Lea, Flood 2014: “Fast splittable
pseudorandom number generators”); a line is the sum of its fields, an order that of its own fields and of
its mixed lines, all modulo 2⁶⁴. Sums do not depend on an order of rows or of fields, and a field without a
value adds nothing, so that a field that is new to us changes no old digest. Two different contents share a
digest with probability 2⁻⁶⁴; the digest is no protection against somebody who looks for such a pair.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint64]

GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""Constants of SplitMix64."""


def text_code(text: str) -> int:
    """Return the 64-bit code of a text."""
    return int.from_bytes(blake2b(text.encode("utf-8"), digest_size=8).digest(), "little")


def text_codes(distinct: Sequence[str]) -> Codes:
    """Return the code of each text; call it with distinct texts and take from the result."""
    joined = b"".join(blake2b(text.encode("utf-8"), digest_size=8).digest() for text in distinct)
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64, copy=False)


def row_sums(columns: Mapping[str, tuple[Codes, NDArray[np.bool_]]], *, rows: int) -> Codes:
    """Return the digest of each row, shape (rows,): the sum of its mixed fields.

    A column is a pair of codes and of whether the row has a value, both of shape (rows,).
    """
    total = np.zeros(rows, dtype=np.uint64)
    for name, (codes, given) in columns.items():
        mixed = mix(codes ^ mix(np.full(1, text_code(name), dtype=np.uint64)))
        mixed[~given] = 0
        total += mixed
    return total


def order_fingerprints(orders: Codes, lines: Codes, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the digest of each order, shape of `orders`.

    `orders` holds the row sums of the orders, `lines` those of all lines, `positions` for each line the
    index of its order; lines may come in any order.
    """
    by_order = np.argsort(positions, kind="stable")
    mixed = mix(lines)[by_order]
    counts = np.bincount(positions, minlength=len(orders))
    total = orders.copy()
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    filled = counts > 0
    if filled.any():
        total[filled] += np.add.reduceat(mixed, starts[filled])
    return mix(total).view(np.int64)


def mix(codes: Codes) -> Codes:
    """Return the SplitMix64 finaliser of each code: a bijection in which every bit depends on every other."""
    mixed = codes + np.uint64(GOLDEN)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(FIRST)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(SECOND)
    mixed ^= mixed >> np.uint64(31)
    return mixed
