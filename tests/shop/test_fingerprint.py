"""The digest of an order: the same for the same content, another for every other."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from precision.shop import fingerprint as f

LINES = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-3, 9), st.integers(0, 50)), min_size=1, max_size=12
)


def digests(orders: list[dict[str, int | None]], lines: list[tuple[int, int, int]]) -> list[int]:
    """Digests of orders with named whole numbers; a line is (position of its order, product, price)."""
    names = sorted({name for order in orders for name in order})
    header = {
        name: (
            np.array([order.get(name) or 0 for order in orders], dtype=np.int64).view(np.uint64),
            np.array([order.get(name) is not None for order in orders]),
        )
        for name in names
    }
    table = np.array(lines, dtype=np.int64).reshape(-1, 3)
    given_ = np.ones(len(table), dtype=bool)
    columns = {
        "product": (np.ascontiguousarray(table[:, 1]).view(np.uint64), given_),
        "price": (np.ascontiguousarray(table[:, 2]).view(np.uint64), given_),
    }
    sums = f.row_sums(header, rows=len(orders))
    found = f.order_fingerprints(sums, f.row_sums(columns, rows=len(table)), table[:, 0].copy())
    return [int(digest) for digest in found]


def by_hand(order: dict[str, int | None], lines: list[tuple[int, int]]) -> int:
    """The same digest with Python's whole numbers, straight from the formula."""
    mask = 2**64 - 1

    def mix(code: int) -> int:
        code = (code + 0x9E3779B97F4A7C15) & mask
        code = ((code ^ code >> 30) * 0xBF58476D1CE4E5B9) & mask
        code = ((code ^ code >> 27) * 0x94D049BB133111EB) & mask
        return code ^ code >> 31

    def field(name: str, value: int) -> int:
        return mix(value & mask ^ mix(f.text_code(name)))

    total = sum(field(name, value) for name, value in order.items() if value is not None)
    for product, price in lines:
        total += mix((field("product", product) + field("price", price)) & mask)
    digest = mix(total & mask)
    return digest - 2**64 if digest >= 2**63 else digest


@settings(deadline=None)
@given(lines=LINES, shuffled=st.randoms(use_true_random=False))
def test_equals_the_formula_in_any_order_of_rows(lines: list[tuple[int, int, int]], shuffled: object) -> None:
    orders: list[dict[str, int | None]] = [{"placed": n, "store": None if n % 2 else n} for n in range(5)]
    expected = [
        by_hand(order, [line[1:] for line in lines if line[0] == n]) for n, order in enumerate(orders)
    ]
    assert digests(orders, lines) == expected
    shuffled.shuffle(lines)  # type: ignore[attr-defined]
    assert digests(orders, lines) == expected


def test_is_the_same_on_every_machine_and_for_ever() -> None:
    # Written down once: a change of the method would make every stored order look changed.
    assert digests([{"placed": 1}], [(0, 2, 3)]) == [by_hand({"placed": 1}, [(2, 3)])]
    assert f.text_codes(["", "ä"]).tolist() == [f.text_code(""), f.text_code("ä")]
    assert f.text_code("product") == PRODUCT_CODE


PRODUCT_CODE = 7_792_492_918_865_211_623  # BLAKE2b-64 of “product”, little end first


def test_every_difference_shows() -> None:
    orders: list[dict[str, int | None]] = [
        {"placed": 1, "store": None},
        {"placed": 2, "store": None},
        {"placed": 1, "store": 0},
    ]
    base = [(0, 7, 100), (1, 7, 100), (2, 7, 100)]
    variants = [
        *digests(orders, base),
        digests(orders, [(0, 7, 101)])[0],
        digests(orders, [(0, 8, 100)])[0],
        digests(orders, [(0, 7, 100), (0, 7, 100)])[0],
        digests(orders, [(0, 100, 7)])[0],
        digests([{"store": 1, "placed": None}], [(0, 7, 100)])[0],
    ]
    assert len(set(variants)) == len(variants)


def test_a_field_without_a_value_counts_as_no_field() -> None:
    assert digests([{"placed": 1, "coupon": None}], [(0, 1, 1)]) == digests([{"placed": 1}], [(0, 1, 1)])


def test_no_two_of_many_orders_share_a_digest() -> None:
    orders: list[dict[str, int | None]] = [{"placed": n} for n in range(300)]
    lines = [(n, product, price) for n in range(300) for product in range(n % 3 + 1) for price in (0, 1)]
    assert len(set(digests(orders, lines))) == 300
